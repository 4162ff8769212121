"""What is looked at before anything is started: told once, exit 2."""

import errno
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from flows.cluster import command
from flows.cluster.plan import Member
from flows.cluster.ports import why_unavailable
from flows.runtime.invocation import CLUSTER
from flows.runtime.owner import hold
from flows.runtime.stores import holds_stores, make_directory

ENVIRON = {"TOKEN": "00x"}
CONFIG = """
[[tenants]]
name = "acme"
org_url = "http://127.0.0.1:9"
[tenants.auth]
method = "ssws"
token_env = "TOKEN"
[sinks.archive]
type = "file"
path = "out/{tenant}/{date}.ndjson"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "okta.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Member]:
    """What would have been started; none of it ever ends."""
    found: list[Member] = []

    def run(members: Sequence[Member], ending: object, out: object, ports: Sequence[int], beside: object) -> None:
        found.extend(members)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(command, "configure_logging", lambda: None)
    return found


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def test_a_wrong_configuration_is_told_once_and_nothing_is_started(
    config: Path, started: list[Member], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config.write_text(CONFIG.replace('"file"', '"fule"'))
    assert command.main(["-n", "2", "--config", str(config), "--state", str(tmp_path / "state")], ENVIRON) == 2
    assert capsys.readouterr().err.count("sinks.archive.type") == 1
    assert started == []
    assert not (tmp_path / "state").exists()


def test_every_busy_port_is_told_with_the_option_that_moves_it(
    config: Path, started: list[Member], taken: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["-n", "2", "--config", str(config), "--state", str(tmp_path / "state"), "--metrics-port", str(taken)]
    assert command.main([*arguments, "--port-base", str(taken - 100)], ENVIRON) == 2
    told = capsys.readouterr().err
    assert f"port {taken} for the metrics of process 0 is in use" in told
    assert "--metrics-port" in told
    assert started == []
    assert not (tmp_path / "state").exists()


def test_a_state_directory_is_made_with_a_store_for_each_process_and_then_kept(config: Path, started: list[Member], tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    for size in (3, 2):
        with pytest.raises(KeyboardInterrupt):
            command.main(["-n", str(size), "--config", str(config), "--state", str(state), "--port-base", "29101"], ENVIRON)
        assert sorted(path.name for path in state.glob("part-*")) == ["part-0.sqlite3", "part-1.sqlite3", "part-2.sqlite3"]
    assert len(started) == 5


def test_a_state_directory_that_lacks_a_store_or_cannot_be_made_is_told(
    config: Path, started: list[Member], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    arguments = ["-n", "3", "--config", str(config), "--port-base", "29101", "--state"]
    with pytest.raises(KeyboardInterrupt):
        command.main([*arguments, str(state)], ENVIRON)
    (state / "part-1.sqlite3").unlink()
    assert command.main([*arguments, str(state)], ENVIRON) == 2
    assert "holds 2 of 3 stores: part-1.sqlite3 not found" in capsys.readouterr().err
    assert command.main([*arguments, str(config)], ENVIRON) == 2
    assert f"{config} can't be made: File exists" in capsys.readouterr().err


def test_a_state_directory_that_another_run_holds_is_told_and_nothing_is_started(
    config: Path, started: list[Member], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    make_directory(state)
    monkeypatch.setattr(command, "hold", partial(hold, patience_seconds=0.0))
    with hold(state):
        assert command.main(["-n", "2", "--config", str(config), "--port-base", "29101", "--state", str(state)], ENVIRON) == 2
    assert f"is in use by pid {os.getpid()} (" in capsys.readouterr().err
    assert started == []
    assert not holds_stores(state)


def test_a_state_directory_that_can_t_be_resumed_or_is_elsewhere_is_told_once_and_nothing_is_started(
    config: Path, started: list[Member], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["-n", "2", "--config", str(config), "--port-base", "29101", "--state"]
    with pytest.raises(KeyboardInterrupt):
        command.main([*arguments, str(tmp_path / "state")], ENVIRON)
    started.clear()
    (tmp_path / "state").rename(tmp_path / "moved")
    assert command.main([*arguments, str(tmp_path / "moved")], ENVIRON) == 2
    assert capsys.readouterr().err.count(f"was last used as {tmp_path / 'state'}") == 1
    with closing(sqlite3.connect(tmp_path / "moved" / "part-0.sqlite3")) as store, store:
        store.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 5)")
        store.execute("INSERT INTO commits (part_index, commit_epoch) VALUES (0, 9)")
    assert command.main([*arguments, str(tmp_path / "moved")], ENVIRON) == 2
    assert capsys.readouterr().err.count("part-0.sqlite3 went on to epoch 9") == 1
    assert started == []


def test_the_processes_are_told_whose_they_are(config: Path, started: list[Member], tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            command.main(["-n", "2", "--config", str(config), "--port-base", "29101", "--state", str(tmp_path / "state")], ENVIRON)
    first, same, second, _ = (member.environment[CLUSTER] for member in started)
    assert first == same != second


def test_bytewax_s_own_variables_are_the_defaults(config: Path, started: list[Member], tmp_path: Path) -> None:
    environ = {
        **ENVIRON,
        "OKTA_PIPELINE_CONFIG": str(config),
        "BYTEWAX_RECOVERY_DIRECTORY": str(tmp_path / "state"),
        "BYTEWAX_SNAPSHOT_INTERVAL": "30",
        "BYTEWAX_RECOVERY_BACKUP_INTERVAL": "60",
        "BYTEWAX_DATAFLOW_API_ENABLED": "1",
        "BYTEWAX_DATAFLOW_API_PORT": "29300",
    }
    with pytest.raises(KeyboardInterrupt):
        command.main(["-n", "2", "--port-base", "29101"], environ)
    for number, member in enumerate(started):
        assert member.command[-6:] == ("-r", str(tmp_path / "state"), "-s", "30", "-b", "60")
        assert member.environment["BYTEWAX_DATAFLOW_API_PORT"] == str(29300 + number)


@pytest.mark.parametrize(
    "arguments", [["-n", "0"], ["-n", "two"], [], ["-n", "2", "--snapshot-interval", "-1"], ["-n", "2", "--metrics-port", "0"]]
)
def test_wrong_arguments_exit_2(arguments: list[str], started: list[Member]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command.main(arguments, ENVIRON)
    assert exit_.value.code == 2
    assert started == []


def test_a_port_is_free_unless_somebody_listens(taken: int) -> None:
    assert why_unavailable("127.0.0.1", taken) == "is in use"
    assert why_unavailable("0.0.0.0", taken) == "is in use"  # noqa: S104
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert why_unavailable("127.0.0.1", free) == ""


def test_a_port_that_needs_privileges_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert why_unavailable("127.0.0.1", 80) == "needs privileges that this user lacks"
