"""The rules in force: those of all files together, with their filters applied, their references followed, and what each is for.

A rule that only serves a correlation is a building block: it is evaluated, and gives no alert of its own unless a correlation that refers
to it says `generate: true`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from okta_source.detections.problems import Problem, no_list
from okta_source.detections.sigma.expression import And, Expression
from okta_source.detections.sigma.placeholders import Lists
from okta_source.detections.sigma.rule import LEVELS, Correlation, EventRule, Filter, Level, Rule
from okta_source.events.fields.catalogue import ARRAYS

__all__ = ["Active", "RuleSet", "Selection", "assemble"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules are on.

    Attributes:
        enable: Ids or names of rules that are off by default.
        disable: Ids or names of rules that are to be off.
        level_at_least: Rules below give no alerts.
        only: Ids or names of the rules that are on, whatever else is said; None for no such choice.
    """

    enable: frozenset[str] = frozenset()
    disable: frozenset[str] = frozenset()
    level_at_least: Level = "informational"
    only: frozenset[str] | None = None


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
    selection: Selection = Selection(),
) -> tuple[RuleSet, list[Problem]]:
    """Put rules together.

    Args:
        rules: All that were read.
        lists: What the configuration gives; what rules bring along stands behind it.
        selection: Which of them are on.

    Returns:
        The rules in force, and what is wrong between them.
    """
    problems: list[Problem] = []
    filters = [rule for rule in rules if isinstance(rule, Filter)]
    plain = [rule for rule in rules if not isinstance(rule, Filter)]
    problems += _twice(plain)
    names = _by_name(plain)
    children = {id(rule): list(_children(rule, plain, names, problems)) for rule in plain}
    problems += _unknown_names(names, selection)
    order = _in_order(plain, children, problems)
    filtered = _filtered(plain, filters, names, problems)
    if any(problem.is_error for problem in problems):
        return RuleSet((), lists), problems
    problems += _array_groups(plain)
    found = _put_in_force(plain, filtered, order, children, _all_lists(rules, lists), selection)
    problems += _without_lists(found)
    return (RuleSet((), lists) if any(problem.is_error for problem in problems) else found), problems


def _put_in_force(
    rules: Sequence[Rule], filtered: Mapping[int, Rule], order: Sequence[int], children: Mapping[int, list[int]], lists: Lists,
    selection: Selection,
) -> RuleSet:  # fmt: skip
    on = {number for number, rule in enumerate(rules) if _is_on(rule, selection)}
    needed, pending = set(on), list(on)
    while pending:
        for child in children[id(rules[pending.pop()])]:
            if child not in needed:
                needed.add(child)
                pending.append(child)
    parents = {number: [rules[other] for other in on if number in children[id(rules[other])]] for number in needed}
    least = LEVELS.index(selection.level_at_least)
    active: list[Active] = []
    place: dict[int, int] = {}
    for number in order:
        if number not in needed:
            continue
        rule = filtered[number]
        own = tuple(place[child] for child in children[id(rules[number])])
        version = rule.own_version([active[child].version for child in own]) if isinstance(rule, Correlation) else rule.version
        referred = [parent for parent in parents[number] if isinstance(parent, Correlation)]
        asked_for = selection.only is not None and bool(rule.about.names & selection.only)
        speaks = not referred or asked_for or any(parent.generate for parent in referred)
        alerts = number in on and speaks and LEVELS.index(rule.about.level) >= least
        place[number] = len(active)
        active.append(Active(rule, version, alerts, own))
    return RuleSet(tuple(active), lists, tuple(rule for number, rule in enumerate(rules) if number not in needed))


def _is_on(rule: Rule, selection: Selection) -> bool:
    if selection.only is not None:
        return bool(rule.about.names & selection.only)
    if rule.about.names & selection.disable:
        return False
    return rule.enabled or bool(rule.about.names & selection.enable)


def _twice(rules: Iterable[Rule]) -> Iterator[Problem]:
    seen: dict[str, Rule] = {}
    for rule in rules:
        other = seen.setdefault(rule.about.id, rule)
        if other is not rule:
            message = f'{rule.about.id} is the id of rule "{other.about.title}" in {other.about.file} too; needed: an id of its own'
            yield Problem(rule.about.file, rule.about.title, "id", message)


def _by_name(rules: Sequence[Rule]) -> dict[str, list[int]]:
    names: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        for name in rule.about.names:
            names.setdefault(name, []).append(number)
    return names


def _children(rule: Rule, rules: Sequence[Rule], names: Mapping[str, list[int]], problems: list[Problem]) -> Iterator[int]:
    if not isinstance(rule, Correlation):
        return
    for name in rule.rules:
        found = names.get(name, [])
        child = rules[found[0]] if len(found) == 1 else None
        if child is not None and not (isinstance(child, Correlation) and child.type == "absence"):
            yield found[0]
            continue
        if child is not None:
            message = f"{name} tells of what did not happen, which other rules can't refer to"
        elif found:
            files = " and ".join(sorted({rules[number].about.file for number in found}))
            message = f"{name} is the name of {len(found)} rules, in {files}; refer to it by its id"
        else:
            close = get_close_matches(name, names, n=1)
            message = f"there is no rule {name}" + (f"; did you mean {close[0]}?" if close else "")
        problems.append(Problem(rule.about.file, rule.about.title, "correlation.rules", message))


def _unknown_names(names: Mapping[str, list[int]], selection: Selection) -> Iterator[Problem]:
    for key, given in (("enable", selection.enable), ("disable", selection.disable), ("only", selection.only or frozenset())):
        for name in sorted(given - names.keys()):
            close = get_close_matches(name, names, n=1)
            yield Problem(
                "",
                "",
                "--rule" if key == "only" else f"detections.{key}",
                f"there is no rule {name}" + (f"; did you mean {close[0]}?" if close else ""),
            )


def _in_order(rules: Sequence[Rule], children: Mapping[int, list[int]], problems: list[Problem]) -> list[int]:
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
        for child in children[id(rules[number])]:
            visit(child)
        state[number] = True
        order.append(number)

    for number in range(len(rules)):
        visit(number)
    return order


def _filtered(rules: Sequence[Rule], filters: Sequence[Filter], names: Mapping[str, list[int]], problems: list[Problem]) -> dict[int, Rule]:
    found = dict(enumerate(rules))
    for narrowing in filters:
        about = narrowing.about
        for name in narrowing.rules:
            numbers = names.get(name, [])
            if not numbers:
                close = get_close_matches(name, names, n=1)
                guess = f"; did you mean {close[0]}?" if close else ""
                problems.append(Problem(about.file, about.title, "filter.rules", f"there is no rule {name}{guess}"))
            elif not any(isinstance(rules[number], EventRule) for number in numbers):
                message = f"{name} is a correlation; a filter is for the rules that it refers to"
                problems.append(Problem(about.file, about.title, "filter.rules", message))
        for number, rule in found.items():
            if isinstance(rule, EventRule) and _is_meant(narrowing, rule):
                found[number] = replace(rule, detection=_both(rule.detection, narrowing.detection))
    return found


def _is_meant(narrowing: Filter, rule: EventRule) -> bool:
    if narrowing.rules and not rule.about.names & set(narrowing.rules):
        return False
    return all(rule.logsource.get(key, "").lower() == value.lower() for key, value in narrowing.logsource.items())


def _both(rule: Expression, narrowing: Expression) -> Expression:
    return And((rule, narrowing))


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
