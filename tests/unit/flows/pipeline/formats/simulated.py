"""Events of the simulator, as many as are wanted."""

from collections.abc import Iterator
from itertools import count, islice

from okta_source.simulator.events import EventFactory, Stretch
from okta_source.simulator.schedule import Schedule

__all__ = ["simulated_events"]

_START_MS = 1_772_366_400_000


def simulated_events(number: int, *, seed: int = 1, event_bytes: int | None = None, late: float = 0.0) -> Iterator[bytes]:
    """Events as JSON objects, always the same for a seed."""
    factory = EventFactory("acme", seed, 200, event_bytes)
    stretch = Stretch(0, Schedule(_START_MS, 50.0, late, 7), 500)
    return islice((event for block in count() for event in factory.block(stretch, block)), number)
