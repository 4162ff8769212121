"""The health of a target, and of each index in it that failed by itself: healthy, failing, or down and probed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from sinks.delivery.backoff import backoff_seconds
from sinks.delivery.job import Job
from sinks.delivery.notices import Notices
from sinks.delivery.target import WHOLE_TARGET, Again
from sinks.documents import Rejected

__all__ = ["Breaker", "Breakers"]


@dataclass(slots=True)
class Breaker:
    """One scope's health. Moments are in seconds on the monotonic clock.

    Attributes:
        failing_since: When the first failed attempt without a success since then began; None while all is well.
        failures: Failed attempts since then.
        resting_until: No attempt before that.
        last: The last failure.
        is_open: Whether the target counts as down: its events go straight to the dead letters.
        probe: What to send to find out whether it answers again: events that are with the dead letters already.
        probe_letters: Those letters, one for each event of the probe.
        probe_due: When to do so.
        probe_failures: How many probes have failed.
        probing: Whether one is under way.
    """

    failing_since: float | None = None
    failures: int = 0
    resting_until: float = 0.0
    last: Again | None = None
    is_open: bool = False
    probe: Job | None = None
    probe_letters: list[Rejected] = field(default_factory=list)
    probe_due: float = 0.0
    probe_failures: int = 0
    probing: bool = False

    def window_ends(self, retry_for_seconds: float) -> float:
        """When it will count as down, if nothing succeeds; infinite while all is well."""
        return float("inf") if self.failing_since is None else self.failing_since + retry_for_seconds


class Breakers:
    """The breakers of a target's scopes. A scope that is not there is healthy.

    Args:
        retry_for_seconds: How long a scope may fail before it counts as down.
        rng: For the jitter of waits.
        notices: Told of each change.
    """

    def __init__(self, retry_for_seconds: float, rng: random.Random, notices: Notices) -> None:
        self._retry_for_seconds = retry_for_seconds
        self._rng = rng
        self._notices = notices
        self._scopes: dict[str, Breaker] = {}

    def __getitem__(self, scope: str) -> Breaker:
        """The breaker of a scope; a healthy one where there is none."""
        return self._scopes.get(scope) or Breaker()

    @property
    def indices_are_failing(self) -> bool:
        """Whether any index by itself is failing or down."""
        return any(scope != WHOLE_TARGET for scope in self._scopes)

    @property
    def indices_are_down(self) -> bool:
        """Whether any index by itself is down."""
        return any(breaker.is_open for scope, breaker in self._scopes.items() if scope != WHOLE_TARGET)

    @property
    def open_count(self) -> int:
        """How many scopes are down."""
        return sum(breaker.is_open for breaker in self._scopes.values())

    def failed(self, again: Again, began: float, now: float) -> None:
        """An attempt failed, which had begun then.

        Its window begins with the first failed attempt's own beginning: a target that hangs is given no time on top.
        """
        breaker = self._scopes.setdefault(again.scope, Breaker())
        if breaker.failing_since is None:
            breaker.failing_since = began
            self._notices.failing(again, max(0.0, breaker.window_ends(self._retry_for_seconds) - now))
        # Several requests were under way when it failed: their failures are one.
        if began >= breaker.resting_until or not breaker.failures:
            breaker.failures += 1
            wait_seconds = max(backoff_seconds(breaker.failures, self._rng), again.after_seconds or 0.0)
            breaker.resting_until = now + wait_seconds
        breaker.last = again

    def succeeded(self, scope: str) -> None:
        """Something got through: all is well again."""
        breaker = self._scopes.pop(scope, None)
        if breaker is not None and breaker.is_open:
            self._notices.back(scope)

    def open_where_time_is_up(self, now: float) -> None:
        """Count those scopes as down that have had no success for as long as they may."""
        for scope in self.ended_windows(now):
            breaker = self._scopes[scope]
            breaker.is_open = True
            breaker.probe_due = max(now, breaker.resting_until)
            if breaker.last is not None:
                self._notices.down(scope, breaker.last, self._retry_for_seconds)

    def probe_with(self, scope: str, job: Job, letters: list[Rejected]) -> None:
        """Remember events that went to the dead letters, to send them when the scope is probed next."""
        breaker = self._scopes.setdefault(scope, Breaker())
        if not breaker.probing:
            breaker.probe, breaker.probe_letters = job, letters

    def next_probe(self, now: float) -> tuple[str, Job] | None:
        """A scope that is due for a probe, which begins with this call. While the whole target is down, its indices are not asked for."""
        whole_is_down = self[WHOLE_TARGET].is_open
        for scope, breaker in self._scopes.items():
            if whole_is_down and scope != WHOLE_TARGET:
                continue
            if breaker.is_open and breaker.probe and not breaker.probing and breaker.probe_due <= now:
                breaker.probing = True
                return scope, breaker.probe
        return None

    def probe_failed(self, scope: str, again: Again, now: float) -> None:
        """It is still down."""
        breaker = self._scopes[scope]
        breaker.probing = False
        breaker.probe_failures += 1
        breaker.last = again
        breaker.probe_due = now + max(backoff_seconds(breaker.probe_failures + 1, self._rng), again.after_seconds or 0.0)

    def ended_windows(self, now: float) -> list[str]:
        """Scopes whose time is up."""
        return [
            scope for scope, breaker in self._scopes.items() if not breaker.is_open and breaker.window_ends(self._retry_for_seconds) <= now
        ]

    def moments(self) -> Iterator[float]:
        """When something changes by itself: a window ends, a rest ends, or a probe is due. Some may have passed."""
        for breaker in self._scopes.values():
            if not breaker.is_open:
                yield breaker.window_ends(self._retry_for_seconds)
                yield breaker.resting_until
            elif breaker.probe and not breaker.probing:
                yield breaker.probe_due
