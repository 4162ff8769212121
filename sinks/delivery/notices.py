"""What a sink tells people, once per change and not once per request: what happened, to which target, and what to do."""

import logging
from collections.abc import Sequence

from sinks.delivery.target import Again, Refused

__all__ = ["Notices"]

_LOG = logging.getLogger(__name__)


class Notices:
    """The messages of one sink.

    Args:
        sink_name: The sink's name.
        address: Where its target is.
    """

    def __init__(self, sink_name: str, address: str) -> None:
        self._sink = sink_name
        self._address = address

    def failing(self, again: Again, left_seconds: float) -> None:
        """The first failure after a success."""
        _LOG.warning("sink %s%s: %s (trying again for %.3g s)", self._sink, _about(again.scope), sentence(again), left_seconds)

    def down(self, scope: str, again: Again, after_seconds: float) -> None:
        """Nothing got through for as long as the sink may wait."""
        _LOG.error(
            "sink %s%s: no success for %g s: %s Its events go to the dead letters until it answers again; "
            "then send them with: python -m flows.replay --sink %s",
            self._sink,
            _about(scope),
            after_seconds,
            sentence(again),
            self._sink,
        )

    def back(self, scope: str) -> None:
        """A target that was down has taken something."""
        _LOG.warning(
            "sink %s%s: answers again, and events are delivered; send the dead letters with: python -m flows.replay --sink %s",
            self._sink,
            _about(scope),
            self._sink,
        )

    def refused(self, refused: Sequence[Refused]) -> None:
        """Some events will never be taken."""
        _LOG.warning(
            "sink %s: %s refused %d event(s) for good, which are with the dead letters now; the first because: %s",
            self._sink,
            self._address,
            len(refused),
            refused[0].reason,
        )

    def too_large(self, refused_bytes: int, limit_bytes: int) -> None:
        """Batches were larger than the server takes."""
        _LOG.warning(
            "sink %s: a batch of %d bytes is too large for %s; sending at most %d bytes at once (set batch_bytes to begin with that)",
            self._sink,
            refused_bytes,
            self._address,
            limit_bytes,
        )


def sentence(again: Again) -> str:
    """What happened, and what to do."""
    return f"{again.reason} {again.fix}".strip()


def _about(scope: str) -> str:
    return f", index {scope}" if scope else ""
