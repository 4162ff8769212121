"""What one call does for a process that runs somebody's own flow."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from flows.runtime import own_flow
from flows.runtime.own_flow import Run, prepare

INSERT = "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, 1, x'00')"


def test_elsewhere_than_in_bytewax_run_nothing_is_touched() -> None:
    run = prepare("mine", until_drained=True)
    assert run.state_dir is None
    assert run.control.until_drained
    assert run.retired("okta") == []


def test_tenants_of_earlier_runs_are_found_in_the_state(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "part-0.sqlite3")) as store, store:
        rows = [("mine.okta", "globex"), ("mine.okta", "acme"), ("mine.count", "uma")]
        store.executemany(INSERT, rows)
    run = Run("mine", prepare("mine").control, tmp_path)
    assert run.retired("okta") == ["acme", "globex"]


@pytest.mark.parametrize(("prepared", "told"), [(False, "does not exist"), (True, "belongs to flows.other")])
def test_a_state_directory_that_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: str, *, prepared: bool
) -> None:
    state = tmp_path / "state"
    if prepared:
        state.mkdir()
        init_db_dir(state, 1)
        with closing(sqlite3.connect(state / "part-0.sqlite3")) as store, store:
            store.execute(INSERT, ("other.okta", "acme"))
    for name, value in {"is_program": lambda: True, "recovery_dir": lambda: state, "tune_process": int, "configure_logging": int}.items():
        monkeypatch.setattr(own_flow, name, value)
    with pytest.raises(SystemExit) as ended:
        prepare("mine")
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_as_a_program_it_exits_with_2_and_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from flows.runtime.own_flow import prepare\nrun = prepare('mine')\n")
    command = [sys.executable, "-m", "bytewax.run", "mine", "-r", "nowhere", "-s", "10", "-b", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"The state directory {tmp_path / 'nowhere'} does not exist.")
