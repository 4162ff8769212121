"""File sinks that are broken, each in one way."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.check import folders
from flows.check.file_sink import check_file_sink
from sinks.config import FileSinkConfig
from tests.unit.flows.check.conftest import TENANT, Checked

Check = Callable[..., Checked]
TABLE = 'type = "file"\npath = "out/{tenant}/{date}.ndjson"\n'
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the next event goes; its folder is there."""
    path = tmp_path / f"out/acme/{TODAY}.ndjson"
    path.parent.mkdir(parents=True)
    return path


def test_a_sink_that_is_well_and_nothing_is_written(check: Check, tmp_path: Path) -> None:
    found = check(TABLE)
    assert found.status == 0
    assert [step["status"] for step in found.steps.values()] == ["ok"] * 4
    found.says("path", "ok", f"{TODAY}.ndjson will be made")
    assert [entry.name for entry in tmp_path.iterdir()] == ["okta.toml"]


def test_a_link_where_the_file_will_be(check: Check, file: Path) -> None:
    file.symlink_to("/etc/passwd")
    check(TABLE).fails("path", "symbolic link of that name", "Remove the link")


def test_a_fifo_where_the_file_will_be(check: Check, file: Path) -> None:
    os.mkfifo(file)
    check(TABLE).fails("path", "no plain file", "Move it away, or change the path")


def test_a_folder_where_the_file_will_be(check: Check, file: Path) -> None:
    file.mkdir()
    check(TABLE).fails("path", "a directory of that name", "Move the directory away")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_somebody_else(check: Check, file: Path) -> None:
    file.touch()
    os.chown(file, 12345, -1)
    check(TABLE).fails("path", "belongs to another user (uid 12345)", "Run as that user, or give the file")


def test_a_file_where_a_folder_will_be(check: Check, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    check(TABLE).fails("path", "a part of the path", "Move it away")


def test_a_folder_that_is_read_only(check: Check, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_may_write", lambda folder: folder != file.parent)  # root may write anywhere
    check(TABLE).fails("rights", f"may not make files in {file.parent}", "chown")


def test_a_disk_that_is_full(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_free_bytes", lambda _: 5_000_000)
    check(TABLE).fails("disk", "The disk is full: 4.8 MiB free", "Free some space")


def test_a_disk_that_is_nearly_full_is_a_warning() -> None:
    config = FileSinkConfig(path="/tmp/x/{tenant}.ndjson")
    found = dict(check_file_sink(config, ["acme"], datetime.now(UTC), free_bytes=lambda _: 500 << 20))
    assert found["disk"].status == "warning"
    assert "500.0 MiB free" in found["disk"].detail


def test_one_bad_file_of_several_tenants_is_found() -> None:
    config = FileSinkConfig(path="/tmp/{tenant}/x.ndjson")
    asked: list[Path] = []
    found = dict(check_file_sink(config, ["a", "b"], datetime.now(UTC), access=lambda folder: bool(asked.append(folder))))
    assert asked == [Path("/tmp")] * 2
    assert found["rights"].detail.endswith("(and 1 more like it)")
    assert found["path"].detail == "/tmp/{tenant}/x.ndjson: 2 tenants, nothing is in the way"


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_a_marked_event_is_written_beside_read_and_removed(check: Check, file: Path, compression: str) -> None:
    file.write_text("{}\n")
    found = check(f'{TABLE}compression = "{compression}"', "--send")
    assert found.status == 0
    found.says("send", "ok", f"{file.parent}/{TODAY}.check-")
    assert list(file.parent.iterdir()) == [file]
    assert file.read_text() == "{}\n"


def test_folders_that_sending_made_are_removed(check: Check, tmp_path: Path) -> None:
    check(TABLE, "--send").says("send", "ok", "found there, and removed")
    assert not (tmp_path / "out").exists()


def test_what_only_writing_finds_out_fails_the_sending(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.file.output_file.append_or_undo", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    check(TABLE, "--send").fails("send", "the disk is full", "Free some space")


@pytest.mark.parametrize(
    ("table", "rest", "detail", "fix"),
    [
        (TABLE + "compresion = 1", TENANT, "compresion", "okta.toml there; a run refuses the file"),
        (
            'type = "file"\npath = "out.ndjson"',
            TENANT + TENANT.replace("acme", "globex"),
            "has no {tenant}",
            "okta.toml there; a run refuses the file",
        ),
        ('type = "flie"\npath = "x"', TENANT, "flie", "okta.toml there; a run refuses the file"),
        (TABLE + 'tenants = ["amce"]', TENANT, "did you mean acme?", "okta.toml there; a run refuses the file"),
    ],
)
def test_a_table_that_a_run_refuses(check: Check, table: str, rest: str, detail: str, fix: str) -> None:
    found = check(table, rest=rest)
    found.fails("configuration", detail, fix)
    assert found.status == 2
