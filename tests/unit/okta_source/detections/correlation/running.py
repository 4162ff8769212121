"""Rules over a made-up log, as a flow would run them: pages into a matcher, matches into a correlator, alerts out."""

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from okta_source.detections.alerts import Alert
from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.correlation.groups import MOST_GROUPS
from okta_source.detections.matcher import Matcher
from okta_source.detections.matches import Matches
from okta_source.detections.rules import RuleSet

START = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
Event = dict[str, Any]

FAILED = """
title: Sign-in failed
name: failed
logsource: {product: okta}
detection: {sel: {eventType: user.session.start, outcome.result: FAILURE}, condition: sel}
---
title: Sign-in
name: succeeded
logsource: {product: okta}
detection: {sel: {eventType: user.session.start, outcome.result: SUCCESS}, condition: sel}
---
title: MFA reset
name: reset
logsource: {product: okta}
detection: {sel: {eventType: user.mfa.factor.reset_all}, condition: sel}
"""


def correlation(kind: str, rules: str, timespan: str = "10m", **more: str) -> str:
    """A correlation's YAML; `group_by` and the like as keywords."""
    top = {key: more.pop(key) for key in ("title", "name", "level") if key in more}
    parts = {"type": kind, "rules": f"[{rules}]", "timespan": timespan, **{key.replace("_", "-"): value for key, value in more.items()}}
    lines = [f"{key}: {value}" for key, value in {"title": "Found", "name": "found", **top}.items()]
    return "\n".join(lines) + f"\ncorrelation: {{{', '.join(f'{key}: {value}' for key, value in parts.items())}}}\n"


def event(seconds: float, kind: str = "failed", user: str = "ada", ip: str = "192.0.2.1", **more: Any) -> Event:
    """An event some seconds after the start."""
    types = {"failed": "user.session.start", "succeeded": "user.session.start", "reset": "user.mfa.factor.reset_all"}
    found: Event = {
        "uuid": more.pop("uuid", f"{kind}-{user}-{seconds}"),
        "published": (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventType": types.get(kind, kind),
        "actor": {"alternateId": user},
        "client": {"ipAddress": ip},
        "outcome": {"result": "FAILURE" if kind == "failed" else "SUCCESS"},
    }
    return found | more


def run(
    rules: RuleSet, events: Sequence[Event], *, page: int = 1000, rng: random.Random | None = None, most_groups: int = MOST_GROUPS
) -> list[Alert]:
    """The alerts that come of events in this order.

    Args:
        rules: The rules in force.
        events: The log.
        page: How many events are matched at a time.
        rng: Now and then ends the run and goes on from its snapshot; cuts pages anywhere.
        most_groups: How many groups a correlation may have.
    """
    matcher, correlator = Matcher(rules), Correlator(rules, "acme", None, most_groups)
    alerts: list[Alert] = []
    start = 0
    while start < len(events):
        end = start + (rng.randint(1, page) if rng else page)
        part = events[start:end]
        alerts += correlator.take(page_of(matcher, part))
        start = end
        if rng and rng.random() < 0.3:
            correlator = Correlator(rules, "acme", correlator.snapshot(), most_groups)
    return alerts


def page_of(matcher: Matcher, events: Sequence[Event]) -> Matches:
    """The matches of a page."""
    heads = [
        SimpleNamespace(uuid=one["uuid"], published=datetime.fromisoformat(one["published"]), event_type=one["eventType"]) for one in events
    ]
    return matcher("acme", heads, [json.dumps(one).encode()[1:] for one in events])


def told(alerts: Iterable[Alert]) -> list[tuple[str, dict[str, Any], int]]:
    """Rule, group and count of each alert."""
    return [(alert.rule.name, dict(alert.group), alert.count) for alert in alerts]
