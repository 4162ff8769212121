"""What the live flow's files hold is not put beside them."""

from pathlib import Path

import pytest

from flows.backfill.leave_out import LeaveOut, left_out, those_of
from flows.reading.file_archive import FileArchive
from sinks.config import FileSinkConfig, WebhookSinkConfig
from sinks.errors import SinkStopped
from sinks.file.archive_files import ArchiveFiles
from tests.unit.flows.audit.pages import head, line, page, uuid_of


def write(folder: Path, *numbers: int, name: str = "acme/2026-05-10.ndjson") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.writelines(line(head(number)) for number in numbers)
    return path


def leaving_out(folder: Path, clock: "list[float]") -> LeaveOut:
    files = ArchiveFiles(f"{folder}/{{tenant}}/{{date}}.ndjson", "none", ("audit-*",))
    return LeaveOut("archive", FileArchive(files), lambda: clock[0])


def test_only_what_the_files_lack_goes_on(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    write(tmp_path, 3, name="acme/2026-05-10.audit-1.ndjson")
    write(tmp_path, 4, name="acme/2026-05-10.backfill.ndjson")  # cut back after a crash, and to come again
    write(tmp_path, 5, name="globex/2026-05-10.ndjson")
    leave_out = leaving_out(tmp_path, [0.0])
    before = left_out().get("archive", 0)
    found = leave_out(("acme", page(*[head(number) for number in range(1, 7)])))
    assert found is not None
    assert (found[0], [one.uuid for one in found[1].heads]) == ("acme", [uuid_of(number) for number in (4, 5, 6)])
    assert leave_out(("acme", page(head(1), head(2)))) is None
    whole = ("acme", page(head(7)))
    assert leave_out(whole) is whole
    assert left_out()["archive"] - before == 5


def test_what_a_flow_writes_meanwhile_is_seen_by_a_second_look_that_is_not_taken_all_the_time(tmp_path: Path) -> None:
    clock = [0.0]
    leave_out = leaving_out(tmp_path, clock)
    write(tmp_path, 1)
    assert leave_out(("acme", page(head(2)))) is not None
    write(tmp_path, 2, 3)
    assert leave_out(("acme", page(head(2)))) is None
    leave_out._look_again_at = 9.0  # the last one took long
    write(tmp_path, 4)
    assert leave_out(("acme", page(head(4)))) is not None
    clock[0] = 9.0
    assert leave_out(("acme", page(head(4)))) is None


def test_files_that_cant_be_read_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, 1)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("flows.reading.file_archive.read_window", refuse)
    with pytest.raises(SinkStopped, match=f"{path}: Permission denied"):
        leaving_out(tmp_path, [0.0])(("acme", page(head(1))))


def test_only_files_need_it(tmp_path: Path) -> None:
    sinks = {
        "archive": FileSinkConfig(path=f"{tmp_path}/{{tenant}}.ndjson"),
        "hook": WebhookSinkConfig(type="webhook", url="https://siem.example.com"),
    }
    assert list(those_of(sinks)) == ["archive"]
