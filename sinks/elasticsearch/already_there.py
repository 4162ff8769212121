"""What an index that takes nothing holds already: a backfill or a replay over days that a policy has made read-only.

A `create` in such an index is refused before anyone looks whether the document is there, so all of it would wait and then be a dead letter,
delivered as it was. Reading is allowed: the events are looked up, and those that are there are duplicates like any other.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from sinks.delivery.batch import Batch
from sinks.delivery.target import WHOLE_TARGET, Again, Outcome
from sinks.elasticsearch.lookup import Lookup

__all__ = ["AlreadyThere"]

# A block on an index is a 403; that of a full disk (flood stage) is a 429 with newer servers.
_BLOCKED = frozenset({403, 429})
_SHORTEST_SECONDS = 0.5


class AlreadyThere:
    """Looks up what a blocked index holds. Used by several threads at once.

    Args:
        lookup: Asks the server.
        clock: Monotonic seconds.
    """

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._clock = clock
        self._may_look = True

    def told(self, outcome: Outcome, batch: Batch, deadline: float) -> Outcome:
        """An outcome in which what a blocked index holds counts as duplicate.

        Args:
            outcome: Of the attempt.
            batch: What was sent.
            deadline: Until when the attempt may last, by the clock.
        """
        if not self._may_look or not any(map(_is_blocked, outcome.again)):
            return outcome
        uuids = [part.heads[index].uuid for part, index in batch.locate()]
        duplicates = list(outcome.duplicates)
        remaining: list[Again] = []
        for again in outcome.again:
            held = self._held(again, uuids, deadline) if _is_blocked(again) else frozenset()
            duplicates += [at for at in again.positions if uuids[at] in held]
            positions = [at for at in again.positions if uuids[at] not in held]
            if positions:
                remaining.append(replace(again, positions=positions) if held else again)
        return replace(outcome, duplicates=sorted(duplicates), again=remaining)

    def _held(self, again: Again, uuids: list[str], deadline: float) -> frozenset[str]:
        left_seconds = deadline - self._clock()
        if left_seconds < _SHORTEST_SECONDS:
            return frozenset()
        found = self._lookup.held(again.scope, [uuids[at] for at in again.positions], left_seconds)
        if isinstance(found, Again):
            # Writing needs no privilege to read: then nobody can tell, as before.
            self._may_look = found.error_type != "permission"
            return frozenset()
        return frozenset() if isinstance(found, str) else frozenset(found)


def _is_blocked(again: Again) -> bool:
    return again.scope != WHOLE_TARGET and again.error_type == "server" and again.status in _BLOCKED
