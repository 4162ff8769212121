"""Several checks at once, told in order."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

__all__ = ["in_parallel"]

_THREADS: Final = 8
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item], show: Callable[[_Result], None]) -> list[_Result]:
    """Work on several items at once, and show each result as soon as all before it have been shown.

    The threads are daemons: an interrupt does not wait for a server that hangs.
    """
    results: list[_Result | None] = [None] * len(items)
    done = [threading.Event() for _ in items]
    waiting = iter(range(len(items)))
    lock = threading.Lock()

    def take() -> None:
        while True:
            with lock:
                index = next(waiting, None)
            if index is None:
                return
            results[index] = work(items[index])
            done[index].set()

    for _ in range(min(_THREADS, len(items))):
        threading.Thread(target=take, name="okta-check", daemon=True).start()
    finished: list[_Result] = []
    for index, event in enumerate(done):
        event.wait()
        result = results[index]
        if result is not None:
            show(result)
            finished.append(result)
    return finished
