"""`python -m flows.audit`, and what variables and arguments say."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flows.audit import get_flow
from flows.audit.command import main
from flows.audit.plan import Asked, AuditRefused
from flows.audit.run import asked_of
from flows.configuration.settings import ConfigurationError

NOTHING: dict[str, object] = dict.fromkeys(("since", "until", "tenants", "sinks", "repair", "budget", "json"))


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _path, command, environment: calls.append((command, environment)))
    for name in [name for name in os.environ if name.startswith("OKTA_")]:
        monkeypatch.delenv(name)
    return calls


def test_options_reach_the_flow_as_variables(executed: list[tuple[list[str], dict[str, str]]]) -> None:
    main(
        [
            "--config",
            "a.toml",
            "--since",
            "7d",
            "--until",
            "2h",
            "--tenant",
            "acme",
            "--tenant",
            "globex",
            "--sink",
            "s",
            "--repair",
            "--json",
        ]
    )
    ((command, environment),) = executed
    assert command[1:] == ["-m", "bytewax.run", "flows.audit"]
    assert environment["OKTA_PIPELINE_CONFIG"] == "a.toml"
    asked, as_json = asked_of(NOTHING, environment)
    assert asked == Asked("7d", "2h", ("acme", "globex"), ("s",), repair=True)
    assert as_json


def test_what_is_not_given_is_left_to_the_environment(executed: list[tuple[list[str], dict[str, str]]]) -> None:
    main([])
    assert not [name for name in executed[0][1] if name.startswith("OKTA_")]
    assert asked_of(NOTHING, {}) == (Asked(), False)


def test_a_state_directory_is_made_and_emptied_once_its_audit_is_finished(
    executed: list[tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    state = tmp_path / "new" / "state"
    main(["--state", str(state)])
    assert executed[0][0][4:] == ["-r", str(state), "-s", "10", "-b", "0"]
    store = (state / "part-0.sqlite3").stat().st_ino
    (state / "audit").mkdir()
    (state / "audit" / "plan.json").touch()
    main(["--state", str(state)])
    assert (state / "part-0.sqlite3").stat().st_ino == store, "an audit that isn't finished goes on"
    (state / "files").mkdir()
    (state / "files" / "archive.acme.ndjson").touch()
    (state / "audit" / "finished").touch()
    (state / "mine.txt").touch()
    main(["--state", str(state)])
    assert sorted(path.name for path in state.iterdir()) == ["audit", "mine.txt", "owner", "part-0.sqlite3"]
    assert list((state / "audit").iterdir()) == []


def test_the_state_directory_of_another_flow_is_refused(
    executed: list[tuple[list[str], dict[str, str]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--state", str(tmp_path)])
    with closing(sqlite3.connect(tmp_path / "part-0.sqlite3")) as store, store:
        store.execute("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES ('system_log.okta', 'acme', 1, x'00')")
    assert main(["--state", str(tmp_path)]) == 2
    assert "belongs to flows.system_log" in capsys.readouterr().err
    assert len(executed) == 1


def test_arguments_come_before_variables() -> None:
    environ = {"OKTA_AUDIT_SINCE": "3d", "OKTA_AUDIT_REPAIR": "yes", "OKTA_AUDIT_BUDGET": "0.2", "OKTA_AUDIT_TENANTS": " a, b,,a"}
    asked, _ = asked_of(NOTHING, environ)
    assert asked == Asked(since="3d", tenants=("a", "b"), repair=True, budget=0.2)
    asked, _ = asked_of(NOTHING | {"since": "4d", "repair": False, "budget": 0.3, "tenants": ["c"]}, environ)
    assert asked == Asked(since="4d", tenants=("c",), repair=False, budget=0.3)


@pytest.mark.parametrize("environ", [{"OKTA_AUDIT_BUDGET": "much"}, {"OKTA_AUDIT_REPAIR": "perhaps"}, {"OKTA_AUDIT_JSON": "2"}])
def test_variables_that_cannot_be_read(environ: dict[str, str]) -> None:
    with pytest.raises(AuditRefused, match=next(iter(environ))):
        asked_of(NOTHING, environ)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        get_flow(str(tmp_path / "none.toml"))
