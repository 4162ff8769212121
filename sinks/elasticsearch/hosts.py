"""Which of several hosts is asked next: in turn, and none that just failed to answer. Pure; thread-safe."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

__all__ = ["Hosts"]

_SHORTEST_REST_SECONDS = 1.0
_LONGEST_REST_SECONDS = 60.0


@dataclass(slots=True)
class _Rest:
    """How a host fares.

    Attributes:
        failures: In a row, each of which doubles the rest.
        began: When it was last sent to rest; monotonic seconds.
        until: When its rest is over.
    """

    failures: int = 0
    began: float = -inf
    until: float = -inf


class Hosts:
    """The hosts of one cluster.

    Args:
        urls: At least one.
        clock: Monotonic seconds.
    """

    def __init__(self, urls: Sequence[str], clock: Callable[[], float]) -> None:
        self._urls = list(urls)
        self._clock = clock
        self._rests = {url: _Rest() for url in self._urls}
        self._next = 0
        self._lock = threading.Lock()

    def candidates(self) -> Sequence[str]:
        """The hosts that one attempt may ask, in this order; where all of them rest, the one that has rested longest."""
        with self._lock:
            turn, self._next = self._next, (self._next + 1) % len(self._urls)
            in_turn = self._urls[turn:] + self._urls[:turn]
            now = self._clock()
            awake = [url for url in in_turn if self._rests[url].until <= now]
            return awake or [min(in_turn, key=lambda url: self._rests[url].began)]

    def answered(self, url: str) -> None:
        """It works."""
        with self._lock:
            self._rests[url] = _Rest()

    def failed(self, url: str, began: float) -> None:
        """It did not answer: let it rest, for 1 s and twice as long after each further failure, to 60 s.

        Args:
            url: The host.
            began: When the request began, in monotonic seconds. Requests that were under way together fail together and count once.
        """
        with self._lock:
            rest = self._rests[url]
            if began < rest.began:
                return
            now = self._clock()
            seconds = min(_LONGEST_REST_SECONDS, _SHORTEST_REST_SECONDS * 2.0 ** min(rest.failures, 16))
            self._rests[url] = _Rest(rest.failures + 1, now, now + seconds)
