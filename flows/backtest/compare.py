"""What a change of rules gains and loses: the alerts of one set of rules beside those of another, or of a live run's file."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson

from flows.reading.plan import ArchiveFile
from okta_source.detections.alerts import Alert, timestamp
from okta_source.detections.matches import to_ms
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation
from sinks.file.archive_reader import LineReader

__all__ = ["Told", "compare", "read_alerts", "told_of"]

_Key = tuple[str, str, bytes]


class Told(msgspec.Struct, frozen=True):
    """What of an alert is compared.

    Attributes:
        uuid: Its id.
        tenant: Whose it is.
        rule: The rule's id.
        title: The rule's title.
        group: The group, as JSON.
        published_ms: When the completing event happened.
    """

    uuid: str
    tenant: str
    rule: str
    title: str
    group: bytes
    published_ms: int

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "uuid": self.uuid, "tenant": self.tenant, "rule": self.title, "group": orjson.loads(self.group),
            "published": timestamp(self.published_ms),
        }  # fmt: skip


def told_of(alert: Alert) -> Told:
    """What of an alert is compared."""
    group = orjson.dumps(dict(alert.group), option=orjson.OPT_SORT_KEYS)
    return Told(alert.uuid, alert.tenant, alert.rule.id, alert.rule.title, group, alert.published_ms)


def compare(new: Sequence[Told], old: Sequence[Told], rules: Sequence[RuleSet]) -> tuple[list[Told], list[Told]]:
    """What is gained and what is lost.

    The same alert has the same id. A rule that counts to another number tells of the same trouble at another event: an alert of the same
    rule, tenant and group within the rule's timespan is the same trouble, and neither gained nor lost.

    Args:
        new: The alerts of the rules in question.
        old: What they are compared with.
        rules: Both sets of rules, for the timespans; none where alerts have to be the same.

    Returns:
        Those of `new` that `old` has not, and the reverse.
    """
    spans = {active.rule.about.id: _span(active.rule) for one in rules for active in one.rules}
    return _without(new, old, spans), _without(old, new, spans)


def read_alerts(file: ArchiveFile) -> Iterable[Told]:
    """The alerts that a file holds.

    Raises:
        OSError: It can't be read.
    """
    for block in LineReader(file.path).blocks():
        for line in block.splitlines():
            found = _told(line)
            if found is not None:
                yield found


class _Rule(msgspec.Struct):
    id: str
    title: str


class _Line(msgspec.Struct):
    uuid: str
    published: datetime
    rule: _Rule
    group: dict[str, Any]
    kind: str = msgspec.field(name="_okta_event_type")
    tenant: str = msgspec.field(name="_okta_tenant")


_DECODER: Final = msgspec.json.Decoder(_Line)


def _told(line: bytes) -> Told | None:
    try:
        found = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found.kind != "alert":
        return None
    group = orjson.dumps(found.group, option=orjson.OPT_SORT_KEYS)
    return Told(found.uuid, found.tenant, found.rule.id, found.rule.title, group, to_ms(found.published))


def _span(rule: object) -> int:
    return rule.timespan_ms if isinstance(rule, Correlation) else 0


def _without(ones: Sequence[Told], others: Sequence[Told], spans: dict[str, int]) -> list[Told]:
    known = {told.uuid for told in others}
    times: dict[_Key, list[int]] = {}
    for told in others:
        times.setdefault((told.tenant, told.rule, told.group), []).append(told.published_ms)
    for moments in times.values():
        moments.sort()
    return [told for told in ones if told.uuid not in known and not _has_near(told, times, spans)]


def _has_near(told: Told, times: dict[_Key, list[int]], spans: dict[str, int]) -> bool:
    span = spans.get(told.rule, 0)
    moments = times.get((told.tenant, told.rule, told.group), [])
    place = bisect_left(moments, told.published_ms - span)
    return bool(span) and place < len(moments) and moments[place] <= told.published_ms + span
