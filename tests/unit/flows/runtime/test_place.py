"""A state directory knows where it is at home: what is told of copies, moves and changed paths, and what is no matter."""

import pickle
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flows.runtime.owner import hold
from flows.runtime.place import accept_any_place, check_place, known_place
from flows.runtime.stores import StateUnusable, make_directory, make_stores
from flows.state import main as state_command
from sinks.config import FileSinkConfig
from sinks.file.journal import Journal

STEP = "system_log.sink_archive"


class Deployment:
    """A folder with a state directory and a sink; its file is there, and longer than the snapshot knows where it was killed."""

    def __init__(self, folder: Path, path: str = "out/{tenant}/{date}.ndjson") -> None:
        self.folder = folder
        self.path = path
        self.state = folder / "state"

    def sink(self) -> FileSinkConfig:
        return FileSinkConfig.model_validate({"type": "file", "path": self.path}, context={"folder": self.folder})

    def make(self, *, killed: bool = True, version: int = 2) -> None:
        make_directory(self.state)
        make_stores(self.state, 1)
        file = self.folder / "out" / "acme" / "2024-05-01.ndjson"
        file.parent.mkdir(parents=True)
        file.write_text("{}\n{}\n" if killed else "{}\n")
        name = "out/acme/2024-05-01.ndjson"
        key = name if version == 2 else str(self.folder / name)
        snapshot = pickle.dumps({"version": version, "snapshot": 3, "files": {key: 3}})
        with closing(sqlite3.connect(self.state / "part-0.sqlite3")) as store, store:
            store.execute("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, 'acme', 1, ?)", (STEP, snapshot))

    def check(self) -> None:
        with hold(self.state):
            check_place(self.state, {"archive": self.sink()}, {"archive": STEP})


@pytest.fixture
def prod(tmp_path: Path) -> Deployment:
    deployment = Deployment(tmp_path / "prod")
    deployment.make()
    deployment.check()
    return deployment


def test_the_first_run_writes_down_where_it_is_and_the_next_ones_find_it(prod: Deployment) -> None:
    known = known_place(prod.state)
    assert known is not None
    assert known.state == str(prod.state)
    assert (known.sinks["archive"].path, known.sinks["archive"].folder) == ("out/{tenant}/{date}.ndjson", str(prod.folder / "out"))
    before = (prod.state / "place.json").stat().st_ino
    prod.check()
    assert (prod.state / "place.json").stat().st_ino == before


@pytest.mark.parametrize("way", ["copied", "moved"])
def test_another_place_is_told_until_it_is_accepted(prod: Deployment, tmp_path: Path, way: str) -> None:
    there = Deployment(tmp_path / "there")
    shutil.copytree(prod.folder, there.folder) if way == "copied" else prod.folder.rename(there.folder)
    for _ in range(2):
        with pytest.raises(StateUnusable, match=rf"was last used as {prod.state}, .* they would be in {there.folder}/out") as caught:
            there.check()
    assert f"python -m flows.state accept {there.state}" in str(caught.value)
    accept_any_place(there.state)
    there.check()
    there.check()
    there.folder.rename(tmp_path / "again")
    with pytest.raises(StateUnusable, match=f"was last used as {there.state}"):
        Deployment(tmp_path / "again").check()


def test_a_copy_whose_files_are_a_link_to_the_originals_is_told(prod: Deployment, tmp_path: Path) -> None:
    (prod.folder / "out").rename(tmp_path / "disk")
    (prod.folder / "out").symlink_to(tmp_path / "disk")
    accept_any_place(prod.state)
    prod.check()
    shutil.copytree(prod.folder, tmp_path / "copy", symlinks=True)
    with pytest.raises(StateUnusable, match="the files are the same ones"):
        Deployment(tmp_path / "copy").check()


def test_a_link_that_leads_elsewhere_now_is_another_place(prod: Deployment, tmp_path: Path) -> None:
    (prod.folder / "out").rename(tmp_path / "old-disk")
    (prod.folder / "out").symlink_to(tmp_path / "new-disk")
    with pytest.raises(StateUnusable, match=f"they would be in {tmp_path}/new-disk"):
        prod.check()


def test_a_link_to_the_whole_is_the_same_place(prod: Deployment, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(prod.folder)
    Deployment(tmp_path / "current").check()


def test_a_copy_with_absolute_paths_would_cut_the_originals_files(tmp_path: Path) -> None:
    prod = Deployment(tmp_path / "prod", str(tmp_path / "archive" / "{tenant}.ndjson"))
    make_directory(prod.state)
    make_stores(prod.state, 1)
    prod.check()
    shutil.copytree(prod.folder, tmp_path / "copy")
    with pytest.raises(StateUnusable, match="the files are the same ones"):
        Deployment(tmp_path / "copy", prod.path).check()


@pytest.mark.parametrize("killed", [True, False])
def test_a_changed_path_matters_where_the_last_run_was_killed(tmp_path: Path, killed: bool) -> None:
    deployment = Deployment(tmp_path)
    deployment.make(killed=killed)
    deployment.check()
    deployment.path = "other/{tenant}/{date}.ndjson"
    if killed:
        with pytest.raises(StateUnusable, match=r"path of sink archive was changed after a run that was killed: .*2024-05-01\.ndjson hold"):
            deployment.check()
        accept_any_place(tmp_path / "state")
    deployment.check()
    deployment.check()


def test_what_only_the_journal_knows_counts_as_well(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    deployment.make(killed=False)
    deployment.check()
    (tmp_path / "out" / "acme" / "2024-05-02.ndjson").write_text("{}\n")
    Journal(deployment.state / "files" / "archive.acme.ndjson").note({"out/acme/2024-05-02.ndjson": -1}, after=3)
    deployment.path = "other/{tenant}/{date}.ndjson"
    with pytest.raises(StateUnusable, match=r"2024-05-02\.ndjson hold"):
        deployment.check()


def test_a_state_of_an_earlier_release_is_at_home_where_its_files_are(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "prod")
    deployment.make(version=1)
    shutil.copytree(deployment.folder, tmp_path / "copy")
    copy = Deployment(tmp_path / "copy")
    with pytest.raises(StateUnusable, match=r"written by an earlier release, knows files .*/prod/out/acme/2024-05-01\.ndjson"):
        copy.check()
    accept_any_place(copy.state)
    copy.check()
    deployment.check()
    deployment.check()


def test_a_file_of_an_earlier_path_in_a_state_of_an_earlier_release_is_no_other_place(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    deployment.make(version=1, killed=False)
    Journal(deployment.state / "files" / "archive.acme.ndjson").note({str(tmp_path / "once" / "acme.ndjson"): 7}, after=3)
    deployment.check()


def test_a_new_sink_and_one_that_left_are_no_matter(prod: Deployment) -> None:
    with hold(prod.state):
        check_place(prod.state, {"other": prod.sink()}, {"other": "system_log.sink_other"})
    prod.check()
    known = known_place(prod.state)
    assert known is not None
    assert set(known.sinks) == {"archive", "other"}


@pytest.mark.parametrize("way", ["copied", "moved"])
def test_a_state_without_files_knows_its_place_as_well(tmp_path: Path, way: str) -> None:
    def check(state: Path) -> None:
        with hold(state):
            check_place(state, {}, {})

    state, there = tmp_path / "state", tmp_path / "there"
    make_directory(state)
    make_stores(state, 1)
    check(state)
    check(state)
    shutil.copytree(state, there) if way == "copied" else state.rename(there)
    for _ in range(2):
        with pytest.raises(StateUnusable, match=rf"was last used as {state}, and is in {there} now\. .*flows\.state accept {there}"):
            check(there)
    accept_any_place(there)
    check(there)
    check(there)
    if way == "copied":
        check(state)


def test_a_state_that_moved_and_lost_its_sink_of_files_is_told(prod: Deployment, tmp_path: Path) -> None:
    prod.folder.rename(tmp_path / "there")
    with hold(tmp_path / "there" / "state"), pytest.raises(StateUnusable, match=f"was last used as {prod.state}"):
        check_place(tmp_path / "there" / "state", {}, {})


@pytest.mark.parametrize("content", [b"{", b'{"state":"\xff"}'])
def test_a_damaged_file_is_told(prod: Deployment, content: bytes) -> None:
    (prod.state / "place.json").write_bytes(content)
    with pytest.raises(StateUnusable, match=r"place\.json can't be read"):
        prod.check()


def test_the_command_shows_and_accepts(prod: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prod.folder.rename(tmp_path / "there")
    there = Deployment(tmp_path / "there")
    assert state_command(["show", str(there.state)]) == 0
    told = capsys.readouterr().out
    for words in ("flow             system_log", "in use by        nobody", f"at home          {prod.state}", f"in {prod.folder}/out"):
        assert words in told
    assert state_command(["accept", str(there.state)]) == 0
    there.check()
    with hold(there.state):
        assert state_command(["show", str(there.state)]) == 0
        assert "in use by        pid" in capsys.readouterr().out


def test_the_command_refuses_what_is_no_state_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert state_command(["accept", str(tmp_path)]) == 2
    assert "holds no store" in capsys.readouterr().err


def test_the_command_is_for_the_flow_s_user(prod: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    assert state_command(["accept", str(prod.state)]) == 2
    assert "run this as that user" in capsys.readouterr().err
