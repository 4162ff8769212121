"""All files of an archive, as they come, grow and go."""

from pathlib import Path

import pytest

from flows.reading.archives import Archive
from flows.tail.watcher import Watcher


class HastyWatcher(Watcher):
    """Looks for files at every call."""

    def lines(self) -> list[tuple[str, bytes]]:
        self._next_look = 0.0
        return super().lines()


def append(path: Path, *lines: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))


def watch(folder: Path, *tenants: str) -> Watcher:
    archive = Archive("archive", str(folder / "{tenant}/{date}.ndjson"))
    return HastyWatcher([archive], frozenset(tenants), ("acme", "globex"))


def test_a_new_day_a_new_tenant_and_a_late_event_of_an_old_day(tmp_path: Path) -> None:
    append(tmp_path / "acme/2026-10-01.ndjson", b"old")
    append(tmp_path / "acme/2026-11-20.ndjson", b"before")
    watcher = watch(tmp_path)
    assert watcher.followed == 1, "a file that is weeks old is only looked at"
    assert watcher.lines() == []
    append(tmp_path / "acme/2026-11-20.ndjson", b"23:59")
    append(tmp_path / "acme/2026-11-21.ndjson", b"00:00")
    append(tmp_path / "globex/2026-11-21.ndjson", b"first")
    assert sorted(watcher.lines()) == [("acme", b"00:00"), ("acme", b"23:59"), ("globex", b"first")]
    append(tmp_path / "acme/2026-10-01.ndjson", b"late")
    assert watcher.lines() == [("acme", b"late")]
    append(tmp_path / "acme/2026-10-01.ndjson", b"later")
    assert watcher.lines() == [("acme", b"later")]
    watcher.close()


def test_only_one_tenants_files(tmp_path: Path) -> None:
    watcher = watch(tmp_path, "globex")
    append(tmp_path / "acme/2026-11-20.ndjson", b"a")
    append(tmp_path / "globex/2026-11-20.ndjson", b"b")
    assert watcher.lines() == [("globex", b"b")]
    watcher.close()


def test_no_more_files_are_open_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr("flows.tail.watcher._MOST_OPEN", 3)
    watcher = watch(tmp_path)
    paths = [tmp_path / f"acme/2026-11-{day:02}.ndjson" for day in range(1, 9)]
    for path in paths:
        append(path, b"x")
        assert watcher.lines() == [("acme", b"x")]
    assert watcher.followed <= 4
    for path in paths:
        append(path, b"y")
        assert watcher.lines() == [("acme", b"y")]
    watcher.close()
