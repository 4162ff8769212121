"""Reads the rules in force: those in the box and those of the configuration, with the lists that they ask for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

from okta_source.detections.problems import Problem, RulesError
from okta_source.detections.rules import RuleSet, assemble
from okta_source.detections.selection import Selection
from okta_source.detections.sigma.expression import tests
from okta_source.detections.sigma.parse import parse_rules
from okta_source.detections.sigma.placeholders import Lists, placeholders
from okta_source.detections.sigma.predicates import predicate
from okta_source.detections.sigma.rule import EventRule, Filter, Rule
from okta_source.detections.table import DetectionsConfig

__all__ = ["LiveLists", "Reading", "check_rules", "load_rules", "managed_files", "read_files", "read_lists", "with_lists"]

_PACKAGE: Final = "okta_source.detections"
_MANAGED: Final = "managed"
_Used = TypeVar("_Used")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a configuration's rules come to.

    Attributes:
        rules: Those in force; none where there is an error.
        problems: Everything that is wrong, or deserves a look.
        count: How many rules can be used by themselves, those that are off too.
    """

    rules: RuleSet
    problems: list[Problem]
    count: int

    @property
    def errors(self) -> list[Problem]:
        """What makes a run refuse them."""
        return [problem for problem in self.problems if problem.is_error]


def load_rules(
    config: DetectionsConfig, lists: Lists | None = None, only: frozenset[str] | None = None, *, beside_managed: bool = False
) -> tuple[RuleSet, list[Problem]]:
    """Read everything that a configuration names.

    Args:
        config: The table.
        lists: The values of the lists; by default they are read now.
        only: Ids or names of the rules that are on, in place of the configuration's choice.
        beside_managed: Whether the rules may refer to those in the box though the table leaves these out, which are in force then too.

    Returns:
        The rules in force, and what deserves a look.

    Raises:
        RulesError: With every problem of every file.
    """
    found = check_rules(config, lists, only, beside_managed=beside_managed)
    if found.errors:
        raise RulesError(found.errors)
    return found.rules, found.problems


def check_rules(
    config: DetectionsConfig, lists: Lists | None = None, only: frozenset[str] | None = None, *, beside_managed: bool = False
) -> Reading:
    """Read everything that a configuration names, and tell all that is wrong.

    Args:
        config: The table.
        lists: As for `load_rules`.
        only: As for `load_rules`.
        beside_managed: As for `load_rules`.
    """
    lists = read_lists(config) if lists is None else lists
    own, problems = read_files(((str(path), path.read_bytes()) for path in config.files()), lists)
    managed, wrong = read_files(managed_files(), lists) if config.managed or beside_managed else ([], [])
    problems += wrong
    selection = Selection(config.enable, config.disable, config.level_at_least, only, config.file)
    refused = {name for problem in problems if problem.is_error for name in problem.names}
    found, between = assemble(own, lists, selection, managed, refused)
    count = len({rule.about.id for rule in (*own, *(managed if config.managed else ()))})
    problems += between
    has_errors = any(problem.is_error for problem in problems)
    return Reading(RuleSet((), lists) if has_errors else found, problems, count)


def read_files(files: Iterable[tuple[str, bytes]], lists: Lists) -> tuple[list[Rule | Filter], list[Problem]]:
    """Read files of rules.

    Args:
        files: Name and content of each.
        lists: The values of placeholders.

    Returns:
        The rules that can be used, and every problem.
    """
    rules: list[Rule | Filter] = []
    problems: list[Problem] = []
    for name, content in files:
        found, wrong = parse_rules(name, content, lists)
        rules += found
        problems += wrong
    return rules, problems


def managed_files() -> Iterator[tuple[str, bytes]]:
    """Name and content of the files in the box, in the order of their names."""
    folder = resources.files(_PACKAGE).joinpath(_MANAGED)
    if not folder.is_dir():
        return
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yml"):
            yield file.name, file.read_bytes()


def read_lists(config: DetectionsConfig) -> Lists:
    """The values of every list.

    Raises:
        OSError: A list's file can't be read any more.
        ValueError: It is no text.
    """
    return {name: _lines(given) if isinstance(given, Path) else given for name, given in config.lists.items()}


def with_lists(rules: RuleSet, lists: Lists) -> RuleSet:
    """The same rules with other values of their lists.

    Args:
        rules: The rules in force.
        lists: What the configuration gives now; what rules bring along stays behind it.

    Raises:
        ValueError: A value can't be compared as a rule wants it, such as a text that is to be a network.
    """
    found = replace(rules, lists={**rules.lists, **lists})
    for active in rules.rules:
        for test in tests(active.rule.detection) if isinstance(active.rule, EventRule) else ():
            if "expand" in test.modifiers:
                try:
                    predicate(test, found.lists)
                except ValueError as error:
                    msg = f'{" and ".join(placeholders(test.values))} in rule "{active.rule.about.title}": {test.field}: {error}'
                    raise ValueError(msg) from None
    return found


class LiveLists:
    """Lists in files, watched.

    Args:
        config: The table.
    """

    def __init__(self, config: DetectionsConfig) -> None:
        self._config = config
        self._files = [given for given in config.lists.values() if isinstance(given, Path)]
        self._seen = self._stamps()

    @property
    def are_files(self) -> bool:
        """Whether there is anything to watch."""
        return bool(self._files)

    def changed(self, use: Callable[[Lists], _Used]) -> _Used | None:
        """What is made of all lists, where a file has changed since it was used last; None where none has.

        A change counts as seen only once it is in use: what can't be used now is tried again at the next look.

        Args:
            use: Takes the lists.

        Raises:
            OSError: A list's file can't be read.
            ValueError: It is no text, or `use` says that it can't be used.
        """
        stamps = self._stamps()
        if stamps == self._seen:
            return None
        used = use(read_lists(self._config))
        self._seen = stamps
        return used

    def _stamps(self) -> Mapping[Path, Any]:
        return {file: _stamp(file) for file in self._files}


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _lines(file: Path) -> tuple[str, ...]:
    """A value a line; empty lines and those that begin with # say nothing."""
    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
