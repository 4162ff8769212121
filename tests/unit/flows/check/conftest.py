import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.check.command import main
from flows.check.report import STEPS
from tests.unit.flows.check.checked_search import CheckedSearch

SECRETS = {
    "TEST_OKTA_TOKEN": "00aTokenOfTheTests0123456789abcdefghijklmno",
    "TEST_PASSWORD": "a-password-of-the-tests",
    "TEST_HEADER": "Splunk a-token-of-the-tests",
}
TENANT = """
[[tenants]]
name = "acme"
org_url = "http://127.0.0.1:1"
auth = { method = "ssws", token_env = "TEST_OKTA_TOKEN" }
"""


@dataclass
class Checked:
    """What came of a check of one sink."""

    status: int
    steps: dict[str, dict[str, str]]

    def says(self, step: str, status: str, detail: str, fix: str = "") -> None:
        found = self.steps[step]
        assert found["status"] == status, found
        assert detail in found["detail"], found
        assert fix in found["fix"], found

    def fails(self, step: str, detail: str, fix: str) -> None:
        """At this step, which is the first."""
        assert fix
        self.says(step, "failed", detail, fix)
        assert next(name for name, found in self.steps.items() if found["status"] == "failed") == step
        assert self.status in (1, 2)


@pytest.fixture(autouse=True)
def _no_other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    asked = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return asked(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Checked]:
    """Runs the command on a file of one sink; no secret is ever printed."""

    def run(table: str, *more: str, rest: str = TENANT) -> Checked:
        file = tmp_path / "okta.toml"
        file.write_text(f"{rest}\n[sinks.one]\n{table}\n")
        status = main(["--config", str(file), "--sink", "one", "--json", *more])
        printed = capsys.readouterr()
        secrets = {part for name in (*SECRETS, "TEST_KEY") for part in os.environ.get(name, "").split() if len(part) > 8}
        assert not [secret for secret in secrets if secret in printed.out + printed.err]
        document = json.loads(printed.out)
        assert list(document) == ["tenants", "sinks"]
        assert document["tenants"] == []
        sink = document["sinks"][0]
        assert list(sink) == ["sink", "ok", "steps"]
        assert sink["sink"] == "one"
        assert all(list(step) == ["step", "status", "detail", "fix"] and step["detail"] for step in sink["steps"])
        names = tuple(step["step"] for step in sink["steps"])
        assert any(names in (tuple(steps), (*steps, "send")) for steps in STEPS.values())
        return Checked(status, {step["step"]: step for step in sink["steps"]})

    return run


@pytest.fixture
def search() -> Iterator[CheckedSearch]:
    with CheckedSearch() as server:
        yield server
