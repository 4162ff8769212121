"""Which pushed events go on, so that each event is delivered once whichever way and however often it comes. Pure.

Three sets and a mark. The *window* holds what polling has brought; push never touches it, nor the high-water mark, nor the cursor. *hooked*
holds what push has delivered and polling has not brought yet; *announced* what push has named in `wake` without delivering it. F is the
highest mark that the window ever forgot.

A pushed event is delivered iff its uuid is in neither window nor hooked, `published` lies behind F + 60 s and the tenant's start, and at
most 60 s ahead of now. A polled event that is in hooked is a duplicate.

Why that is exact: an event that polling has brought was remembered with a mark no lower than its `published` (less the minute that clocks
may differ), so one published behind F + 60 s is still remembered, and its pushed copy is recognised. One published before is left to
polling, which has brought it or will. A hooked uuid stays until polling brings it, so it does not matter how far polling lags.

One window for both would be simpler and wrong: a mark that push raises makes a refused cursor skip what polling hadn't reached; stamped
with polling's mark, pushed uuids are forgotten before a lagging poll comes; stamped with `published`, the window forgets nothing meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from okta_source.hooks.pending import PendingUuids
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import Head

__all__ = ["CLOCK_SECONDS", "Judged", "Mode", "PushLedger", "is_minted_by_okta"]

Mode = Literal["wake", "merge"]
CLOCK_SECONDS: Final = 60.0
"""By how much `published` may be ahead of our clock, and of the mark of the page that brought it."""
_CANONICAL_LENGTH: Final = 36


@dataclass(slots=True)
class Judged:
    """What becomes of a delivery's events.

    Attributes:
        deliver: The positions of those that go on.
        await_uuids: Those that polling is to bring now, in `wake`.
        results: How many events of each result: delivered, woke, duplicate, too_old, doubtful.
        known: The uuids that polling has brought already.
    """

    deliver: list[int] = field(default_factory=list)
    await_uuids: list[str] = field(default_factory=list)
    results: dict[str, int] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)

    def count(self, result: str) -> None:
        """One more event of a result."""
        self.results[result] = self.results.get(result, 0) + 1


class PushLedger:
    """One tenant's sets.

    Args:
        window: What polling has brought.
        window_seconds: How far it reaches.
        started_at: From when on events are wanted.
        hooked: What push has delivered.
        announced: What push has named.
    """

    def __init__(
        self,
        window: SeenWindow,
        window_seconds: float,
        started_at: datetime,
        hooked: PendingUuids | None = None,
        announced: PendingUuids | None = None,
    ) -> None:
        self._window = window
        self._window_seconds = window_seconds
        self._started_seconds = started_at.timestamp()
        self.hooked = PendingUuids() if hooked is None else hooked
        self.announced = PendingUuids() if announced is None else announced

    def pushed(self, heads: Sequence[Head], now_seconds: float, mode: Mode) -> Judged:
        """Judge a delivery.

        Args:
            heads: Of its events, in order.
            now_seconds: Unix time.
            mode: What the tenant wants of push.
        """
        judged = Judged()
        seen = self._window.seen([head.uuid for head in heads]) if heads else []
        for position, head in enumerate(heads):
            published_seconds = head.published.timestamp()
            if seen[position]:
                judged.count("duplicate")
                judged.known.append(head.uuid)
            elif head.uuid in self.hooked:
                judged.count("duplicate")
            elif not is_minted_by_okta(head.uuid) or published_seconds > now_seconds + CLOCK_SECONDS:
                judged.count("doubtful")
            elif published_seconds < self._started_seconds or self._may_be_forgotten(published_seconds):
                judged.count("too_old")
            elif mode == "merge":
                judged.count("delivered")
                judged.deliver.append(position)
                # A uuid announced before the mode was changed has not been delivered.
                self.announced.discard(head.uuid)
                self.hooked.add(head.uuid, published_seconds)
            elif head.uuid in self.announced:
                judged.count("duplicate")
            else:
                judged.count("woke")
                judged.await_uuids.append(head.uuid)
                self.announced.add(head.uuid, published_seconds)
        return judged

    def polled(self, uuids: Sequence[str]) -> list[int] | None:
        """Take out what polling has brought.

        Args:
            uuids: A page's, those that its window didn't know.

        Returns:
            The positions of those that push hasn't delivered; None where that is all of them.
        """
        if self.announced.any_of(uuids):
            for uuid in uuids:
                self.announced.discard(uuid)
        if not self.hooked.any_of(uuids):
            return None
        return [position for position, uuid in enumerate(uuids) if not self.hooked.discard(uuid)]

    def unconfirmed(self, high_water_seconds: float | None, drained_at_seconds: float | None) -> int:
        """How many pushed events polling should have brought by now and hasn't, each told once.

        One is told when a poll later than its `published` plus the window came to an end without it, and forgotten when the high-water mark
        is that far ahead: only then can polling not bring it any more.

        Args:
            high_water_seconds: Highest `published` of polling, Unix time.
            drained_at_seconds: When a short page came, Unix time; None in the midst of a drain.
        """
        count = 0
        for pending in (self.hooked, self.announced):
            if high_water_seconds is not None:
                count += pending.forget(high_water_seconds - self._window_seconds)
            if drained_at_seconds is not None:
                count += pending.overdue(drained_at_seconds - self._window_seconds)
        return count

    def _may_be_forgotten(self, published_seconds: float) -> bool:
        mark = self._window.forgotten_mark
        return mark is not None and published_seconds <= mark + CLOCK_SECONDS


def is_minted_by_okta(uuid: str) -> bool:
    """Whether the uuid is of version 1, as those of all recorded events are; the console's Preview makes up others."""
    return len(uuid) == _CANONICAL_LENGTH and uuid[14] == "1"
