"""What `--against` names: other rules, which are run beside, or the alerts of a run; and what it differs in.

Both sides are asked the same, or what was not asked for would be gained or lost: which rules, whose events, between which moments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.backtest.compare import MUTE, Difference, Told, Unread, compare
from flows.backtest.live import alert_files, read_alerts
from flows.backtest.run import Backtest
from okta_source.detections.choice import ChoiceError, choose
from okta_source.detections.correlation.window import LATENESS_MS
from okta_source.detections.library import load_rules
from okta_source.detections.matches import to_ms
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation

__all__ = ["Against", "NothingToCompare", "beside"]


class NothingToCompare(Exception):  # noqa: N818 (it names what is the case)
    """The alerts of a run can't be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Against:
    """The other side.

    Attributes:
        name: As it was given.
        new: The rules in question.
        only: Whether they were chosen one by one.
        rules: Other rules; None where it is a run.
        alerts: The alerts of a run.
        unread: What of them could not be read.
    """

    name: str
    new: RuleSet
    only: bool
    rules: RuleSet | None = None
    alerts: Sequence[Told] = ()
    unread: Unread = field(default_factory=Unread)

    def difference(self, told: Sequence[Sequence[Told]], run: Backtest) -> Difference:
        """What is gained and lost.

        Args:
            told: The alerts of the rules in question, and where there are other rules, theirs.
            run: The run that gave them.
        """
        if self.rules is not None:
            return Difference(self.name, *compare(told[0], told[1], (self.new, self.rules)))
        return Difference(self.name, *compare(told[0], self._asked_for(run), ()), self.unread)

    def _asked_for(self, run: Backtest) -> list[Told]:
        """The alerts of the run that the backtest would have to give."""
        chosen = {active.rule.about.id for active in self.new.rules if active.alerts}
        # That something did not happen is known a timespan later, by events that may stand behind `until`.
        waits = {
            active.rule.about.id: active.rule.timespan_ms + LATENESS_MS
            for active in self.new.rules
            if isinstance(active.rule, Correlation) and active.rule.type == "absence"
        }
        since_ms, until_ms = to_ms(run.since), to_ms(run.until)
        return [
            one
            for one in self.alerts
            if since_ms <= one.published_ms < until_ms - waits.get(one.rule, 0)
            and (not run.tenants or one.tenant in run.tenants)
            and (not self.only or one.rule in chosen)
        ]


def beside(name: str, rules: RuleSet, config_path: str | None, only: frozenset[str]) -> Against:
    """Read the other side.

    Args:
        name: Rules, as for `--rules`, or a file or folder of alerts.
        rules: The rules in question.
        config_path: The configuration, if one was named.
        only: Ids or names of the rules that were chosen one by one.

    Raises:
        ChoiceError: There are no such rules.
        NothingToCompare: There are alerts, and none can be read.
        OSError: A file can't be read.
        RulesError: A rule can't be used.
    """
    if files := alert_files(Path(name)):
        alerts, unread = read_alerts(files)
        if not alerts and (unread.mute_lines or unread.bad_lines):
            msg = (
                f"--against {name}: no alert there can be read: {unread.mute_lines:,} lines don't keep the alert itself "
                f"({MUTE}), {unread.bad_lines:,} hold none"
            )
            raise NothingToCompare(msg)
        return Against(name, rules, bool(only), None, alerts, unread)
    return Against(name, rules, bool(only), _other_rules(name, rules, config_path, only))


def _other_rules(name: str, rules: RuleSet, config_path: str | None, only: frozenset[str]) -> RuleSet:
    choice = choose([name], config_path)
    found, _ = load_rules(choice.config)
    if only:
        # A rule that is new stands on this side alone, and one that was given another name is known by its id.
        chosen = {key for active in rules.rules if active.alerts for key in (active.rule.about.id, active.rule.about.name)}
        there = [*(active.rule for active in found.rules), *found.off]
        known = frozenset().union(*(rule.about.names for rule in there))
        return load_rules(choice.config, None, (only | chosen) & known)[0]
    if not found.rules:
        msg = f"there is no rule among {choice.name}"
        raise ChoiceError(msg)
    return found
