"""The steps, their verdicts, and the report of one tenant."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["STEPS", "Status", "StepName", "TenantReport", "Verdict", "failed", "not_applicable", "ok", "unknown", "warning"]

Status = Literal["ok", "warning", "failed", "not_reached"]
StepName = Literal[
    "configuration", "secret", "dns", "connect", "tls", "clock", "authentication", "authorization", "rate_limit", "logs", "hooks"
]
STEPS: Final[tuple[StepName, ...]] = (
    "configuration",
    "secret",
    "dns",
    "connect",
    "tls",
    "clock",
    "authentication",
    "authorization",
    "rate_limit",
    "logs",
    "hooks",
)
"""In the order in which a request meets them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a step has found.

    Attributes:
        status: How it went.
        detail: What was found, or why the step was not reached.
        fix: What to change in Okta or in the file; empty where there is nothing to do.
        applies: Whether the step could be taken at all; there is no TLS without https.
    """

    status: Status
    detail: str
    fix: str = ""
    applies: bool = True


def ok(detail: str) -> Verdict:
    """All is well."""
    return Verdict("ok", detail)


def warning(detail: str, fix: str) -> Verdict:
    """A run works, but this deserves a look."""
    return Verdict("warning", detail, fix)


def failed(detail: str, fix: str) -> Verdict:
    """A run would not work."""
    return Verdict("failed", detail, fix)


def unknown(reason: str) -> Verdict:
    """Nothing came that could tell."""
    return Verdict("not_reached", reason)


def not_applicable(reason: str) -> Verdict:
    """There is nothing to look at."""
    return Verdict("not_reached", reason, applies=False)


@dataclass(slots=True)
class TenantReport:
    """One tenant's verdicts.

    Attributes:
        tenant: Its name; empty where the file as a whole is at fault.
        label: How people know it.
        found: The verdicts so far.
        reason: Why the steps that have none were not reached, where no failed step is the reason.
    """

    tenant: str
    label: str = ""
    found: dict[StepName, Verdict] = field(default_factory=dict)
    reason: str = "nothing was asked"

    @property
    def first_failure(self) -> StepName | None:
        """The first step that failed."""
        return next((step for step in STEPS if step in self.found and self.found[step].status == "failed"), None)

    def verdicts(self) -> list[tuple[StepName, Verdict]]:
        """A verdict for every step, in order; whatever comes behind a failed step was not reached."""
        failure = self.first_failure
        if failure is None:
            return [(step, self.found.get(step) or unknown(self.reason)) for step in STEPS]
        reached = STEPS.index(failure)
        before = [(step, self.found.get(step) or unknown(self.reason)) for step in STEPS[: reached + 1]]
        return before + [(step, unknown(f"{failure} failed before")) for step in STEPS[reached + 1 :]]

    @property
    def ok(self) -> bool:
        """Whether every step that applies was taken and none failed."""
        return all(verdict.status in ("ok", "warning") or not verdict.applies for _, verdict in self.verdicts())

    def plain(self) -> dict[str, Any]:
        """The report as scripts get it."""
        steps = [
            {"step": step, "status": verdict.status, "detail": verdict.detail, "fix": verdict.fix} for step, verdict in self.verdicts()
        ]
        return {"tenant": self.tenant, "ok": self.ok, "steps": steps}
