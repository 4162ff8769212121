"""An alert as a message for people on call: one request an alert, to Slack or to PagerDuty. Pure.

What is read is the alert's own document, as every sink is given it. What Okta's users typed stands in it, so nothing of it is obeyed:
Slack's control characters are escaped, nothing becomes a link or is previewed, texts are cut, and line breaks are spaces. What was typed as
the name of a user who does not exist is not repeated: it may be somebody's password.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import orjson

__all__ = ["pagerduty", "slack"]

# Slack shows the bar beside a message in these; PagerDuty knows four severities.
_COLOURS: Final = {"critical": "#8b0000", "high": "#d93f0b", "medium": "#fbca04", "low": "#1d76db", "informational": "#8c959f"}
_SEVERITIES: Final = {"critical": "critical", "high": "error", "medium": "warning", "low": "info", "informational": "info"}
_UNKNOWN: Final = "unknown"  # as Okta says it where there is none
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
    fields = [_marked(f"*{_escaped(name)}*\n{_escaped(value)}") for name, value in _facts(alert)][:_MOST_FIELDS]
    about = f"{alert.tenant} · rule {alert.rule.name} · alert {alert.uuid}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(title, _LONGEST_HEADER)}},
        {"type": "section", "text": _marked(_escaped(_sentence(alert)))},
        {"type": "section", "fields": fields},
        {"type": "context", "elements": [_marked(_escaped(about))]},
    ]
    return orjson.dumps(
        {
            "text": _escaped(_summary(alert)),
            "unfurl_links": False,
            "unfurl_media": False,
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
    """The group, with logins in place of ids; without a group the actor."""
    if alert.group:
        logins = dict(_logins(alert.event))
        known = (logins.get(value, value) if isinstance(value, str) else value for value in alert.group.values())
        return " — " + ", ".join(_cut(value, _LONGEST_VALUE) for value in known)
    actor = _actor(alert.event)
    return f" — {actor}" if actor else ""


def _logins(event: Any) -> Iterator[tuple[str, str]]:
    """The id of each user in an event, and how people know them."""
    for user in (_of(event, "actor"), *_targets(event)):
        id_, login = _text(user, "id"), _text(user, "alternateId")
        if id_ and id_ != _UNKNOWN and login and login != _UNKNOWN:
            yield id_, login


def _actor(event: Any) -> str:
    """The actor's login; of one who does not exist only that, since people type passwords where their names belong."""
    return "an unknown user" if _text(event, "actor", "id") == _UNKNOWN else _text(event, "actor", "alternateId")


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
    first = next(iter(_targets(event)), None)
    place = ", ".join(filter(None, (_text(event, "client", "geographicalContext", name) for name in ("city", "country"))))
    facts = {
        "organisation": f"{alert.tenant} ({alert.org})" if alert.org else alert.tenant,
        **{name: _cut(value, _LONGEST_VALUE) for name, value in alert.group.items()},
        "actor": _actor(event),
        "target": _text(first, "alternateId") or _text(first, "displayName"),
        "from": ", ".join(filter(None, (_text(event, "client", "ipAddress"), place))),
        "outcome": ", ".join(filter(None, (_text(event, "outcome", "result"), _text(event, "outcome", "reason")))),
        "event type": _text(event, "eventType"),
        "event": _text(event, "uuid"),
        "techniques": ", ".join(tag for tag in alert.rule.tags if tag.startswith("attack.t")),
    }
    yield from ((name, value) for name, value in facts.items() if value)


def _of(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _targets(event: Any) -> list[Any]:
    targets = _of(event, "target")
    return [target for target in targets if isinstance(target, dict)] if isinstance(targets, list) else []


def _text(value: Any, *names: str) -> str:
    value = _of(value, *names)
    return _cut(value, _LONGEST_VALUE) if isinstance(value, str) else ""


def _cut(value: object, longest: int) -> str:
    """A value as text on one line, not longer than this."""
    text = " ".join((value if isinstance(value, str) else orjson.dumps(value).decode()).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _marked(text: str) -> dict[str, Any]:
    """A text in Slack's markup; verbatim, or what looks like an address in it would become a link (docs.slack.dev)."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str) -> str:
    """Slack's three control characters (docs.slack.dev): without them nobody is mentioned."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
