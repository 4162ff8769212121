"""Which rules a name means.

Own rules and those in the box are called independently of each other: a rule's references are looked up among the rules of its own origin
first, so that an own rule may have the name of a managed one; the other one's id still tells them apart. An own rule with the id of a
managed rule replaces it, and is meant by what referred to that, whatever it is called itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from okta_source.detections.sigma.rule import Rule

__all__ = ["Names"]


class Names:
    """All rules, by number, and what each is called.

    Args:
        own: Own rules.
        managed: The rules in the box.
        refused: What rules are called that can't be used, which has been told already.

    Attributes:
        rules: The managed rules that nothing replaces, then own ones; a replacement has the names of what it replaces beside its own.
        has_managed: Whether there are rules of the box at all.
    """

    def __init__(self, own: Sequence[Rule], managed: Sequence[Rule] = (), refused: Collection[str] = ()) -> None:
        ids = {rule.about.id for rule in own}
        kept = [rule for rule in managed if rule.about.id not in ids]
        replaced = {rule.about.id: rule for rule in managed if rule.about.id in ids}
        self.rules: Sequence[Rule] = (*kept, *(_renamed(rule, replaced) for rule in own))
        self.has_managed = bool(managed)
        self._kept = len(kept)
        self._own = _by_name((number, rule) for number, rule in enumerate(own, len(kept)))
        heirs = [(number, replaced[rule.about.id]) for number, rule in enumerate(own, len(kept)) if rule.about.id in replaced]
        self._managed = _by_name([*enumerate(kept), *heirs])
        self._refused = frozenset(refused)

    def is_managed(self, number: int) -> bool:
        """Whether a rule is of the box."""
        return number < self._kept

    def meant(self, name: str, *, by_managed: bool = False) -> Sequence[int]:
        """The numbers of the rules that a reference means: one, none, or several that have the same name.

        Args:
            name: Name or id.
            by_managed: Whether a rule of the box refers to it.
        """
        if by_managed:
            return self._managed.get(name, ())
        return self._own.get(name) or self._managed.get(name) or ()

    def called(self, name: str) -> Sequence[int]:
        """The numbers of all rules of a name or an id, wherever they come from: what a configuration or an option names."""
        return sorted({*self._managed.get(name, ()), *self._own.get(name, ())})

    def is_refused(self, name: str) -> bool:
        """Whether a rule of this name is there and can't be used: that it is missing would only be told wrongly."""
        return name in self._refused

    def near(self, name: str) -> str | None:
        """The name that somebody may have meant; None where none is near."""
        return next(iter(get_close_matches(name, [*self._own, *self._managed, *self._refused], n=1)), None)

    def missing(self, name: str) -> str:
        """What is told of a name that no rule has."""
        near = self.near(name)
        return f"there is no rule {name}" + (f"; did you mean {near}?" if near else "")


def _renamed(rule: Rule, replaced: Mapping[str, Rule]) -> Rule:
    before = replaced.get(rule.about.id)
    return rule if before is None else replace(rule, about=replace(rule.about, names=rule.about.names | before.about.names))


def _by_name(rules: Iterable[tuple[int, Rule]]) -> dict[str, list[int]]:
    names: dict[str, list[int]] = {}
    for number, rule in rules:
        for name in rule.about.names:
            names.setdefault(name, []).append(number)
    return names
