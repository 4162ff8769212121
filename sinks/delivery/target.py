"""The contract between the delivery core and a target: one attempt at one batch, and what became of each event.

A target knows a protocol and a server; it neither waits, retries nor counts. The delivery core knows nothing of HTTP: it cuts batches,
decides from an `Outcome` what is sent again and when, and what goes to the dead letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sinks.delivery.batch import Batch

__all__ = ["WHOLE_TARGET", "Again", "Blame", "ErrorType", "Notice", "Outcome", "Refused", "Target", "failed"]

ErrorType = Literal[
    "auth", "permission", "bad_request", "not_found", "rate_limited", "server", "timeout", "connection", "tls", "dns", "decode"
]
"""Why an attempt failed, in the words of `okta_errors_total`."""

Blame = Literal["target", "doubtful", "content"]
"""Of whom the failure of a whole request speaks: of us or the target alone; of either, since one event may be what a firewall or a server
can't bear; of what was sent, though it may be the receiver's state all the same. Only the first is believed unasked."""

WHOLE_TARGET = ""
"""The scope of a failure that concerns every event, whatever its index."""


@dataclass(frozen=True, slots=True)
class Again:
    """Events that a target has not taken for now.

    Attributes:
        positions: Their positions in the batch, ascending.
        reason: What happened, in the target's own words where it gave any; a sentence.
        fix: What a person can do about it; a sentence, or nothing.
        error_type: The kind of failure.
        status: The HTTP status, where there was one.
        after_seconds: How long the target asks to be left alone (Retry-After).
        at_once: Whether the events had no part in it, but went with one that is refused: they are sent again without waiting, and without
            losing time for it.
        blame: Of whom it speaks, where it concerns the whole request.
        scope: What the failure concerns: `WHOLE_TARGET`, or the one index that the events were sent to, as `Target.scopes` names it.
    """

    positions: Sequence[int]
    reason: str
    fix: str = ""
    error_type: ErrorType = "server"
    status: int | None = None
    after_seconds: float | None = None
    scope: str = WHOLE_TARGET
    at_once: bool = False
    blame: Blame = "target"

    @property
    def kind(self) -> tuple[str, int | None]:
        """What makes two failures the same to people, though their words may differ."""
        return self.error_type, self.status


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that a target will never take.

    Attributes:
        position: Its position in the batch.
        reason: Why, in the target's own words where it gave any.
        status: The HTTP status, where there was one.
    """

    position: int
    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What people should know of a success.

    Attributes:
        text: A sentence.
        kind: What makes two notices the same to people, though what the target says may differ in each.
    """

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. Each position is in exactly one of the five sequences, unless the batch is to be split.

    Attributes:
        delivered: Positions of the events that the target has now.
        duplicates: Positions of those that it had already.
        dropped: Positions of those that it took and did not keep, because it is set up so.
        again: Those to be sent again.
        refused: Those that it will never take.
        split: The batch was refused as a whole for what some of it may be. Others are asked whether the target is well; if so, it goes in
            halves, down to the one event that is refused for this reason. The sequences are empty.
        too_large: Whether it is split because of its size: in halves at once.
        unsendable: Whether nobody was asked, since it can't even be sent: in halves at once, down to the event, which is refused at once.
        notice: What people should know of a success, if anything.
    """

    delivered: Sequence[int] = ()
    duplicates: Sequence[int] = ()
    again: Sequence[Again] = ()
    refused: Sequence[Refused] = ()
    dropped: Sequence[int] = field(default=(), kw_only=True)
    split: Refused | None = field(default=None, kw_only=True)
    too_large: bool = field(default=False, kw_only=True)
    unsendable: bool = field(default=False, kw_only=True)
    notice: Notice | None = field(default=None, kw_only=True)

    def whole_failure(self, events: int) -> Again | None:
        """Why the request failed as a whole; None where some of it was dealt with, or a part of the target is meant."""
        if self.split is not None:
            return Again(range(events), self.split.reason, error_type="bad_request", status=self.split.status, blame="content")
        if len(self.again) == 1:
            (again,) = self.again
            if len(again.positions) == events and again.scope == WHOLE_TARGET and not again.at_once:
                return again
        return None


def failed(batch: Batch, reason: str, **details: object) -> Outcome:
    """The outcome of an attempt of which nothing is known to have arrived: all of it again.

    Args:
        batch: What was sent.
        reason: What happened; a sentence.
        **details: Further attributes of `Again`.
    """
    return Outcome(again=[Again(range(len(batch)), reason, **details)])  # type: ignore[arg-type]


class Target(Protocol):
    """A place where events go. Called by several sender threads at once."""

    @property
    def address(self) -> str:
        """Where it is, for messages: never with a secret."""
        ...

    def prepare(self, timeout_seconds: float) -> Again | None:
        """Get the target ready for its first batch, such as by installing an index template; does nothing once that has been done.

        Called before every `send`. Blocks, never raises for an expected failure.

        Args:
            timeout_seconds: The time after which the attempt has failed.

        Returns:
            None when batches can be sent; otherwise what is wrong, with no positions, for the delivery core to try again.
        """
        ...

    def send(self, batch: Batch, timeout_seconds: float) -> Outcome:
        """Send a batch once; blocks, never raises for an expected failure.

        Args:
            batch: At least one event.
            timeout_seconds: The time after which the attempt has failed.
        """
        ...

    def scopes(self, batch: Batch) -> Sequence[str] | None:
        """The index that each event is sent to, as `Again.scope` names it; None where failures always concern the whole target."""
        ...

    def close(self) -> None:
        """Give the connections back; may be called while another thread sends."""
        ...
