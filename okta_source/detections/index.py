"""Which rules an event can match, by its type, which is known before anything of the event is decoded.

For each type, every rule is reduced to what the type leaves open: many are false at once, some true at once. What the rest asks for is
decoded, all at once: seven members of a 2 KB event take 1.6 µs, one 1.3. What passes which tests is looked up field by field, see `tables`,
until nothing is open, and what that means for the rules is remembered too. Types that leave the same open share a plan: a flood of made-up
types costs time and no memory.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import compress
from typing import Any

import msgspec

from okta_source.detections.evaluate import decided_by_type
from okta_source.detections.sigma.expression import Expression, Test, paths, specialise, tests
from okta_source.detections.sigma.placeholders import Lists
from okta_source.detections.sigma.predicates import Predicate, predicate
from okta_source.detections.tables import Columns, in_order, remembered
from okta_source.events.fields import FieldReader
from okta_source.events.remembered import Remembered

__all__ = ["Plan", "RuleIndex"]

_MOST_TYPES_REMEMBERED = 10_000


class Plan:
    """What is to be done with an event of some type.

    Args:
        certain: The numbers of the rules that the type alone decides.
        open_rules: Those that need a look at the event, with what is left of them.
        predicate_of: What a test asks of a field's value.
        lists: The values of placeholders.
        more: Fields that somebody wants of events that match.
        given: What has decoded the events already, if anything has.

    Attributes:
        certain: As above.
        decodes: Whether events have to be looked at.
        is_given: Whether what has decoded them already has all that is wanted.
        reader: Reads all that is wanted of an event.
    """

    __slots__ = ("_bits", "_open", "_stages", "certain", "decodes", "is_given", "reader")

    def __init__(
        self,
        certain: Sequence[int],
        open_rules: Sequence[tuple[int, Expression]],
        predicate_of: Callable[[Test], Predicate],
        lists: Lists,
        more: Iterable[str] = (),
        given: FieldReader | None = None,
    ) -> None:
        self.certain = tuple(certain)
        self._open = tuple(open_rules)
        found = dict.fromkeys(test for _, left in open_rules for test in tests(left))
        self._bits = {test: 1 << place for place, test in enumerate(found)}
        wanted = [*(path for _, left in open_rules for path in paths(left)), *more]
        # The empty path is a keyword's: it needs the event as a whole.
        self.is_given = given is not None and set(wanted) <= set(given.paths)
        self.reader = given if given is not None and self.is_given else FieldReader(filter(None, wanted))
        self.decodes = bool(wanted)
        self._stages: list[tuple[Columns, Remembered[int, tuple[int, ...] | None]]] = []
        looked_at: dict[Test, int] = {}
        for stage in in_order([left for _, left in open_rules]):
            bits = {test: self._bits[test] for test in stage}
            looked_at = looked_at | bits
            columns = Columns(bits.items(), self.reader, predicate_of, lists)
            self._stages.append((columns, remembered(partial(self._judge, looked_at))))

    def scan(self, events: Sequence[Any], tenant: str) -> Iterator[tuple[int, Any, Sequence[int]]]:
        """Match some events.

        Args:
            events: Their bytes, brace to brace, or where the plan is given what has been decoded; ignored where it doesn't decode.
            tenant: Whose they are.

        Yields:
            The place of each event that some rule matches, what `reader` has decoded of it, and the rules' numbers, ascending.
        """
        if not self.decodes:
            yield from ((place, None, self.certain) for place in range(len(events)))
            return
        decoded = events if self.is_given else self.reader.decode_all(events, tenant)
        verdicts: list[tuple[int, ...]] = [self.certain] * len(events)
        masks = [0] * len(events)
        doubtful: Sequence[int] = range(len(events))
        for columns, verdict_of in self._stages:
            are_all = len(doubtful) == len(decoded)
            wanted = (decoded, events) if are_all else ([decoded[place] for place in doubtful], [events[place] for place in doubtful])
            found = columns.masks(*wanted, tenant)
            left: list[int] = []
            for place, bits in zip(doubtful, found, strict=True):
                mask = masks[place] = masks[place] | bits
                verdict = verdict_of[mask]
                if verdict is None:
                    left.append(place)
                else:
                    verdicts[place] = verdict
            doubtful = left
            if not doubtful:
                break
        for place, verdict in compress(enumerate(verdicts), verdicts):
            yield place, decoded[place], verdict

    def matches(self, data: bytes | msgspec.Raw, tenant: str) -> Sequence[int]:
        """The numbers of the rules that one event matches."""
        return next((numbers for _, _, numbers in self.scan([data], tenant)), ())

    def _judge(self, looked_at: dict[Test, int], mask: int) -> tuple[int, ...] | None:
        """The rules that match, by the tests that were looked at; None where that leaves one open."""

        def decide(test: Test) -> bool | None:
            bit = looked_at.get(test)
            return None if bit is None else bool(mask & bit)

        outcomes = [(number, specialise(left, decide)) for number, left in self._open]
        if not all(isinstance(outcome, bool) for _, outcome in outcomes):
            return None
        return tuple(sorted((*self.certain, *(number for number, outcome in outcomes if outcome is True))))


class RuleIndex(dict[str, Plan | None]):
    """Event type → plan; None where no rule wants an event of that type. Filled as types are asked for.

    Args:
        detections: The rules' detections; a rule's number is its place here.
        lists: The values of placeholders.
        fields_of: The fields that somebody wants of events that some of these rules match.
        given: What has decoded the events already, if anything has.
    """

    def __init__(
        self,
        detections: Sequence[Expression],
        lists: Lists,
        fields_of: Callable[[Sequence[int]], Iterable[str]] = lambda _: (),
        given: FieldReader | None = None,
    ) -> None:
        super().__init__()
        self._detections = detections
        self._lists = lists
        self._fields_of = fields_of
        self._given = given
        self._plans: dict[Hashable, Plan | None] = {}
        # A rule's tests are compiled once, however many types leave them open.
        self._predicate = cache(lambda test: predicate(test, lists))

    def __missing__(self, event_type: str) -> Plan | None:
        decide = decided_by_type(event_type, self._predicate)
        outcomes = tuple(specialise(detection, decide) for detection in self._detections)
        if outcomes not in self._plans:
            self._plans[outcomes] = self._plan(outcomes)
        plan = self._plans[outcomes]
        if len(self) < _MOST_TYPES_REMEMBERED:  # names come from the wire: remember no more than a few catalogues' worth
            self[event_type] = plan
        return plan

    def _plan(self, outcomes: Sequence[Expression | bool]) -> Plan | None:
        certain = [number for number, outcome in enumerate(outcomes) if outcome is True]
        left = [(number, outcome) for number, outcome in enumerate(outcomes) if not isinstance(outcome, bool)]
        if not certain and not left:
            return None
        more = self._fields_of(sorted([*certain, *(number for number, _ in left)]))
        return Plan(certain, left, self._predicate, self._lists, more, self._given)
