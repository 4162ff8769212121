"""What one call of the command has said, in a form that tests can ask."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from okta_source.check.report import STEPS


@dataclass
class Checked:
    """The exit status, and the JSON document's tenants; the questions are about the first one."""

    exit: int
    tenants: list[dict[str, Any]]

    @property
    def steps(self) -> dict[str, dict[str, str]]:
        return {step["step"]: step for step in self.tenants[0]["steps"]}

    def status(self, step: str) -> str:
        return self.steps[step]["status"]

    def words(self, step: str) -> str:
        return f"{self.steps[step]['detail']} | {self.steps[step]['fix']}"

    @property
    def failed(self) -> str:
        """The step that failed; whatever follows it was not reached, and says why."""
        failed = [step for step in STEPS if self.status(step) == "failed"]
        if not failed:
            return ""
        assert len(failed) == 1
        for step in STEPS[STEPS.index(failed[0]) + 1 :]:
            assert self.status(step) == "not_reached"
            assert failed[0] in self.steps[step]["detail"]
        assert self.steps[failed[0]]["fix"]
        return failed[0]


Check = Callable[..., Checked]


def says(checked: Checked, step: str, *parts: str) -> None:
    """A step failed, and its detail and fix hold these parts."""
    assert checked.failed == step, checked.steps
    assert (checked.exit, checked.tenants[0]["ok"]) == (1, False)
    for part in parts:
        assert part in checked.words(step), checked.words(step)
