"""What is wrong with rules, told to their author: one line each, with file, rule, place and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Problem", "Report", "RulesError", "no_list"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right.

    Attributes:
        file: The rule's file, as it was named.
        rule: The rule's title, or what else tells it from others of its file.
        place: Where in the rule, such as `detection.selection.eventType`; nothing for the rule as a whole.
        message: What is wrong, and what would be right.
        is_error: Whether the rule can't be used; otherwise it can, but may not do what its author wants.
        names: What other rules call this one, as far as that could be read.
    """

    file: str
    rule: str
    place: str
    message: str
    is_error: bool = True
    names: frozenset[str] = frozenset()

    def __str__(self) -> str:
        rule = f'rule "{self.rule}"' if self.rule else ""
        line = ": ".join(part for part in (self.file, rule, self.place, self.message) if part)
        return " ".join(line.splitlines())


class RulesError(Exception):
    """Rules that can't be used. Its text is one line per problem.

    Attributes:
        problems: All of them.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Report:
    """Takes down the problems of one rule while it is read.

    Args:
        file: The rule's file.
        rule: What the rule is called.

    Attributes:
        names: What other rules call the rule.
        takes_missing_lists: Whether lists that nobody gives are noted only, since the rule is off and may stay so.
        missing: Those: the place and the name of each.
    """

    def __init__(self, file: str, rule: str = "") -> None:
        self.file = file
        self.rule = rule
        self.names: frozenset[str] = frozenset()
        self._found: list[tuple[str, str, bool]] = []
        self.takes_missing_lists = False
        self.missing: list[tuple[str, str]] = []

    @property
    def has_errors(self) -> bool:
        """Whether the rule can't be used."""
        return any(is_error for _, _, is_error in self._found)

    @property
    def problems(self) -> list[Problem]:
        """What was found so far, with what is known by now of the rule."""
        return [Problem(self.file, self.rule, *found, self.names) for found in self._found]

    def error(self, place: str, message: str) -> None:
        """Something that makes the rule unusable."""
        self._found.append((place, message, True))

    def missing_list(self, place: str, name: str) -> None:
        """A list that a rule needs and that nobody gives."""
        if self.takes_missing_lists:
            self.missing.append((place, name))
        else:
            self.error(place, no_list(name))

    def warn(self, place: str, message: str) -> None:
        """Something that deserves a look."""
        self._found.append((place, message, False))


def no_list(name: str) -> str:
    """What is told of a list that nobody gives."""
    line = f'{name} = ["…"]'
    return f"there is no list {name}; add to [detections.lists] in the configuration: {line}"
