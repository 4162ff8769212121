import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from okta_source.__main__ import main
from okta_source.check.report import STEPS
from okta_source.simulator import Organisation, Simulator
from tests.unit.okta_source.check.checked import Check, Checked
from tests.unit.okta_source.wire import TOKEN

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Host names and what they lead to; every other one is unknown, and no question leaves this machine."""
    known = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1"}
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    asked = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return asked(known[name], *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the command on a file of one tenant."""
    monkeypatch.setenv("TEST_OKTA_TOKEN", TOKEN)

    def run(
        org_url: str, *, auth: str = 'method = "ssws"\ntoken_env = "TEST_OKTA_TOKEN"', tls: str = "", more: str = "", **keys: Any
    ) -> Checked:
        keys = {"request_timeout_seconds": 10, **keys}
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        text = "\n".join(["[[tenants]]", 'name = "acme"', f'org_url = "{org_url}"', *lines, "[tenants.auth]", auth, tls, more])
        file = tmp_path / "okta.toml"
        file.write_text(text)
        status = main(["check", "--config", str(file), "--json"])
        printed = capsys.readouterr()
        assert TOKEN not in printed.out + printed.err
        document = json.loads(printed.out)
        assert list(document) == ["tenants"]
        for tenant in document["tenants"]:
            assert list(tenant) == ["tenant", "ok", "steps"]
            assert [step["step"] for step in tenant["steps"]] == list(STEPS)
            assert all(list(step) == ["step", "status", "detail", "fix"] and step["detail"] for step in tenant["steps"])
        return Checked(status, document["tenants"])

    return run


@pytest.fixture
def organisation() -> Iterator[Callable[..., tuple[Organisation, str]]]:
    """Starts an organisation and gives it with its URL."""
    with ExitStack() as stack:

        def start(ssl_context: Any = None, **settings: Any) -> tuple[Organisation, str]:
            made = Organisation("acme", **{"events": 50, "token": TOKEN, "span_seconds": 3600.0, **settings})
            simulator = stack.enter_context(Simulator([made], ssl_context=ssl_context))
            return made, simulator.url("acme")

        yield start
