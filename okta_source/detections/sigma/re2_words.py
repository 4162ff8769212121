"""What RE2 says of a pattern that it refuses, and what to write instead."""

import re
from typing import Final

__all__ = ["refusal"]

_SAFE: Final = ", so that no pattern can stop a tenant"
_REASONS: Final = tuple((re.compile(pattern), text) for pattern, text in (
    (r"\(\?<?[=!]", f"RE2 has no look-ahead and no look-behind{_SAFE}"),
    (r"escape sequence: \\[1-9gk]|\(\?P$", f"RE2 has no backreferences{_SAFE}"),
    (r"\(\?>|repetition operator: \S+\+$", f"RE2 has no atomic groups and nothing possessive{_SAFE}"),
    (r"repetition size", "RE2 repeats at most 1,000 times, in all that is nested together"),
    (r"escape sequence: \\u", r"write the character itself, or \x{…} with its number in hexadecimal"),
    (r"escape sequence: \\Z", r"write \z for the end of the text"),
    (r"escape sequence", "leave the backslash out where the character itself is meant"),
    (r"too large", f"RE2 bounds what a pattern takes{_SAFE}; write several"),
))  # fmt: skip
"""The first that fits is told."""


def refusal(error: Exception) -> str:
    """Why a pattern is refused, with the reason behind it where there is one to tell.

    Args:
        error: What RE2 has raised.
    """
    said = error.args[0] if error.args else error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return next((f"{text}: {reason}" for pattern, reason in _REASONS if pattern.search(text)), text)
