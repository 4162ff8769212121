"""How many events this process has put with the dead letters, by sink: what a run that is to deliver everything says at its end."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from sinks.documents import Rejected

__all__ = ["count", "written"]

_lock = threading.Lock()
_counts: Counter[str] = Counter()


def count(letters: Iterable[Rejected]) -> None:
    """Letters were written."""
    with _lock:
        _counts.update(letter.sink for letter in letters)


def written() -> Mapping[str, int]:
    """Sink → the letters that this process has written; `input` for what is no event."""
    with _lock:
        return dict(sorted(_counts.items()))
