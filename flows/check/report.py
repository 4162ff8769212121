"""The steps of each type of sink, and the report of one sink, in the shape of a tenant's. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from okta_source.check.report import Verdict, unknown

__all__ = ["STEPS", "SinkReport"]

STEPS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({
    "file": ("configuration", "path", "rights", "disk"),
    "elasticsearch": (
        "configuration", "secret", "outbox", "dns", "connect", "tls", "authentication", "authorization", "target", "template", "pipelines",
        "lifecycle", "disk",
    ),
    "webhook": ("configuration", "secret", "outbox", "dns", "connect", "tls", "authentication"),
    "": ("configuration",),
})  # fmt: skip
"""By the sink's type, in the order in which an event meets them; `send` stands behind them where it is asked for."""


@dataclass(slots=True)
class SinkReport:
    """One sink's verdicts.

    Attributes:
        sink: Its name; empty where the file as a whole is at fault.
        kind: Its type; empty where that is not known.
        sends: Whether a test event is to be sent.
        found: The verdicts so far.
        reason: Why the steps that have none were not reached, where no failed step is the reason.
    """

    sink: str
    kind: str = ""
    sends: bool = False
    found: dict[str, Verdict] = field(default_factory=dict)
    reason: str = "nothing was asked"

    @property
    def steps(self) -> Sequence[str]:
        """Its steps, in order."""
        return (*STEPS[self.kind], "send") if self.sends and self.kind else STEPS[self.kind]

    @property
    def first_failure(self) -> str | None:
        """The first step that failed."""
        return next((step for step in self.steps if step in self.found and self.found[step].status == "failed"), None)

    def verdicts(self) -> list[tuple[str, Verdict]]:
        """A verdict for every step, in order.

        Unlike on the way to an organisation, what is behind a failed step may have been looked at all the same: a server tells of its
        templates and of its disks at once.
        """
        failure = self.first_failure
        reason = f"{failure} failed before" if failure else self.reason
        return [(step, self.found.get(step) or unknown(reason)) for step in self.steps]

    @property
    def ok(self) -> bool:
        """Whether every step that applies was taken and none failed."""
        return all(verdict.status in ("ok", "warning") or not verdict.applies for _, verdict in self.verdicts())

    def plain(self) -> dict[str, Any]:
        """The report as scripts get it."""
        steps = [
            {"step": step, "status": verdict.status, "detail": verdict.detail, "fix": verdict.fix} for step, verdict in self.verdicts()
        ]
        return {"sink": self.sink, "ok": self.ok, "steps": steps}
