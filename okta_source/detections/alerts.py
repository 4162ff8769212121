"""An alert, and the JSON that sinks are given of it. Its id is made of the events alone, so that a replay gives it again."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import orjson

from okta_source.detections.sigma.rule import Level

__all__ = ["MOST_EVENTS_SHOWN", "Alert", "AlertedRule", "alert_id", "timestamp"]

MOST_EVENTS_SHOWN: Final = 50
_NAMESPACE: Final = uuid.UUID("0b3f4f06-7d8f-4c53-9a2a-5d7f0f3c9a44")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AlertedRule:
    """What an alert says of its rule."""

    id: str
    name: str
    title: str
    level: Level
    tags: tuple[str, ...]
    author: str
    version: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule's word about a tenant's events.

    Attributes:
        uuid: Its id: the same in the stream, in a replay and in a backtest.
        tenant: The tenant's name.
        rule: The rule.
        kind: `event`, or the correlation's type.
        group: The values of the correlation's group-by.
        published_ms: When the completing event happened.
        count: How many events the window holds.
        first_ms: When the first of them happened.
        last_ms: When the last of them happened.
        events: `uuid`, `published`, `eventType` and `rule` of the latest of them.
        details: What some kinds say more: `distinct` values, what is `new`, `distance_km` and `speed_kmh`.
        body: The completing event, behind its opening brace.
    """

    uuid: str
    tenant: str
    rule: AlertedRule
    kind: str
    group: Mapping[str, Any]
    published_ms: int
    count: int
    first_ms: int
    last_ms: int
    events: Sequence[Mapping[str, str]]
    details: Mapping[str, Any]
    body: bytes

    def members(self) -> bytes:
        """The alert's own members and the event, as they stand behind a brace or a comma."""
        told: dict[str, Any] = {
            "uuid": self.uuid,
            "published": timestamp(self.published_ms),
            "rule": {
                "id": self.rule.id,
                "name": self.rule.name,
                "title": self.rule.title,
                "level": self.rule.level,
                "tags": self.rule.tags,
                "author": self.rule.author,
                "version": self.rule.version,
            },
            "kind": self.kind,
            "group": self.group,
            "count": self.count,
            "first_event_at": timestamp(self.first_ms),
            "last_event_at": timestamp(self.last_ms),
        }
        if self.details:
            told["details"] = self.details
        told["events"] = self.events
        return b"".join((orjson.dumps(told)[1:-1], b',"event":{', self.body, b"}"))


def alert_id(tenant: str, rule_id: str, group: bytes, event_uuid: str) -> str:
    """The id of an alert, of nothing but these.

    Args:
        tenant: The tenant's name.
        rule_id: The rule's id.
        group: The values of the group, as JSON.
        event_uuid: The completing event's.
    """
    return str(uuid.uuid5(_NAMESPACE, "\n".join((tenant, rule_id, group.decode(), event_uuid))))


@lru_cache(maxsize=1024)  # one alert says the same moment up to five times
def timestamp(ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC, as Okta writes it."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
