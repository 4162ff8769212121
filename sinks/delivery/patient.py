"""A writer for whoever waits: what an outbox spares a flow, and a replay wants."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Target
from sinks.delivery.writer import Letters, Writer
from sinks.documents import Documents

__all__ = ["PatientWriter"]

_LOOK_SECONDS = 0.25
"""How often it looks whether it is to wait no longer: a signal wakes nobody here."""


class PatientWriter(Writer):
    """Hands pages over as fast as the target takes them, and knows when all are done with.

    Args:
        sink_name: The sink's name.
        target: Where events go.
        policy: How to deliver. A rest that the target asks for is respected, and costs of the time for which it is tried.
        letters: Where those go that can't be delivered.
        document_format: The format of the documents, for the letters.
        stop_deadline: The moment on `time.monotonic` after which nobody waits: what is not delivered then becomes letters. None while there
            is no such moment.
        on_failure: Told of each failed attempt: the tenants and the kind of failure.
    """

    def __init__(
        self,
        sink_name: str,
        target: Target,
        policy: DeliveryPolicy,
        letters: Letters,
        *,
        document_format: str,
        stop_deadline: Callable[[], float | None],
        on_failure: Callable[[Iterable[str], str], None] = lambda _tenants, _error_type: None,
    ) -> None:
        policy = replace(policy, rest_is_life=False)
        super().__init__(sink_name, target, policy, letters, document_format=document_format, on_failure=on_failure)
        self._stop_deadline = stop_deadline

    def add(self, documents: Documents) -> None:
        """Hand over a page; waits while too much is under way.

        Raises:
            SinkStopped: The sink can't go on.
        """
        if len(documents):
            self._wait_until(lambda: self.offer(documents))

    def drain(self) -> None:
        """Wait until every event is delivered, known to be there, or durably with the dead letters.

        Takes no longer than `retry_for_seconds` where the target fails, and than the deadline of a stop.

        Raises:
            SinkStopped: The sink can't go on.
        """
        self.flush()
        self._wait_until(lambda: self._delivery.ledger.pending_events == 0)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        # The writer's threads do all the work, and one of them is always at hand: this one only waits.
        with self._changed:
            while True:
                self.raise_if_stopped()
                if condition():
                    return
                deadline = self._stop_deadline()
                if deadline is not None and time.monotonic() >= deadline:
                    self._delivery.give_up(self._clock())
                    self._changed.notify_all()
                self._changed.wait(_LOOK_SECONDS)
