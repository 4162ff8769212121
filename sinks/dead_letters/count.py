"""How many events this process has put with the dead letters, by sink: what a run that is to deliver everything says at its end."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from sinks.documents import Rejected

__all__ = ["count", "uncount", "written"]

_lock = threading.Lock()
_counts: Counter[str] = Counter()


def count(letters: Iterable[Rejected]) -> None:
    """Letters were written."""
    with _lock:
        _counts.update(letter.sink for letter in letters)


def uncount(sink: str, number: int) -> None:
    """So many of a sink's letters were taken out again, since their events were delivered after all."""
    with _lock:
        _counts[sink] -= min(number, _counts[sink])


def written() -> Mapping[str, int]:
    """Sink → the letters that are left of those that this process has written; `input` for what is no event."""
    with _lock:
        return {sink: number for sink, number in sorted(_counts.items()) if number}
