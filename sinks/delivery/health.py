"""How a target fares, and each index in it that failed by itself: well, failing, or down."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from sinks.delivery.backoff import rest_seconds
from sinks.delivery.notices import Notices
from sinks.delivery.target import WHOLE_TARGET, Again

__all__ = ["DOWN_SECONDS", "Health", "Healths"]

DOWN_SECONDS = 60.0
"""How long nothing has to get through until a target counts as down, which people are told of."""


@dataclass(slots=True)
class Health:
    """One scope's. Moments are in seconds on the monotonic clock.

    Attributes:
        failing_since: When the first failed attempt without a success since then began; None while all is well.
        patience_since: From when on `retry_for_seconds` counts: that moment, or the last answer that asked for a rest, which is life.
        failures: Failed attempts since then.
        resting_until: No attempt before that.
        last: The last failure.
        is_said: Whether people know that it fails: not before a second failure, where the first may be a single event's doing.
        is_told: Whether they know that it is down.
    """

    failing_since: float | None = None
    patience_since: float = 0.0
    failures: int = 0
    resting_until: float = 0.0
    last: Again | None = None
    is_said: bool = False
    is_told: bool = False

    def patience_ends(self, retry_for_seconds: float) -> float:
        """When its events are given up, if nothing succeeds; infinite while all is well."""
        return float("inf") if self.failing_since is None else self.patience_since + retry_for_seconds


class Healths:
    """The health of a target's scopes. A scope that is not there is well.

    Args:
        retry_for_seconds: How long a scope is tried before its events are given up.
        rng: For the jitter of waits.
        notices: Told of each change.
        rest_is_life: Whether that time begins anew with an answer that asks for a rest.
    """

    def __init__(self, retry_for_seconds: float, rng: random.Random, notices: Notices, *, rest_is_life: bool = True) -> None:
        self._retry_for_seconds = retry_for_seconds
        self._rest_is_life = rest_is_life
        self._down_seconds = min(DOWN_SECONDS, retry_for_seconds)
        self._rng = rng
        self._notices = notices
        self._scopes: dict[str, Health] = {}

    def __getitem__(self, scope: str) -> Health:
        """The health of a scope."""
        return self._scopes.get(scope) or Health()

    @property
    def indices_are_failing(self) -> bool:
        """Whether any index by itself is."""
        return any(scope != WHOLE_TARGET for scope in self._scopes)

    @property
    def down_count(self) -> int:
        """How many scopes are down."""
        return sum(health.is_told for health in self._scopes.values())

    def failed(self, again: Again, began: float, now: float) -> None:
        """An attempt failed, which had begun then: from then on the scope has been failing."""
        health = self._scopes.setdefault(again.scope, Health())
        if health.failing_since is None:
            health.failing_since = health.patience_since = began
        if not health.is_said and (again.blame == "target" or health.failures):
            health.is_said = self._notices.failing(again, max(0.0, health.patience_ends(self._retry_for_seconds) - now), now)
        elif health.is_said and health.last is not None and again.kind != health.last.kind:
            self._notices.still_failing(again)
        if again.after_seconds is not None and self._rest_is_life:
            health.patience_since = now
        # Several requests were under way when it failed: their failures are one.
        if began >= health.resting_until or not health.failures:
            health.failures += 1
            health.resting_until = now + self.rest_seconds(again, health.failures)
        health.last = again

    def rest_seconds(self, again: Again, failures: int) -> float:
        """How long to wait after so many failures: longer where the target asks for it, and never for longer than a minute."""
        return rest_seconds(failures, again.after_seconds, self._rng)

    def succeeded(self, scope: str) -> None:
        """Something got through: all is well again."""
        health = self._scopes.pop(scope, None)
        if health is not None and health.is_said:
            self._notices.back(scope, was_down=health.is_told)

    def forget_all_but(self, scopes: set[str]) -> None:
        """Nothing waits for the other indices any more, so nothing will ever get through to them that says they are well."""
        self._scopes = {scope: health for scope, health in self._scopes.items() if scope == WHOLE_TARGET or scope in scopes}

    def tell_who_is_down(self, now: float) -> None:
        """Say of each scope once that nothing has got through for long."""
        for scope, health in self._scopes.items():
            if not health.is_told and health.failing_since is not None and health.failing_since + self._down_seconds <= now:
                health.is_told = True
                if health.last is not None:
                    self._notices.down(scope, health.last, now - health.failing_since)

    def moments(self) -> Iterator[float]:
        """When something changes by itself; some may have passed."""
        for health in self._scopes.values():
            yield health.patience_ends(self._retry_for_seconds)
            yield health.resting_until
            if not health.is_told and health.failing_since is not None:
                yield health.failing_since + self._down_seconds
