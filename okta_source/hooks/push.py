"""A tenant's push as its partition sees it: reads the spool, decides what goes on, and remembers what polling has still to bring."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from okta_source.hooks.envelope import Delivery, NotADeliveryError, open_envelope
from okta_source.hooks.expectations import HookExpectations
from okta_source.hooks.frame import Frame
from okta_source.hooks.ledger import Mode, PushLedger
from okta_source.hooks.origin import foreign_origin, hook_id
from okta_source.hooks.pending import PendingUuids
from okta_source.hooks.segments import Position
from okta_source.hooks.spool_reader import SpoolReader
from okta_source.hooks.wake import WakePlan
from okta_source.metrics.hooks import HookMetrics
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import LINE_BREAKS_TO_SPACES, Batch, Head, Malformed

__all__ = ["PushState", "TenantPush"]

LOOK_SECONDS: Final = 0.2
"""How often the spool is looked at; a look costs two `stat`s."""
_SIZE_SECONDS: Final = 10.0
_START: Final = Position()
_FAILED_DELIVERY: Final = "event_hook.delivery"


@dataclass(frozen=True, slots=True)
class PushState:
    """What a snapshot holds of a tenant's push, as plain values.

    Attributes:
        position: Up to where the spool is read.
        hooked: See `PushLedger`.
        announced: Likewise.
        hook_ids: The hooks that have delivered.
    """

    position: Position = _START
    hooked: tuple[Any, ...] = ()
    announced: tuple[Any, ...] = ()
    hook_ids: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """As a plain dict; Bytewax pickles it after the partition has moved on."""
        return {
            "spool": (self.position.segment, self.position.offset),
            "hooked": self.hooked,
            "announced": self.announced,
            "hook_ids": self.hook_ids,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "PushState":
        """Read it; what an earlier release doesn't know is empty."""
        segment, offset = plain.get("spool", ("", 0))
        return cls(Position(segment, offset), plain.get("hooked", ()), plain.get("announced", ()), plain.get("hook_ids", ()))


class TenantPush:
    """One tenant's push.

    Args:
        tenant: The tenant's name.
        hosts: The organisation's host and the further ones that it may have.
        mode: What is made of deliveries; None where the tenant has no hooks (any more) or the run ignores them: then only what polling
            still has to bring is remembered.
        reader: The tenant's spool; None likewise.
        window: What polling has brought.
        window_seconds: How far it reaches.
        started_at: From when on events are wanted.
        saved: From a snapshot.
        metrics: The tenant's series of push; None where it has no hooks.
        now: The clock, UTC.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        *,
        tenant: str,
        hosts: Collection[str],
        mode: Mode | None,
        reader: SpoolReader | None,
        window: SeenWindow,
        window_seconds: float,
        started_at: datetime,
        saved: PushState,
        metrics: HookMetrics | None,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._tenant = tenant
        self._hosts = hosts
        self._mode = mode
        self._reader = reader
        self._ledger = PushLedger(window, window_seconds, started_at, PendingUuids(saved.hooked), PendingUuids(saved.announced))
        self._plan = WakePlan()
        self._expectations = HookExpectations(saved.hook_ids)
        self._saved_position = saved.position
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._look_at = self._size_at = float("-inf")

    @property
    def wants_poll(self) -> bool:
        """Whether the tenant should poll now."""
        return self._plan.wants_poll(self._clock())

    def polls(self) -> None:
        """The poll that was wanted begins."""
        self._plan.polls(self._clock())

    def nap_seconds(self) -> float | None:
        """How long the partition may sleep at most; None where push doesn't mind."""
        return None if self._reader is None else max(self._look_at - self._clock(), 0.0)

    def look(self) -> list[Batch | Malformed]:
        """What push has brought since the last look: in `merge` a batch a delivery; in either mode what is no delivery."""
        now = self._clock()
        if self._reader is None or now < self._look_at:
            return []
        items: list[Batch | Malformed] = []
        frames = self._reader.read()
        for frame in frames:
            self._take(frame, items)
        self._look_at = now if frames else now + LOOK_SECONDS
        if self._metrics is not None:
            self._metrics.missed += self._expectations.missed(self._now().timestamp())
            if now >= self._size_at:
                self._size_at = now + _SIZE_SECONDS
                self._metrics.spool_bytes = self._reader.size_bytes()
        return items

    def polled(self, heads: Sequence[Head], bodies: Sequence[memoryview | bytes]) -> list[int] | None:
        """Polling has brought events that its window didn't know.

        Args:
            heads: Their heads.
            bodies: Their bytes.

        Returns:
            The positions of those that push hasn't delivered; None where that is all of them.
        """
        uuids = [head.uuid for head in heads]
        pushed = [uuid in self._ledger.hooked or uuid in self._ledger.announced for uuid in uuids] if self._mode else []
        fresh = self._ledger.polled(uuids)
        self._plan.came(uuids)
        if self._metrics is not None:
            now_seconds = self._now().timestamp()
            for head, body, came_by_push in zip(heads, bodies, pushed, strict=False):
                if head.event_type == _FAILED_DELIVERY:
                    self._metrics.delivery_failures += 1
                elif not came_by_push:
                    self._expectations.polled(head, body, now_seconds)
        return fresh

    def page_done(self, high_water: datetime | None, *, received_at: datetime, drained: bool) -> None:
        """A page has been handed over: see what it should have held."""
        count = self._ledger.unconfirmed(high_water.timestamp() if high_water else None, received_at.timestamp() if drained else None)
        if self._metrics is not None:
            self._metrics.unconfirmed += count

    def state(self) -> PushState:
        """For a snapshot."""
        position = self._reader.position if self._reader is not None else self._saved_position
        return PushState(position, self._ledger.hooked.saved(), self._ledger.announced.saved(), self._expectations.ids)

    def _take(self, frame: Frame, items: list[Batch | Malformed]) -> None:
        received_at = datetime.fromtimestamp(frame.received_ms / 1000, UTC)
        try:
            delivery = open_envelope(frame.body.translate(LINE_BREAKS_TO_SPACES))
        except NotADeliveryError as error:
            items.append(self._malformed(str(error), frame.body, received_at))
            self._count("malformed", 1)
            return
        foreign = foreign_origin(delivery.source, self._hosts)
        if foreign:
            reason = (
                f"the delivery is {foreign}'s: the hooks of two organisations are crossed, or the URL in Okta ends with the wrong tenant"
            )
            items.append(self._malformed(reason, frame.body, received_at))
            self._count("malformed", max(delivery.page.events, 1))
            return
        for raw, reason, uuid, published in delivery.page.malformed:
            items.append(self._malformed(f"in a delivery: {reason}", raw, received_at, uuid, published))
            self._count("malformed", 1)
        self._expectations.delivered_by(hook_id(delivery.source))
        if delivery.page.heads and self._mode:
            self._judge(delivery, received_at, items, self._mode)

    def _judge(self, delivery: Delivery, received_at: datetime, items: list[Batch | Malformed], mode: Mode) -> None:
        heads, bodies = delivery.page.heads, delivery.page.bodies
        judged = self._ledger.pushed(heads, self._now().timestamp(), mode)
        self._expectations.pushed([head.uuid for head in heads])
        for result, count in judged.results.items():
            self._count(result, count)
        if self._metrics is not None:
            for head in heads:
                self._metrics.delayed(received_at.timestamp() - head.published.timestamp())
        if judged.deliver:
            chosen = judged.deliver
            picked = [heads[each] for each in chosen], [bodies[each] for each in chosen]
            items.append(Batch(self._tenant, delivery.kind, received_at, *picked))
        elif mode == "wake" and (judged.await_uuids or judged.results.get("doubtful")):
            self._plan.deliver(judged.await_uuids, self._clock())

    def _count(self, result: str, count: int) -> None:
        if self._metrics is not None:
            self._metrics.event(result, count)

    def _malformed(
        self, reason: str, raw: bytes, received_at: datetime, uuid: str | None = None, published: str | None = None
    ) -> Malformed:
        return Malformed(self._tenant, reason, raw, 200, 1, received_at, received_at, uuid, published)
