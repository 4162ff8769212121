"""Events as Okta writes them, from as little as can be, and the managed rules over them."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any

from okta_source.detections.alerts import Alert, timestamp
from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.library import load_rules, managed_files, read_files
from okta_source.detections.matcher import Matcher
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation, EventRule, Rule
from okta_source.detections.table import DetectionsConfig

START_MS = round(datetime.fromisoformat("2026-11-23T08:00:00Z").timestamp() * 1000)
MINUTE, HOUR, DAY = 60, 3_600, 86_400
LISTS = {
    "known_oauth_clients": ("0oaKnown", "HR sync"),
    "company_domains": ("acme.example.com",),
    "admin_users": ("root@acme.example.com",),
    "allowed_countries": ("Austria", "Poland"),
    "collector_tokens": ("siem collector",),
}
VIENNA, KYOTO, AUSTIN = ("Austria", 48.2, 16.4), ("Japan", 35.0, 135.8), ("United States", 30.3, -97.7)

Event = dict[str, Any]
_SERIAL = count(1)


def event(
    event_type: str, at: float = 0, *, who: str = "ada", to: Sequence[Any] = (), result: str = "SUCCESS", reason: str | None = None,
    ip: str = "192.0.2.1", where: tuple[str, float, float] = VIENNA, proxy: bool = False, os: str = "Mac OS", session: str = "",
    debug: dict[str, str] | None = None, new: str = "", token: str = "", kind: str = "User",
) -> Event:  # fmt: skip
    """An event.

    Args:
        event_type: Its type.
        at: How many seconds after the start it happens.
        who: The actor.
        to: Its targets: the name of a user, or `(type, name)`.
        result: Of its outcome.
        reason: Likewise.
        ip: The client's address.
        where: Country, latitude, longitude.
        proxy: Whether Okta knows the address as a proxy.
        os: The client's operating system.
        session: The session's id; by default each event has one of its own.
        debug: Its debug data.
        new: Which behaviors are `POSITIVE`, comma-separated; the others are `NEGATIVE`.
        token: The id of the API token that the request came with.
        kind: The actor's type.
    """
    serial = next(_SERIAL)
    country, lat, lon = where
    behaviors = ("New Geo-Location", "New Device", "New IP", "New Country", "New City")
    told = ", ".join(f"{name}={'POSITIVE' if name in new.split(',') else 'NEGATIVE'}" for name in behaviors)
    return {
        "uuid": f"event-{serial}",
        "published": timestamp(START_MS + round(at * 1000)),
        "eventType": event_type,
        "actor": {"id": f"id-{who}", "type": kind, "alternateId": who if "@" in who else f"{who}@acme.example.com", "displayName": who},
        "client": {
            "ipAddress": ip,
            "userAgent": {"os": os, "browser": "CHROME"},
            "geographicalContext": {"country": country, "geolocation": {"lat": lat, "lon": lon}},
        },
        "authenticationContext": {"externalSessionId": session or f"session-{serial}"},
        "securityContext": {"isProxy": proxy},
        "outcome": {"result": result, "reason": reason},
        "debugContext": {"debugData": {"behaviors": f"{{{told}}}", **(debug or {})}},
        "transaction": {"type": "WEB", "detail": {"requestApiTokenId": token} if token else {}},
        "target": [_target(*(("User", name) if isinstance(name, str) else name)) for name in to] or None,
    }


def _target(kind: str, name: str) -> Event:
    login = name if "@" in name else f"{name}@acme.example.com"
    return {"id": f"id-{name}", "type": kind, "alternateId": login if kind == "User" else name, "displayName": name}


@cache
def everything() -> RuleSet:
    """All managed rules, those that are off by default too."""
    names = frozenset(rule.about.name for rule in managed() if not is_block(rule))
    config = DetectionsConfig.model_construct(managed=True, rules=(), enable=tuple(names), disable=(), lists={},
                                              level_at_least="informational")  # fmt: skip
    return load_rules(config, LISTS)[0]


@cache
def managed() -> tuple[Rule, ...]:
    """What stands in the files."""
    rules, problems = read_files(managed_files(), LISTS)
    assert problems == []
    assert all(isinstance(rule, EventRule | Correlation) for rule in rules)
    return tuple(rule for rule in rules if isinstance(rule, EventRule | Correlation))


def is_block(rule: Rule) -> bool:
    """Whether a rule is only there for others."""
    return rule.about.file == "building_blocks.yml"


def alerts(events: Iterable[Event], rules: RuleSet | None = None) -> list[Alert]:
    """The alerts that come of events, in the order in which they happened."""
    log = sorted(events, key=lambda one: one["published"])
    rules, matcher = (rules, Matcher(rules)) if rules else (everything(), _matcher())
    heads = [SimpleNamespace(uuid=one["uuid"], published=datetime.fromisoformat(one["published"]), event_type=one["eventType"])
             for one in log]  # fmt: skip
    page = matcher("acme", heads, [json.dumps(one).encode()[1:] for one in log])
    return Correlator(rules, "acme").take(page)


@cache
def _matcher() -> Matcher:
    """It remembers nothing of events, so that all tests can have the same."""
    return Matcher(everything())
