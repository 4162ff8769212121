"""The main flow with clocks that run faster, for `soak.py`: `python -m bytewax.run "tests.benchmarks.soak_flow:get_flow('okta.toml')"`.

`SOAK_CLOCK` holds three numbers: a moment of the simulated clock and the real one at which it was so (Unix seconds), and how many simulated
seconds pass in a real one. Whatever of the source counts time counts simulated time: intervals, back-off, rate-limit resets, the window of
seen uuids. Only requests, sinks and Bytewax's snapshots take real time.
"""

import os
import time
from datetime import UTC, datetime
from typing import Any

from bytewax.dataflow import Dataflow

import okta_source.source
from flows import system_log
from okta_source.fetching.feed import TenantFeed
from okta_source.fetching.pool import Shared
from okta_source.source import OktaSource

VARIABLE = "SOAK_CLOCK"


class FastClock:
    """A clock that passes `factor` seconds in one.

    Args:
        simulated: A moment of this clock, Unix seconds.
        real: When it was so by the machine's clock, Unix seconds.
        factor: Simulated seconds in a real one.
    """

    def __init__(self, simulated: float, real: float, factor: float) -> None:
        self.simulated, self.real, self.factor = simulated, real, factor

    def seconds(self) -> float:
        """Unix seconds of this clock."""
        return self.simulated + (time.time() - self.real) * self.factor

    def now(self) -> datetime:
        """The same as a point in time."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def monotonic(self) -> float:
        """Simulated seconds from some moment on."""
        return time.monotonic() * self.factor

    def text(self) -> str:
        """What `SOAK_CLOCK` holds."""
        return f"{self.simulated} {self.real} {self.factor}"


def get_flow(config_path: str) -> Dataflow:
    """The flow of a configuration file, in simulated time."""
    clock = FastClock(*map(float, os.environ[VARIABLE].split()))

    class FastFeed(TenantFeed):
        def idle_seconds(self) -> float:
            return super().idle_seconds() / clock.factor  # the worker sleeps in real time

    def fast_source(*arguments: Any, **keywords: Any) -> OktaSource:
        source = OktaSource(*arguments, **keywords, now=clock.now)
        source._shared = Shared(clock=clock.monotonic)  # the one thing of the source that is not an argument
        return source

    okta_source.source.TenantFeed = FastFeed  # type: ignore[misc,attr-defined]
    system_log.OktaSource = fast_source  # type: ignore[misc,assignment,attr-defined]
    return system_log.get_flow(config_path)
