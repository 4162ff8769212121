"""The real flow with its metrics taken out or timed, as `$METERED` says.

- `without`: every call that counts something does nothing.
- `timed`: how often each is called, and the CPU time that its thread spends in it, go to `$METERED_FILE` as JSON.
"""

import atexit
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows import system_log
from okta_source.metrics import PROCESS, TenantMetrics
from sinks.metrics import SinkMetrics

_CALLS: dict[type, tuple[str, ...]] = {
    TenantMetrics: (
        "request",
        "rate_limited",
        "waits",
        "succeeded",
        "failed",
        "error",
        "page",
        "duplicates",
        "cursor_reset",
        "token_refreshed",
    ),
    SinkMetrics: ("events", "filtered", "batch", "retry", "open_breakers", "latency"),
    type(PROCESS): ("snapshotted",),
}


def get_flow(config_path: str, *, until_drained: bool) -> Any:
    """The flow of `flows.system_log`."""
    if os.environ["METERED"] == "without":
        for owner, names in _CALLS.items():
            for name in names:
                setattr(owner, name, _nothing)
    else:
        _time_them()
    return system_log.get_flow(config_path, until_drained=until_drained)


def _nothing(*_: Any, **__: Any) -> None:
    pass


def _time_them() -> None:
    spent: dict[str, list[int]] = {}
    for owner, names in _CALLS.items():
        for name in names:
            times = spent[f"{owner.__name__}.{name}"] = []
            setattr(owner, name, _timed(getattr(owner, name), times))

    def write() -> None:
        # What timing itself takes, told by timing nothing.
        idle: list[int] = []
        for _ in range(20_000):
            _timed(_nothing, idle)()
        overhead = sum(idle) / len(idle)
        told = {name: {"calls": len(times), "seconds": max(sum(times) - overhead * len(times), 0.0) / 1e9} for name, times in spent.items()}
        Path(os.environ["METERED_FILE"]).write_text(json.dumps(told))

    atexit.register(write)


def _timed(method: Callable[..., Any], times: list[int]) -> Callable[..., Any]:
    """The method, noting the CPU time of its thread: a wait for the interpreter lock is none of its cost."""

    def call(*arguments: Any, **keys: Any) -> Any:
        started = time.thread_time_ns()
        result = method(*arguments, **keys)
        times.append(time.thread_time_ns() - started)
        return result

    return call
