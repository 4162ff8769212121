"""How a sink delivers: the settings that the delivery core goes by, whatever the target."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["DeliveryPolicy", "OnExhausted"]

OnExhausted = Literal["dead_letter", "stop"]


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """One sink's settings.

    Attributes:
        batch_events: The most events of one request.
        batch_bytes: The most bytes of events in a request of two or more.
        max_in_flight: The most requests at once.
        in_order: Whether each tenant's events go out in the order in which they came, and a batch holds events of one page only: the same
            pages then always make the same batches. Otherwise pages of all tenants travel together, in any order.
        linger_seconds: How long events may wait for others to fill their batch, where order doesn't matter.
        request_timeout_seconds: The most time that one request may take.
        retry_for_seconds: How long a failing target is tried before its events are given up, from the beginning of the first failure
            without a success in between, or from the last answer that asked for a rest. No request outlives what is left of it.
        rest_is_life: Whether an answer that asks for a rest begins that time anew. It doesn't where somebody waits, or a target that asks
            for a second's rest for ever would keep them waiting for ever.
        on_exhausted: What then: `dead_letter` puts its events with the dead letters until it answers again, `stop` ends the run.
    """

    batch_events: int
    batch_bytes: int
    max_in_flight: int
    in_order: bool
    linger_seconds: float = 1.0
    request_timeout_seconds: float = 30.0
    retry_for_seconds: float = 604_800.0
    rest_is_life: bool = True
    on_exhausted: OnExhausted = "dead_letter"
