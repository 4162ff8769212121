"""Which rules are on, as the configuration or an option says."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from okta_source.config.problems import quoted
from okta_source.detections.names import Names
from okta_source.detections.problems import Problem
from okta_source.detections.sigma.rule import Level, Rule

__all__ = ["Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules are on.

    Attributes:
        enable: Ids or names of rules that are off by default.
        disable: Ids or names of rules that are to be off.
        level_at_least: Rules below give no alerts.
        only: Ids or names of the rules that are on, whatever else is said; None for no such choice.
        file: The configuration that says so, for what is told of it.
    """

    enable: Collection[str] = ()
    disable: Collection[str] = ()
    level_at_least: Level = "informational"
    only: frozenset[str] | None = None
    file: str = ""

    def is_on(self, rule: Rule) -> bool:
        """Whether a rule is."""
        if self.only is not None:
            return bool(rule.about.names & self.only)
        if not rule.about.names.isdisjoint(self.disable):
            return False
        return rule.enabled or not rule.about.names.isdisjoint(self.enable)

    def problems(self, names: Names) -> Iterator[Problem]:
        """Names that no rule has, and such as switch off more than is meant, perhaps."""
        for key, given in (("enable", self.enable), ("disable", self.disable)):
            for index, name in enumerate(given):
                place = f"detections.{key}[{index}]"
                called = names.called(name)
                if not called and not names.is_refused(name):
                    yield Problem(self.file, "", place, _not_allowed(name, names))
                if key == "disable" and len({names.is_managed(number) for number in called}) > 1:
                    ids = " or ".join(f"{names.rules[number].about.id} ({names.rules[number].about.file})" for number in called)
                    message = f"{quoted(name)} is an own rule and a managed one, both off now; to leave one on, write the other's id: {ids}"
                    yield Problem(self.file, "", place, message, is_error=False)
        for name in sorted(self.only or ()):
            if not names.called(name) and not names.is_refused(name):
                yield Problem("", "", "--rule", names.missing(name))


def _not_allowed(name: str, names: Names) -> str:
    near = names.near(name)
    guess = f"did you mean {near}? " if near else ""
    allowed = "ids and names of rules" if names.has_managed else "ids and names of own rules, since managed is false"
    return f"{quoted(name)} is not allowed; {guess}allowed: {allowed}"
