"""Which hooks should have come: `debugContext.debugData.targetEventHookIds` of an event names the hooks that it was due by. Pure.

The ids stand comma-joined in one text; Okta says that they don't tell whether the delivery succeeded. Polling usually comes first, so an
event is missed only when its hook has not come some minutes later. Which hook is ours is learned from deliveries; before the first one,
every id counts, since a hook that never delivers is what should be noticed.
"""

import re
from collections.abc import Sequence
from typing import Final

from okta_source.polling.event import Head

__all__ = ["HookExpectations"]

PATIENCE_SECONDS: Final = 300.0
"""How long a hook may take: deliveries lag some ten seconds, and one repetition comes later."""
_MOST_EXPECTED: Final = 20_000
_MOST_IDS: Final = 25
_TARGETS: Final = re.compile(rb'"targetEventHookIds"\s*:\s*"([^"\\]{1,4000})"')


class HookExpectations:
    """One tenant's.

    Args:
        ids: The hooks that have delivered so far.
    """

    def __init__(self, ids: Sequence[str] = ()) -> None:
        self._ids = list(ids)
        self._expected: dict[str, float] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The hooks that have delivered so far; Okta allows 25 in an organisation."""
        return tuple(self._ids)

    def delivered_by(self, hook_id: str) -> None:
        """A hook has delivered."""
        if hook_id and hook_id not in self._ids:
            self._ids = [*self._ids, hook_id][-_MOST_IDS:]
            self._expected.clear()  # what was expected of others before ours was known

    def polled(self, head: Head, body: memoryview | bytes, now_seconds: float) -> None:
        """Polling has brought an event that push hasn't.

        Args:
            head: Its head.
            body: Its bytes.
            now_seconds: Unix time.
        """
        # In a backlog nobody knows what came at its time.
        if now_seconds - head.published.timestamp() > PATIENCE_SECONDS or len(self._expected) >= _MOST_EXPECTED:
            return
        found = _TARGETS.search(body)
        if found is None:
            return
        named = found[1].decode("latin-1").split(",")
        if not self._ids or any(each.strip() in self._ids for each in named):
            self._expected[head.uuid] = now_seconds + PATIENCE_SECONDS

    def pushed(self, uuids: Sequence[str]) -> None:
        """Push has brought events, be it late."""
        for uuid in uuids:
            self._expected.pop(uuid, None)

    def missed(self, now_seconds: float) -> int:
        """How many events' hooks have not come in time, each told once."""
        count = 0
        for uuid, deadline in list(self._expected.items()):
            if deadline > now_seconds:
                break  # in the order of their deadlines
            del self._expected[uuid]
            count += 1
        return count
