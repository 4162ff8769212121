"""The command as a whole: what people see, several tenants at once, and how it ends."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from okta_source.__main__ import main
from okta_source.check import command
from okta_source.check.report import STEPS, TenantReport, failed, not_applicable, ok
from okta_source.simulator import Organisation, Scripted, Simulator
from tests.unit.okta_source.wire import TOKEN

Start = Callable[..., Any]


def table(name: str, url: str, **more: str) -> str:
    keys = "".join(f'{key} = "{value}"\n' for key, value in more.items())
    return f'[[tenants]]\nname = "{name}"\norg_url = "{url}"\n{keys}auth = {{ method = "ssws", token_env = "TEST_OKTA_TOKEN" }}\n'


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEST_OKTA_TOKEN", TOKEN)
    return lambda text: (tmp_path / "okta.toml").write_text(text) and None


def test_people_get_a_table_and_the_fix_below_it(
    write: Callable[[str], None], organisation: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    okta, url = organisation()
    write(table("acme", url, display_name="Acme [red]Inc.[/]") + table("globex", "https://globex.invalid"))
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    acme, _, globex = printed.partition("globex ")
    assert "acme (Acme [red]Inc.[/])" in acme
    for step in STEPS:
        assert step in acme
        assert step in globex
    assert "FAILED" not in acme
    assert "→" not in acme
    assert "dns             FAILED  globex.invalid can't be resolved" in globex
    assert "connect         -       dns failed before" in globex
    assert "\n→ dns: Check org_url" in globex
    assert printed.rstrip().endswith("1 of 2 tenants are fine; not: globex")
    assert TOKEN not in printed
    okta.token = "00other"
    assert main(["check", "--tenant", "acme"]) == 1
    assert "→ authentication: The API token is wrong" in " ".join(capsys.readouterr().out.split())


def test_what_a_server_says_can_not_steer_the_terminal(
    write: Callable[[str], None], organisation: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    okta, url = organisation()
    write(table("acme", url))
    okta.script(Scripted(status=400, body=b'{"errorCode": "E0000001", "errorSummary": "\\u001b[2Jgone [bold]x"}'))
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[2Jgone [bold]x" in printed


def test_tenants_are_checked_at_once_and_told_in_the_files_order(write: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"t{number}" for number in range(12)]
    together = threading.Barrier(2, timeout=20)

    def meet(_: object) -> Scripted:
        together.wait()
        return Scripted(fallthrough=True)

    first, second = (Organisation(name, token=TOKEN) for name in names[:2])
    with (
        Simulator([first]) as one,
        Simulator([second]) as other,
        Simulator([Organisation(name, token=TOKEN) for name in names[2:]]) as rest,
    ):
        # Each waits for the other one's request: one after the other, neither would ever be answered.
        first.script(meet)
        second.script(meet)
        urls = {names[0]: one.url(names[0]), names[1]: other.url(names[1]), **{name: rest.url(name) for name in names[2:]}}
        write("".join(table(name, url) for name, url in urls.items()))
        assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert [line.strip() for line in printed.splitlines() if line.strip() in names] == names
    assert "12 of 12 tenants are fine" in printed


def test_a_defect_concerns_its_tenant_alone(
    write: Callable[[str], None], organisation: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = organisation()
    write(table("acme", url) + table("globex", url))
    real = command.check_tenant

    def sometimes(entry: Any, hosts: Any) -> TenantReport:
        if entry.name == "acme":
            raise RuntimeError(TOKEN)
        return real(entry, hosts)

    monkeypatch.setattr(command, "check_tenant", sometimes)
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert "RuntimeError" in printed
    assert "1 of 2 tenants are fine; not: acme" in printed
    assert TOKEN not in printed


def test_an_interrupt_ends_it_at_once(write: Callable[[str], None], organisation: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, url = organisation()
    write(table("acme", url))

    def interrupt(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "in_parallel", interrupt)
    assert main(["check"]) == 130


def test_a_tenant_is_fine_when_every_step_that_applies_was_taken() -> None:
    report = TenantReport("acme", found={step: ok("x") for step in STEPS})
    assert report.ok
    report.found["tls"] = not_applicable("http")
    assert report.ok
    del report.found["clock"]
    assert not report.ok
    report.found["clock"] = failed("x", "y")
    assert not report.ok
    assert report.first_failure == "clock"
    assert [verdict.status for _, verdict in report.verdicts()][STEPS.index("clock") :] == ["failed", *["not_reached"] * 5]
