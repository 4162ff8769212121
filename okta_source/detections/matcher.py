"""A page of events → its matches. Stateless but for what it remembers of event types, and the same wherever it runs.

Of a page of 1,000 events, each costs a look into a dictionary (0.1 µs); those whose type some rule wants are decoded once, and only the
members that are asked for: by the rules, and by the correlations that tell groups apart by them.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

import msgspec

from okta_source.detections.extract import Extractor
from okta_source.detections.index import Plan, RuleIndex
from okta_source.detections.matches import Match, Matches, to_ms
from okta_source.detections.routes import routes_of
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.expression import Expression, tests
from okta_source.detections.sigma.rule import EventRule
from okta_source.events.fields import FieldReader

__all__ = ["Matcher"]

_EVENT_TYPE = attrgetter("event_type")
_PUBLISHED = attrgetter("published")
_MOST_COMBINATIONS_REMEMBERED = 10_000
_NO_TYPE = "-"  # of no event, so that its plan has what is asked of events of every type

_Found = tuple[int, tuple[int, ...], Sequence[bytes | None], Sequence[Any]]
"""The place of an event that some rules match, their numbers, its groups and its values."""


class Matcher:
    """Matches pages against the rules in force.

    Args:
        rules: The rules.
        given: What the heads were decoded with, if they hold more than heads do: what it has read is not read again.
    """

    def __init__(self, rules: RuleSet, given: FieldReader | None = None) -> None:
        self._rules = rules
        detections: list[Expression] = []
        self._numbers: list[int] = []  # of each detection's rule
        for number, active in enumerate(rules.rules):
            if isinstance(active.rule, EventRule):
                detections.append(active.rule.detection)
                self._numbers.append(number)
        self._detections = detections
        self._index = RuleIndex(detections, rules.lists, self._fields_of, given)
        self._extractors: dict[tuple[Plan, Sequence[int]], tuple[tuple[int, ...], Extractor]] = {}

    @property
    def fields_of_any_event(self) -> Sequence[str]:
        """What is read of an event whose type no rule names."""
        plan = self._index[_NO_TYPE]
        return plan.reader.paths if plan is not None else ()

    @property
    def reads_whole_events(self) -> bool:
        """Whether some rule looks for keywords, so that what stands in front of Okta's own members must not be shown to it."""
        return any(not test.field for detection in self._detections for test in tests(detection))

    def __call__(
        self, tenant: str, heads: Sequence[Any], bodies: Sequence[memoryview | bytes], lines: Sequence[memoryview | bytes] | None = None
    ) -> Matches:
        """Match a page.

        Args:
            tenant: Whose it is.
            heads: What is known of each event, at least one.
            bodies: Each event behind its opening brace.
            lines: Each event from brace to brace where somebody has it so, maybe with more members in front, see `reads_whole_events`.
        """
        by_plan: dict[Plan, list[int]] = {}
        for index, plan in enumerate(map(self._index.__getitem__, map(_EVENT_TYPE, heads))):
            if plan is not None:
                by_plan.setdefault(plan, []).append(index)
        if not by_plan:
            return Matches(tenant, to_ms(max(map(_PUBLISHED, heads))), ())
        read = _reads(bodies) if lines is None else partial(_take, lines)
        found: list[_Found] = []
        for plan, indices in by_plan.items():
            wanted = read(indices) if plan.decodes and not plan.is_given else [heads[index] for index in indices]
            by_rules: dict[Sequence[int], list[tuple[int, Any]]] = {}
            for place, decoded, detections in plan.scan(wanted, tenant):
                by_rules.setdefault(detections, []).append((indices[place], decoded))
            for detections, matching in by_rules.items():
                numbers, extract = self._extractor(plan, detections)
                values = extract([decoded for _, decoded in matching])
                found += [(index, numbers, *each) for (index, _), each in zip(matching, values, strict=True)]
        # Each event matches by way of one plan, so that only the indices are compared.
        return _matches(tenant, heads, bodies, sorted(found))

    def _fields_of(self, detections: Sequence[int]) -> list[str]:
        return routes_of(self._rules, [self._numbers[number] for number in detections]).fields

    def _extractor(self, plan: Plan, detections: Sequence[int]) -> tuple[tuple[int, ...], Extractor]:
        """The numbers of some detections' rules, and what reads the events that they match."""
        known = self._extractors.get((plan, detections))
        if known is None:
            numbers = tuple([self._numbers[number] for number in detections])
            known = numbers, Extractor(routes_of(self._rules, numbers), plan.reader)
            if len(self._extractors) < _MOST_COMBINATIONS_REMEMBERED:
                self._extractors[plan, detections] = known
        return known


def _matches(tenant: str, heads: Sequence[Any], bodies: Sequence[memoryview | bytes], found: Sequence[_Found]) -> Matches:
    """A page's matches of what was found, which ascends."""
    published = list(map(_PUBLISHED, heads))
    newest, looked_at = published[0], 0
    matches: list[Match] = []
    for index, numbers, groups, values in found:
        newest = max((newest, *published[looked_at : index + 1]))
        looked_at = index + 1
        head = heads[index]
        uuid, event_type = _writable(head.uuid), _writable(head.event_type)
        matches.append(Match(uuid, to_ms(head.published), event_type, to_ms(newest), numbers, groups, values, bytes(bodies[index])))
    return Matches(tenant, to_ms(max((newest, *published[looked_at:]))), matches)


def _reads(bodies: Sequence[memoryview | bytes]) -> Callable[[Sequence[int]], list[Any]]:
    """What gives some of a page's events from brace to brace."""
    if _are_uncut(bodies):
        return lambda indices: [bodies[index].obj for index in indices]  # type: ignore[union-attr]
    return lambda indices: [b"".join((b"{", bodies[index])) for index in indices]


def _take(lines: Sequence[memoryview | bytes], indices: Sequence[int]) -> list[Any]:
    return [lines[index] for index in indices]


def _are_uncut(bodies: Sequence[memoryview | bytes]) -> bool:
    """Whether bodies are views of what the page was sliced into, each but for its brace: then nothing has to be copied to decode them.

    A page's bodies are all made in one place, so that the first tells for all.
    """
    first = bodies[0]
    return type(first) is memoryview and type(first.obj) is msgspec.Raw and memoryview(first.obj).nbytes == first.nbytes + 1


def _writable(text: str) -> str:
    """A text that can be written as UTF-8: JSON may hold half of a surrogate pair, and that must not end a run."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
