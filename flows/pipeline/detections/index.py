"""Which rules an event can match, by its type, which is known before anything of the event is decoded.

For each type, every rule is reduced to what the type leaves open: many are false at once, some true at once, and of the rest only the
fields that are still asked for are decoded, in one pass over the event. Types that leave the same open share a plan, so that a flood of
made-up types costs time and no memory.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec

from flows.pipeline.detections.evaluate import Check, check_of, decided_by_type
from flows.pipeline.detections.sigma.expression import Expression, paths, specialise
from flows.pipeline.detections.sigma.placeholders import Lists
from flows.pipeline.fields import FieldReader

__all__ = ["Plan", "RuleIndex"]

_MOST_TYPES_REMEMBERED = 10_000


class Plan:
    """What is to be done with an event of some type.

    Args:
        certain: The numbers of the rules that the type alone decides.
        open_rules: Those that need a look at the event, with what is left of them.
        lists: The values of placeholders.
    """

    __slots__ = ("_checks", "_decode", "certain")

    def __init__(self, certain: Sequence[int], open_rules: Sequence[tuple[int, Expression]], lists: Lists) -> None:
        self.certain = tuple(certain)
        reader = FieldReader(path for _, expression in open_rules for path in paths(expression))
        self._decode: Callable[[Any, str], Any] = reader.decode
        self._checks: tuple[tuple[int, Check], ...] = tuple((number, check_of(left, reader, lists)) for number, left in open_rules)

    @property
    def decodes(self) -> bool:
        """Whether events have to be looked at."""
        return bool(self._checks)

    def matches(self, data: bytes | memoryview | msgspec.Raw, tenant: str) -> list[int]:
        """The numbers of the rules that an event matches.

        Args:
            data: The event's bytes, brace to brace.
            tenant: Whose it is.
        """
        found = list(self.certain)
        if self._checks:
            event = self._decode(data, tenant)
            found += [number for number, check in self._checks if check(event)]
            if len(found) > 1:
                found.sort()
        return found


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
