"""What a sink tells people, once per change and not once per request: what happened, to which target, and what to do."""

import logging
import re
from collections.abc import Hashable, Sequence

from sinks.delivery.target import Again, Notice, Refused

__all__ = ["Notices"]

_LOG = logging.getLogger(__name__)

_MINUTE_SECONDS = 60.0
_HOUR_SECONDS = 3600.0
_KIND_CHARACTERS = 80
# What differs from event to event in the same complaint: ids, positions, sizes.
_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{8,}|\b[0-9a-f]*\d[0-9a-f]*\b|\d+", re.IGNORECASE)
_MOST_KINDS = 100
"""How many kinds of one message are remembered; where there are as many as that at once, people know enough."""


class Notices:
    """The messages of one sink.

    Args:
        sink_name: The sink's name.
        address: Where its target is.
    """

    def __init__(self, sink_name: str, address: str) -> None:
        self._sink = sink_name
        self._address = address
        self._told: dict[Hashable, float] = {}
        self._failures_said: dict[Hashable, float] = {}
        self._refusals_said: dict[Hashable, float] = {}
        self._unsaid = 0

    def failing(self, again: Again, left_seconds: float, now: float) -> bool:
        """The first failure after a success; returns whether it was said: of a target that comes and goes there is a line a minute."""
        key = (again.scope, *again.kind)
        if not _is_news(self._failures_said, key, now, _MINUTE_SECONDS):
            return False
        _LOG.warning("sink %s%s: %s (trying again for %s)", self._sink, _about(again.scope), sentence(again), _span(left_seconds))
        return True

    def still_failing(self, again: Again) -> None:
        """It fails in another way than before."""
        _LOG.warning("sink %s%s: now %s", self._sink, _about(again.scope), sentence(again))

    def down(self, scope: str, again: Again, seconds: float) -> None:
        """Nothing has got through for long."""
        _LOG.error(
            "sink %s%s: no success for %s: %s Its events wait; nothing else waits for it.",
            self._sink,
            _about(scope),
            _span(seconds),
            sentence(again),
        )

    def back(self, scope: str, *, was_down: bool) -> None:
        """A target that was failing has taken something."""
        log = _LOG.warning if was_down else _LOG.info
        log("sink %s%s: answers again, and events are delivered", self._sink, _about(scope))

    def given_up(self, scope: str, again: Again, after_seconds: float) -> None:
        """The time for which it is tried is over."""
        _LOG.error(
            "sink %s%s: no success for %s, which is retry_for_seconds: %s Its events go to the dead letters until it answers again; "
            "then send them with: python -m flows.replay --sink %s",
            self._sink,
            _about(scope),
            _span(after_seconds),
            sentence(again),
            self._sink,
        )

    def told(self, notice: Notice, now: float) -> None:
        """Something that is no failure; once an hour while it goes on."""
        if _is_news(self._told, notice.kind, now, _HOUR_SECONDS):
            _LOG.warning("sink %s: %s", self._sink, notice.text)

    def refused(self, refused: Sequence[Refused], now: float) -> None:
        """Some events will never be taken; of the same refusals there is a line a minute."""
        kind = refused[0].status, _VARIABLE.sub("#", refused[0].reason[: 2 * _KIND_CHARACTERS])[:_KIND_CHARACTERS]
        self._unsaid += len(refused)
        if not _is_news(self._refusals_said, kind, now, _MINUTE_SECONDS):
            return
        _LOG.warning(
            "sink %s: %s refused %d event(s) for good, which are with the dead letters now; the first because: %s",
            self._sink,
            self._address,
            self._unsaid,
            refused[0].reason,
        )
        self._unsaid = 0

    def too_large(self, refused_bytes: int, limit_bytes: int) -> None:
        """Batches were larger than the server takes."""
        _LOG.warning(
            "sink %s: a batch of %d bytes is too large for %s; sending at most %d bytes at once (set batch_bytes to begin with that)",
            self._sink,
            refused_bytes,
            self._address,
            limit_bytes,
        )


def _is_news(said: dict[Hashable, float], kind: Hashable, now: float, seconds: float) -> bool:
    """Whether something was not said for so long; remembers that it is now. What would be news anyway need not be remembered."""
    if kind in said and now < said[kind] + seconds:
        return False
    for old in [old for old, at in said.items() if at + seconds <= now]:
        del said[old]
    if len(said) >= _MOST_KINDS:
        return False
    said[kind] = now
    return True


def sentence(again: Again) -> str:
    """What happened, and what to do."""
    return f"{again.reason} {again.fix}".strip()


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h" if seconds >= 7200 else f"{seconds:.3g} s"


def _about(scope: str) -> str:
    return f", index {scope}" if scope else ""
