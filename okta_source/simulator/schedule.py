"""When an event is persisted, when it says that it was published, and its uuid: pure functions of its index.

Okta returns polled events in the order in which it persisted them, and `published` runs a little behind and out of
order. Recorded pages step back by up to about 180 ms between neighbours, 330 ms in all, and a few events are
persisted long after they were published. Nothing is stored: any index can be asked at any time.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

BURST_EVENTS = 8
"""One request of a user leaves several events at once, so events are persisted in bursts of this many."""

_BURST_GAP_MS = 40.0
MAX_LAG_MS = 300
"""How far `published` of an event that isn't late lies behind its persistence, at most."""
_LATE_FROM_MS = 5 * 60_000
_LATE_SPREAD_MS = 6 * 3_600_000
_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
# 100 ns intervals between 1582-10-15, where version 1 uuids count from, and 1970-01-01 (RFC 9562, section 5.1).
_UUID_EPOCH_TICKS = 0x01B21DD213814000


def timestamp(unix_ms: int) -> str:
    """`unix_ms` as Okta writes it: `YYYY-MM-DDTHH:mm:ss.SSSZ`."""
    text = datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{unix_ms % 1000:03d}Z"


def mix(key: int, index: int) -> int:
    """Spread `index` over 64 bits (the finaliser of SplitMix64), so that each event has its own constant draw."""
    value = (key + index * _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The timing of one stretch of events.

    Attributes:
        start_ms: Unix time in milliseconds at which index 0 is persisted.
        step_ms: Mean time between two events; 0 persists them all in the same millisecond.
        late_probability: Share of events published 5 minutes to 6 hours before they were persisted.
        key: Seed of the per-event draws.
    """

    start_ms: int
    step_ms: float
    late_probability: float
    key: int

    def persisted_ms(self, index: int) -> int:
        """Unix milliseconds at which `index` is persisted; never decreases with the index."""
        burst, place = divmod(index, BURST_EVENTS)
        return self.start_ms + int(burst * BURST_EVENTS * self.step_ms + place * min(self.step_ms, _BURST_GAP_MS))

    def published_ms(self, index: int) -> int:
        """Unix milliseconds of the event's `published`: shortly before it was persisted, or hours for a late one."""
        draw = mix(self.key, index)
        if self.late_probability and (draw >> 40) < self.late_probability * (1 << 24):
            return self.persisted_ms(index) - _LATE_FROM_MS - draw % _LATE_SPREAD_MS
        share = (draw & 0xFFFF) / 0x10000
        return self.persisted_ms(index) - int(MAX_LAG_MS * share * share * share)

    def is_late(self, index: int) -> bool:
        """Whether the event was persisted long after it was published."""
        return self.persisted_ms(index) - self.published_ms(index) >= _LATE_FROM_MS

    def due(self, now_ms: int) -> int:
        """How many events have been persisted by `now_ms`; needs a positive `step_ms`."""
        low, high = 0, max(0, int((now_ms - self.start_ms) / self.step_ms) + BURST_EVENTS + 1)
        while low < high:
            middle = (low + high) // 2
            if self.persisted_ms(middle) <= now_ms:
                low = middle + 1
            else:
                high = middle
        return low


def uuid1_text(published_ms: int, index: int, node: int) -> str:
    """A version 1 uuid whose timestamp decodes to `published_ms`.

    The digits below the millisecond and the clock sequence both come from the index and their periods (10,000 and
    16,384) differ, so that no two of ten million events on one node are alike, even within the same millisecond.

    Args:
        published_ms: Unix time in milliseconds.
        index: The event's number on this node.
        node: 48 bits that name the stretch of events.
    """
    ticks = published_ms * 10_000 + _UUID_EPOCH_TICKS + index % 10_000
    return (
        f"{ticks & 0xFFFFFFFF:08x}-{(ticks >> 32) & 0xFFFF:04x}-{0x1000 | (ticks >> 48) & 0x0FFF:04x}"
        f"-{0x8000 | index & 0x3FFF:04x}-{node:012x}"
    )


def unix_ms_of_uuid1(value: uuid.UUID) -> int:
    """Unix milliseconds that a version 1 uuid holds."""
    return (value.time - _UUID_EPOCH_TICKS) // 10_000
