"""What detections count, on Bytewax's own endpoint. Labels are bounded: tenants and rules are the configuration's."""

from collections import Counter as Tallies
from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from okta_source.detections.alerts import Alert
from okta_source.detections.correlation.engine import Tally
from okta_source.detections.rules import RuleSet

__all__ = ["DetectionMetrics"]

_ALERTS = Counter("okta_detection_alerts", "Alerts given.", ["tenant", "rule", "level"])
_MATCHES = Counter("okta_detection_matches", "Events that a rule matched, and for a correlation how often it was fulfilled.", ["rule"])
_GROUPS = Gauge("okta_detection_groups", "Groups that a correlation keeps.", ["rule"])
_UNGROUPED = Counter(
    "okta_detection_ungrouped", "Matches that took no part in a correlation for lack of a group field or a value.", ["rule"]
)
_REFUSED = Counter("okta_detection_refused", "Matches that a correlation had no room for.", ["rule"])
_LATE = Counter("okta_detection_late", "Matches so late that their window may have been forgotten in part.", ["tenant"])
_SECONDS = Counter("okta_detection_seconds", "CPU time that detections took.")
_LIST_ERRORS = Counter("okta_detection_list_errors", "Times that a list's file had changed and could not be read.")


class DetectionMetrics:
    """Counts for the rules in force.

    Args:
        rules: The rules.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._names = [active.rule.about.name for active in rules.rules]

    def alerts(self, alerts: list[Alert]) -> None:
        """Count alerts."""
        for labels, count in Tallies((alert.tenant, alert.rule.name, alert.rule.level) for alert in alerts).items():
            _ALERTS.labels(*labels).inc(count)

    def tally(self, tenant: str, tally: Tally) -> None:
        """Count what a correlator has counted, and set its tally back."""
        for counter, counts in ((_MATCHES, tally.matches), (_UNGROUPED, tally.ungrouped), (_REFUSED, tally.refused)):
            for number, count in counts.items():
                if count:
                    counter.labels(self._names[number]).inc(count)
            counts.clear()
        if tally.late:
            _LATE.labels(tenant).inc(tally.late)
            tally.late = 0

    def groups(self, before: Mapping[int, int], now: Mapping[int, int]) -> None:
        """Count the groups of one tenant, from what was told last."""
        for number, count in now.items():
            change = count - before.get(number, 0)
            if change:
                _GROUPS.labels(self._names[number]).inc(change)

    @staticmethod
    def seconds(seconds: float) -> None:
        """Count CPU time."""
        _SECONDS.inc(seconds)

    @staticmethod
    def list_error() -> None:
        """Count a list that could not be read again."""
        _LIST_ERRORS.inc()
