"""Which rules an event can match, by its type, which is known before anything of the event is decoded.

For each type, every rule is reduced to what the type leaves open: many are false at once, some true at once, and of the rest only the
fields that guards look at are decoded (see `guards`); the others only of events that pass one. Types that leave the same open share a plan,
so that a flood of made-up types costs time and no memory.
"""

from collections.abc import Hashable, Iterator, Sequence

import msgspec

from flows.pipeline.detections.evaluate import Check, check_of, decided_by_type
from flows.pipeline.detections.guards import guards_of
from flows.pipeline.detections.sigma.expression import Expression, paths, specialise
from flows.pipeline.detections.sigma.placeholders import Lists
from flows.pipeline.fields import FieldReader

__all__ = ["Plan", "RuleIndex"]

_MOST_TYPES_REMEMBERED = 10_000
_NONE: frozenset[int] = frozenset()


class Plan:
    """What is to be done with an event of some type.

    Args:
        certain: The numbers of the rules that the type alone decides.
        open_rules: Those that need a look at the event, with what is left of them.
        lists: The values of placeholders.

    Attributes:
        certain: As above.
        decodes: Whether events have to be looked at.
    """

    __slots__ = ("_checks", "_decisive", "_guards", "_reader", "_unguarded", "_watch", "certain", "decodes")

    def __init__(self, certain: Sequence[int], open_rules: Sequence[tuple[int, Expression]], lists: Lists) -> None:
        self.certain = tuple(certain)
        self.decodes = bool(open_rules)
        self._guards, self._unguarded, self._decisive = guards_of([left for _, left in open_rules], lists)
        self._watch = FieldReader(path for path, _ in self._guards)
        self._reader = FieldReader(path for _, expression in open_rules for path in paths(expression))
        self._checks: tuple[tuple[int, Check], ...] = tuple((number, check_of(left, self._reader, lists)) for number, left in open_rules)

    def scan(self, events: Sequence[bytes | msgspec.Raw], tenant: str) -> Iterator[tuple[int, Sequence[int]]]:
        """Match some events.

        Args:
            events: Their bytes, brace to brace.
            tenant: Whose they are.

        Yields:
            The place of each event that some rule matches, and the rules' numbers, ascending.
        """
        if not self.decodes:
            yield from ((place, self.certain) for place in range(len(events)))
            return
        wanted: dict[int, set[int]] = {}
        watched = self._watch.decode_all(events, tenant) if self._guards else ()
        for path, guard in self._guards:
            for place, rules in guard.passed(self._watch.column(path, watched)):
                wanted.setdefault(place, set()).update(rules)
        everywhere = range(len(events)) if self.certain or self._unguarded else sorted(wanted)
        for place in everywhere:
            passed = wanted.get(place, _NONE)
            doubtful = {*passed, *self._unguarded} - self._decisive
            numbers = [self._checks[rule][0] for rule in passed & self._decisive]
            if doubtful:
                event = self._reader.decode(events[place], tenant)
                numbers += [number for number, check in [self._checks[rule] for rule in doubtful] if check(event)]
            if numbers or self.certain:
                yield place, sorted((*self.certain, *numbers))

    def matches(self, data: bytes | msgspec.Raw, tenant: str) -> Sequence[int]:
        """The numbers of the rules that one event matches."""
        return next((numbers for _, numbers in self.scan([data], tenant)), ())


class RuleIndex(dict[str, Plan | None]):
    """Event type → plan; None where no rule wants an event of that type. Filled as types are asked for.

    Args:
        detections: The rules' detections; a rule's number is its place here.
        lists: The values of placeholders.
    """

    def __init__(self, detections: Sequence[Expression], lists: Lists) -> None:
        super().__init__()
        self._detections = detections
        self._lists = lists
        self._plans: dict[Hashable, Plan | None] = {}

    def __missing__(self, event_type: str) -> Plan | None:
        decide = decided_by_type(event_type, self._lists)
        outcomes = tuple(specialise(detection, decide) for detection in self._detections)
        if outcomes not in self._plans:
            certain = [number for number, outcome in enumerate(outcomes) if outcome is True]
            left = [(number, outcome) for number, outcome in enumerate(outcomes) if not isinstance(outcome, bool)]
            self._plans[outcomes] = Plan(certain, left, self._lists) if certain or left else None
        plan = self._plans[outcomes]
        if len(self) < _MOST_TYPES_REMEMBERED:  # names come from the wire: remember no more than a few catalogues' worth
            self[event_type] = plan
        return plan
