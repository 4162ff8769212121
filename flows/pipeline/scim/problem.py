"""What is wrong with a filter, and where."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["FilterError", "did_you_mean"]


class FilterError(ValueError):
    """A filter that can't be understood.

    Attributes:
        text: The filter.
        position: Where in it, counted from 0 as Okta's own answers do.
        reason: What is wrong there and what was expected.
    """

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__(f"at position {position}: {reason}")
        self.text = text
        self.position = position
        self.reason = reason

    def pointed(self) -> str:
        """The filter with a caret below the place, and the reason."""
        line = "".join(character if character.isprintable() else " " for character in self.text)
        return f"{line}\n  {' ' * self.position}^ {self}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing where nothing known is near."""
    by_lower = {entry.lower(): entry for entry in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""
