"""The rules in force: those of all files together, with their filters applied, their references followed, and what each is for.

A rule that only serves a correlation is a building block: it is evaluated, and gives no alert of its own unless a correlation that refers
to it says `generate: true`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from okta_source.detections.filters import filtered
from okta_source.detections.names import Names
from okta_source.detections.problems import Problem, no_list
from okta_source.detections.selection import Selection
from okta_source.detections.sigma.placeholders import Lists
from okta_source.detections.sigma.rule import LEVELS, Correlation, EventRule, Filter, Rule
from okta_source.events.fields.catalogue import ARRAYS

__all__ = ["Active", "RuleSet", "Selection", "assemble"]

_AS_THEY_COME: Final = Selection()


@dataclass(frozen=True, slots=True)
class Active:
    """A rule in force.

    Attributes:
        rule: The rule, its filters applied.
        version: A hash of what it finds.
        alerts: Whether it gives alerts of its own; otherwise it serves others.
        children: The numbers of the rules that a correlation refers to, in its order.
    """

    rule: Rule
    version: str
    alerts: bool
    children: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything that is evaluated.

    Attributes:
        rules: The rules; one that refers to others stands behind them, so that event rules need not come first but children always do.
        lists: The values of placeholders.
        off: Rules that were read and are not in force.
    """

    rules: tuple[Active, ...]
    lists: Lists
    off: tuple[Rule, ...] = ()

    def find(self, name: str) -> Active | None:
        """The rule of an id or a name."""
        return next((active for active in self.rules if name in active.rule.about.names), None)


def assemble(
    rules: Sequence[Rule | Filter],
    lists: Lists,
    selection: Selection = _AS_THEY_COME,
    managed: Sequence[Rule | Filter] = (),
    refused: Collection[str] = (),
) -> tuple[RuleSet, list[Problem]]:
    """Put rules together.

    Args:
        rules: Own ones, all that were read.
        lists: What the configuration gives; what rules bring along stands behind it.
        selection: Which of them are on.
        managed: Those in the box; of one that an own rule replaces by its id, nothing is left but its names.
        refused: What rules are called that can't be used, so that no reference to them is told as well.

    Returns:
        The rules in force, and what is wrong between them.
    """
    problems: list[Problem] = []
    everything = [*managed, *rules]
    names = Names(list(_plain(rules)), list(_plain(managed)), refused)
    problems += _twice(names.rules)
    children = [list(_children(number, names, problems)) for number in range(len(names.rules))]
    order = _in_order(names.rules, children, problems)
    narrowed = filtered(names, [rule for rule in everything if isinstance(rule, Filter)], problems)
    found = RuleSet((), lists)
    if not any(problem.is_error for problem in problems):
        found = _put_in_force(names.rules, narrowed, order, children, _all_lists(everything, lists), selection)
    problems += [*_array_groups(names.rules), *_without_lists(found), *selection.problems(names)]
    return (RuleSet((), lists) if any(problem.is_error for problem in problems) else found), problems


def _plain(rules: Iterable[Rule | Filter]) -> Iterator[Rule]:
    return (rule for rule in rules if not isinstance(rule, Filter))


def _put_in_force(
    rules: Sequence[Rule], filtered: Mapping[int, Rule], order: Sequence[int], children: Sequence[Sequence[int]], lists: Lists,
    selection: Selection,
) -> RuleSet:  # fmt: skip
    on = {number for number, rule in enumerate(rules) if selection.is_on(rule)}
    needed, pending = set(on), list(on)
    while pending:
        for child in children[pending.pop()]:
            if child not in needed:
                needed.add(child)
                pending.append(child)
    parents = {number: [rules[other] for other in on if number in children[other]] for number in needed}
    least = LEVELS.index(selection.level_at_least)
    active: list[Active] = []
    place: dict[int, int] = {}
    for number in order:
        if number not in needed:
            continue
        rule = filtered[number]
        own = tuple(place[child] for child in children[number])
        version = rule.own_version([active[child].version for child in own]) if isinstance(rule, Correlation) else rule.version
        referred = [parent for parent in parents[number] if isinstance(parent, Correlation)]
        asked_for = selection.only is not None and bool(rule.about.names & selection.only)
        speaks = not referred or asked_for or any(parent.generate for parent in referred)
        alerts = number in on and speaks and LEVELS.index(rule.about.level) >= least
        place[number] = len(active)
        active.append(Active(rule, version, alerts, own))
    return RuleSet(tuple(active), lists, tuple(rule for number, rule in enumerate(rules) if number not in needed))


def _twice(rules: Iterable[Rule]) -> Iterator[Problem]:
    seen: dict[str, Rule] = {}
    for rule in rules:
        other = seen.setdefault(rule.about.id, rule)
        if other is not rule:
            message = f'{rule.about.id} is the id of rule "{other.about.title}" in {other.about.file} too; needed: an id of its own'
            yield Problem(rule.about.file, rule.about.title, "id", message)


def _children(number: int, names: Names, problems: list[Problem]) -> Iterator[int]:
    rule = names.rules[number]
    if not isinstance(rule, Correlation):
        return
    for name in rule.rules:
        found = names.meant(name, by_managed=names.is_managed(number))
        child = names.rules[found[0]] if len(found) == 1 else None
        if child is not None and not (isinstance(child, Correlation) and child.type == "absence"):
            yield found[0]
            continue
        if child is not None:
            message = f"{name} tells of what did not happen, which other rules can't refer to"
        elif found:
            files = " and ".join(sorted({names.rules[other].about.file for other in found}))
            message = f"{name} is the name of {len(found)} rules, in {files}; refer to it by its id"
        elif names.is_refused(name):
            continue
        else:
            message = names.missing(name)
        problems.append(Problem(rule.about.file, rule.about.title, "correlation.rules", message))


def _in_order(rules: Sequence[Rule], children: Sequence[Sequence[int]], problems: list[Problem]) -> list[int]:
    """The rules' numbers, children first."""
    order: list[int] = []
    state: dict[int, bool] = {}  # False while a rule's children are visited

    def visit(number: int) -> None:
        if number in state:
            if not state[number]:
                about = rules[number].about
                problems.append(Problem(about.file, about.title, "correlation.rules", "it refers to itself, by way of others or directly"))
            return
        state[number] = False
        for child in children[number]:
            visit(child)
        state[number] = True
        order.append(number)

    for number in range(len(rules)):
        visit(number)
    return order


def _without_lists(rules: RuleSet) -> Iterator[Problem]:
    """Rules that were off when they were read, are in force now, and lack a list."""
    for active in rules.rules:
        if isinstance(active.rule, EventRule):
            about = active.rule.about
            for place, name in active.rule.missing:
                if name not in rules.lists:
                    yield Problem(about.file, about.title, place, no_list(name))


def _array_groups(rules: Iterable[Rule]) -> Iterator[Problem]:
    arrays = {path.lower() for path in ARRAYS}
    for rule in rules:
        if not isinstance(rule, Correlation):
            continue
        for name in rule.group_by:
            for path in rule.aliases[name].values() if name in rule.aliases else [name]:
                if any(path.lower().startswith(f"{array}.") for array in arrays) and path.lower().split(".")[1] not in _KINDS:
                    virtual = f"target.user.{path.rpartition('.')[2]} or the like"
                    message = f"{path} stands in an array, which tells no groups apart: events with it take no part; write {virtual}"
                    yield Problem(rule.about.file, rule.about.title, "correlation.group-by", message, is_error=False)


_KINDS = frozenset({"user", "app", "group", "device"})


def _all_lists(rules: Iterable[Rule | Filter], lists: Lists) -> Lists:
    brought = {name: values for rule in rules if not isinstance(rule, Correlation) for name, values in rule.lists.items()}
    return {**brought, **lists}
