"""What a change of rules gains and loses: the alerts of one set of rules beside those of another, or of a live run's file."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import orjson

from okta_source.detections.alerts import Alert, timestamp
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation

__all__ = ["MUTE", "Difference", "Told", "Unread", "compare", "told_of"]

MUTE: Final = "ocsf without raw_data, or ecs without event_original"
"""Which documents don't keep what they were made of."""

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


@dataclass(slots=True)
class Unread:
    """What of a run's alerts could not be compared.

    Attributes:
        mute_lines: Lines of a format that doesn't keep the alert itself.
        bad_lines: Lines that hold neither an alert nor an event.
        problems: Files that could not be read to their ends.
    """

    mute_lines: int = 0
    bad_lines: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Difference:
    """What comes of a comparison.

    Attributes:
        name: What it was compared with.
        gained: The alerts that only the rules in question give.
        lost: Those that only the other side has.
        unread: What of the other side could not be read.
    """

    name: str
    gained: Sequence[Told]
    lost: Sequence[Told]
    unread: Unread = field(default_factory=Unread)


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
