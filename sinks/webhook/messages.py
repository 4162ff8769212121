"""An alert as a message for people on call: one request an alert, to Slack or to PagerDuty. Pure.

What is read is the alert's own document, as every sink is given it. What Okta's users typed stands in it, so nothing of it is obeyed:
Slack's control characters are escaped, texts are cut, and line breaks are spaces.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import orjson

__all__ = ["pagerduty", "slack"]

# Slack shows the bar beside a message in these; PagerDuty knows four severities.
_COLOURS: Final = {"critical": "#8b0000", "high": "#d93f0b", "medium": "#fbca04", "low": "#1d76db", "informational": "#8c959f"}
_SEVERITIES: Final = {"critical": "critical", "high": "error", "medium": "warning", "low": "info", "informational": "info"}
_LONGEST_VALUE: Final = 200
_LONGEST_SUMMARY: Final = 1_000  # PagerDuty refuses more than 1,024
_LONGEST_HEADER: Final = 150  # Slack's own limit
_MOST_FIELDS: Final = 10  # Slack's own limit of a section


class _Rule(msgspec.Struct):
    id: str
    name: str
    title: str
    level: str
    tags: list[str] = []


class _Alert(msgspec.Struct):
    uuid: str
    published: str
    rule: _Rule
    kind: str
    count: int
    first_event_at: str
    last_event_at: str
    tenant: str = msgspec.field(name="_okta_tenant")
    group: dict[str, Any] = {}
    details: dict[str, Any] = {}
    org: str = msgspec.field(name="_okta_org", default="")
    event: Any = None


_DECODER: Final = msgspec.json.Decoder(_Alert)
_NOT_AN_ALERT: Final = (msgspec.DecodeError, RecursionError)


def slack(document: bytes) -> bytes:
    """The body for a Slack incoming webhook.

    Args:
        document: An alert, in the format raw.

    Raises:
        ValueError: It is none.
    """
    alert = _read(document)
    title = f"[{alert.rule.level.upper()}] {alert.rule.title}"
    fields = [{"type": "mrkdwn", "text": f"*{_escaped(name)}*\n{_escaped(value)}"} for name, value in _facts(alert)][:_MOST_FIELDS]
    about = f"{alert.tenant} · rule {alert.rule.name} · alert {alert.uuid}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(title, _LONGEST_HEADER)}},
        {"type": "section", "text": {"type": "mrkdwn", "text": _escaped(_sentence(alert))}},
        {"type": "section", "fields": fields},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(about)}]},
    ]
    return orjson.dumps(
        {
            "text": _escaped(_summary(alert)),
            "attachments": [{"color": _COLOURS.get(alert.rule.level, _COLOURS["informational"]), "blocks": blocks}],
        }
    )


def pagerduty(document: bytes, routing_key: str) -> bytes:
    """The body for PagerDuty's Events API v2; the same alert twice is one incident.

    Args:
        document: An alert, in the format raw.
        routing_key: The integration's key.

    Raises:
        ValueError: It is none.
    """
    alert = _read(document)
    payload = {
        "summary": _cut(_summary(alert), _LONGEST_SUMMARY),
        "source": alert.org or alert.tenant,
        "severity": _SEVERITIES.get(alert.rule.level, "warning"),
        "timestamp": alert.published,
        "component": alert.tenant,
        "group": _cut(", ".join(f"{name}={value}" for name, value in alert.group.items()), _LONGEST_VALUE),
        "class": alert.rule.name,
        "custom_details": {**dict(_facts(alert)), "rule": alert.rule.title, "rule id": alert.rule.id, "alert": alert.uuid},
    }
    event = {"routing_key": routing_key, "event_action": "trigger", "dedup_key": alert.uuid, "client": "bytewax-okta"}
    return orjson.dumps({**event, "payload": {name: value for name, value in payload.items() if value != ""}})


def _read(document: bytes) -> _Alert:
    try:
        return _DECODER.decode(document)
    except _NOT_AN_ALERT as error:
        msg = f"The document is no alert in the format raw: {error}"
        raise ValueError(msg) from None


def _summary(alert: _Alert) -> str:
    """One line: how grave, what, whom, where."""
    return f"[{alert.rule.level.upper()}] {alert.tenant}: {_cut(alert.rule.title, _LONGEST_VALUE)}{_whom(alert)}"


def _whom(alert: _Alert) -> str:
    if alert.group:
        return " — " + ", ".join(_cut(value, _LONGEST_VALUE) for value in alert.group.values())
    actor = _text(alert.event, "actor", "alternateId")
    return f" — {actor}" if actor else ""


def _sentence(alert: _Alert) -> str:
    """What happened, in a sentence or two."""
    what = _text(alert.event, "displayMessage") or _text(alert.event, "eventType") or "An event"
    if alert.kind == "event":
        return f"{what} at {alert.published}."
    counted = f"{alert.count} events from {alert.first_event_at} to {alert.last_event_at}"
    told = "".join(f", {name.replace('_', ' ')} {_cut(value, _LONGEST_VALUE)}" for name, value in alert.details.items())
    return f"{counted}{told}. The last one: {what} at {alert.published}."


def _facts(alert: _Alert) -> Iterator[tuple[str, str]]:
    """What an on-call person asks first; only what is known."""
    event = alert.event
    targets = event.get("target") if isinstance(event, dict) else None
    first = next((target for target in targets if isinstance(target, dict)), None) if isinstance(targets, list) else None
    place = ", ".join(filter(None, (_text(event, "client", "geographicalContext", name) for name in ("city", "country"))))
    facts = {
        "organisation": f"{alert.tenant} ({alert.org})" if alert.org else alert.tenant,
        **{name: _cut(value, _LONGEST_VALUE) for name, value in alert.group.items()},
        "actor": _text(event, "actor", "alternateId"),
        "target": _text(first, "alternateId") or _text(first, "displayName"),
        "from": ", ".join(filter(None, (_text(event, "client", "ipAddress"), place))),
        "outcome": ", ".join(filter(None, (_text(event, "outcome", "result"), _text(event, "outcome", "reason")))),
        "event type": _text(event, "eventType"),
        "event": _text(event, "uuid"),
        "techniques": ", ".join(tag for tag in alert.rule.tags if tag.startswith("attack.t")),
    }
    yield from ((name, value) for name, value in facts.items() if value)


def _text(value: Any, *names: str) -> str:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return _cut(value, _LONGEST_VALUE) if isinstance(value, str) else ""


def _cut(value: object, longest: int) -> str:
    """A value as text on one line, not longer than this."""
    text = " ".join((value if isinstance(value, str) else orjson.dumps(value).decode()).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escaped(text: str) -> str:
    """Slack's three control characters (docs.slack.dev): without them nobody is mentioned and nothing is a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
