"""Foreign text as it may be shown: what a server, a proxy or an event says goes into logs, tables and terminals, and must not act there."""

__all__ = ["printable"]

_LONGEST = 1000


def printable(text: str, longest: int = _LONGEST) -> str:
    """The text on one line, without what could steer a terminal or forge a line of a log.

    Args:
        text: Whatever somebody else wrote.
        longest: Characters; what is longer ends in an ellipsis.

    Returns:
        Line breaks and other white space as single spaces; control characters (C0 and C1), bidirectional and other invisible marks, and
        half surrogates as U+FFFD.
    """
    if text.isprintable() and len(text) <= longest and "  " not in text:
        return text
    line = " ".join(text[: 4 * longest].split())
    shown = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
