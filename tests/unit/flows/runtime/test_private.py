"""A state directory is its owner's alone."""

import os
import stat
from pathlib import Path

import pytest

from flows.runtime.private import check_private
from flows.runtime.stores import StateUnusable, make_directory


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir(mode=0o755)
    (directory / "part-0.sqlite3").touch(0o644)
    return directory


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_bytewax_makes_is_closed_to_others(state: Path) -> None:
    state.chmod(0o755)
    check_private(state)
    assert mode_of(state) == 0o750
    check_private(state)
    assert mode_of(state) == 0o750


@pytest.mark.parametrize("name", ["", "part-0.sqlite3"])
def test_where_others_may_write_it_is_refused_with_the_reason_and_the_command(state: Path, name: str) -> None:
    (state / name).chmod(0o777)
    with pytest.raises(StateUnusable, match=r"can be written to by others \(mode 0777\)") as raised:
        check_private(state)
    assert "pickles" in str(raised.value)
    assert f"chmod -R go-w {state}" in str(raised.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_another_users_store_is_refused_and_so_is_another_groups_right_to_write(state: Path) -> None:
    state.chmod(0o770)
    check_private(state)  # a group of our own, as of a volume
    os.chown(state, -1, 54321)
    with pytest.raises(StateUnusable, match="by others"):
        check_private(state)
    os.chown(state, 0, 0)
    os.chown(state / "part-0.sqlite3", 54321, -1)
    with pytest.raises(StateUnusable, match="belongs to another user"):
        check_private(state)


def test_one_that_is_not_there_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    check_private(tmp_path / "new")
    make_directory(tmp_path / "new")
    assert mode_of(tmp_path / "new") == 0o700
