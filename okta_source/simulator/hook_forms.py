"""What a hook and EventBridge make of an event of the log, and what the console's Preview makes up. Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

__all__ = ["as_envelope", "as_eventbridge", "as_hook_event", "made_up_event"]


def as_hook_event(polled: bytes) -> dict[str, Any]:
    """An event as a hook carries it: without `request`, whose addresses stand in `client.ipChain`, and with keys that polling lacks."""
    event: dict[str, Any] = json.loads(polled)
    request = event.pop("request", None) or {}
    client = event.get("client")
    if isinstance(client, dict):
        client["ipChain"] = request.get("ipChain", [])
    event["device"] = None
    event.setdefault("insertionTimestamp", None)
    return event


def as_envelope(events: Sequence[dict[str, Any]], *, base_url: str, hook_id: str, delivery_id: str, now: float) -> bytes:
    """A delivery of an event hook."""
    return json.dumps(
        {
            "eventType": "com.okta.event_hook",
            "eventTypeVersion": "1.0",
            "cloudEventsVersion": "0.1",
            "source": f"{base_url}/api/v1/eventHooks/{hook_id}",
            "eventId": delivery_id,
            "data": {"events": list(events)},
            "eventTime": _time(now),
            "contentType": "application/json",
        }
    ).encode()


def as_eventbridge(polled: bytes, *, organisation: str, delivery_id: str, now: float) -> bytes:
    """An event as EventBridge hands it to an API destination."""
    head = {
        "version": "0",
        "id": delivery_id,
        "detail-type": "SystemLog",
        "source": f"aws.partner/okta.com/{organisation}/simulated",
        "account": "123456789012",
        "time": _time(now),
        "region": "us-east-1",
        "resources": [],
    }
    # Lambda functions see the event's own bytes too: EventBridge embeds it as it came.
    return json.dumps(head).encode()[:-1] + b',"detail":' + polled + b"}"


def made_up_event(uuid: str, now: float) -> dict[str, Any]:
    """What Preview sends where there is no recent event: no System Log holds it, and its uuid is of version 4."""
    return {
        "uuid": uuid,
        "published": _time(now),
        "eventType": "user.account.update_profile",
        "version": "0",
        "displayMessage": "Fired when the user's Okta profile is updated",
        "severity": "INFO",
        "actor": None,
        "client": None,
        "outcome": {"result": "Success", "reason": None},
        "target": None,
        "debugContext": None,
    }


def _time(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
