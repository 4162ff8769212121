"""Which events a sink gets: by tenant, event type, category and severity.

A sink without a filter has no step in the flow and costs nothing. What a filter drops is dropped on purpose, for this sink alone, and is
counted (`okta_sink_filtered_total`).

| filter | µs per event of 2.2 KB, measured |
|---|---|
| none | 0: there is no step |
| tenants | 0: one look a page |
| event types, categories | 0.05 where all pass, 0.08 where half do |
| severity | 1.9, since it is not in an event's head and has to be decoded; only of events that passed the rest |
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from itertools import compress
from operator import attrgetter
from typing import Any, Final, get_args

import msgspec

from okta_source.detections.documents import AlertHead
from okta_source.events.categories import category
from sinks.config import AlertLevel, Severity, SinkCommon
from sinks.documents import Documents
from sinks.event_head import NOT_JSON, members_of
from sinks.metrics import SinkMetrics

__all__ = ["AlertRouter", "Router"]

_EVENT_TYPE = attrgetter("event_type")
_RANKS: Final = {name: rank for rank, name in enumerate(get_args(Severity))}
_LEVELS: Final = get_args(AlertLevel)
_MOST_TYPES_REMEMBERED: Final = 10_000


class _Grave(msgspec.Struct, gc=False):
    """The one member that a filter by severity needs; of any type, since nothing may be lost for being odd."""

    severity: Any = None


_GRAVE = msgspec.json.Decoder(_Grave)


class _Decisions(dict[str, bool]):
    """Event type → whether the sink wants it, decided when first asked for."""

    def __init__(self, config: SinkCommon) -> None:
        super().__init__()
        self._globs = re.compile("|".join(map(translate, config.event_types))) if config.event_types else None
        self._categories = frozenset(config.categories)

    def __missing__(self, event_type: str) -> bool:
        wanted = self._globs is None or self._globs.match(event_type) is not None
        wanted = wanted and (not self._categories or category(event_type) in self._categories)
        if len(self) < _MOST_TYPES_REMEMBERED:  # names come from the wire: remember no more than a few catalogues' worth
            self[event_type] = wanted
        return wanted


class Router:
    """One sink's filter, compiled.

    Args:
        sink_name: The sink's name, for the metric.
        config: Its table.

    Attributes:
        passes_all: Whether it lets everything through, so that no step is needed.
    """

    def __init__(self, sink_name: str, config: SinkCommon) -> None:
        self._metrics = SinkMetrics(sink_name)
        self._tenants = frozenset(config.tenants)
        self._decisions = _Decisions(config) if config.event_types or config.categories else None
        self._least = _RANKS[config.severity_at_least] if config.severity_at_least else 0
        self.passes_all = not self._tenants and self._decisions is None and self._least == 0

    def __call__(self, documents: Documents) -> Documents | None:
        """The documents of a page that the sink gets, in their order.

        Returns:
            The very same page where it gets them all; None where it gets none.
        """
        wanted = self._wanted(documents)
        dropped = len(documents) - len(wanted)
        if not dropped:
            return documents
        self._metrics.filtered(documents.tenant, dropped)
        return documents.take(wanted) if wanted else None

    def keyed(self, item: tuple[str, Documents]) -> tuple[str, Documents] | None:
        """The same for a page with its tenant's name in front, as keyed sinks take it."""
        key, documents = item
        wanted = self(documents)
        if wanted is documents:
            return item
        return None if wanted is None else (key, wanted)

    def _wanted(self, documents: Documents) -> Sequence[int]:
        wanted: Sequence[int] = range(len(documents))
        if self._tenants and documents.tenant not in self._tenants:
            return ()
        if self._decisions is not None:
            wanted = list(compress(wanted, map(self._decisions.__getitem__, map(_EVENT_TYPE, documents.heads))))
        if self._least and wanted:
            wanted = list(compress(wanted, map(self._is_grave, _severities(documents, wanted))))
        return wanted

    def _is_grave(self, severity: object) -> bool:
        return not isinstance(severity, str) or _RANKS.get(severity, self._least) >= self._least


class AlertRouter:
    """One sink's filter of alerts: by tenant and level. What it says of event types, categories and severities is said of events.

    Args:
        sink_name: The sink's name, for the metric.
        config: Its table.
    """

    def __init__(self, sink_name: str, config: SinkCommon) -> None:
        self._metrics = SinkMetrics(sink_name)
        self._tenants = frozenset(config.tenants)
        self._levels = frozenset(_LEVELS[_LEVELS.index(config.level_at_least) :])

    def keyed(self, item: tuple[str, Documents]) -> tuple[str, Documents] | None:
        """The alerts that the sink gets, in their order, with their tenant's name in front; None where it gets none."""
        tenant, documents = item
        if self._tenants and tenant not in self._tenants:
            wanted: list[int] = []
        else:
            wanted = [index for index, head in enumerate(documents.heads) if isinstance(head, AlertHead) and head.level in self._levels]
        dropped = len(documents) - len(wanted)
        if not dropped:
            return item
        self._metrics.filtered(tenant, dropped)
        return (tenant, documents.take(wanted)) if wanted else None


def _severities(documents: Documents, indices: Sequence[int]) -> Iterable[object]:
    """The severity of each of these documents; None for one that has none."""
    for index in indices:
        document = documents.document(index)
        try:
            yield _GRAVE.decode(document).severity
        except NOT_JSON:
            yield _severity_of(document)


def _severity_of(document: bytes) -> object:
    """The same for one that msgspec refuses, such as for half an emoji."""
    try:
        return members_of(document).get("severity")
    except ValueError:
        return None
