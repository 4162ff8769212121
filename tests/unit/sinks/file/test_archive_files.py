"""Which files hold a tenant's events of a span of time."""

from pathlib import Path

import pytest

from sinks.file.archive_files import ArchiveFiles, beside
from sinks.file.compression import Compression

HOUR = 494_000  # 2026-05-10T08:00Z
MARKERS = ("backfill", "audit-*")


def files(folder: Path, template: str, compression: Compression = "none", without: str = "") -> ArchiveFiles:
    return ArchiveFiles(f"{folder}/{template}", compression, MARKERS, without)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(folder: Path, found: list[str]) -> list[str]:
    return [str(Path(path).relative_to(folder)) for path in found]


def test_the_day_s_own_file_and_those_beside(tmp_path: Path) -> None:
    touch(tmp_path, *(f"acme/2026-05-10{marker}.ndjson" for marker in ("", ".backfill", ".audit-1", ".audit-2", ".errors")))
    touch(tmp_path, "acme/2026-05-09.ndjson", "acme/2026-05-10.ndjson.unfinished", "globex/2026-05-10.ndjson")
    archive = files(tmp_path, "{tenant}/{date}.ndjson")
    found = archive.existing("acme", archive.window(HOUR))
    assert names(tmp_path, found) == [f"acme/2026-05-10{marker}.ndjson" for marker in ("", ".backfill", ".audit-1", ".audit-2")]


def test_an_audit_s_own_repairs_can_be_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "acme/2026-05-10.audit-1.ndjson", "acme/2026-05-10.audit-12.ndjson", "acme/2026-05-10.backfill.ndjson")
    archive = files(tmp_path, "{tenant}/{date}.ndjson", without="audit-1")
    found = archive.existing("acme", archive.window(HOUR))
    assert names(tmp_path, found) == ["acme/2026-05-10.backfill.ndjson", "acme/2026-05-10.audit-12.ndjson"]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_files_that_were_compressed_later_count(tmp_path: Path, compression: Compression) -> None:
    touch(tmp_path, *(f"acme/2026-05-10{marker}.ndjson{ending}" for marker in ("", ".backfill") for ending in ("", ".gz", ".zst")))
    archive = files(tmp_path, "{tenant}/{date}.ndjson", compression)
    assert len(set(archive.existing("acme", archive.window(HOUR)))) == 6


@pytest.mark.parametrize(
    ("template", "hours"),
    [("{tenant}/{date}T{hour}.ndjson", 1), ("{tenant}/{date}.ndjson", 24), ("{tenant}/{hour}.ndjson", 24), ("{tenant}.ndjson", 24)],
)
def test_what_is_read_together(tmp_path: Path, template: str, hours: int) -> None:
    window = files(tmp_path, template).window(HOUR)
    assert HOUR in window
    assert len(window) == hours
    assert hours == 1 or window.start % 24 == 0


def test_each_file_once_though_many_hours_lead_to_it(tmp_path: Path) -> None:
    touch(tmp_path, "acme.ndjson", "acme.audit-7.ndjson", "acme2.ndjson", "acme2.audit-7.ndjson")
    archive = files(tmp_path, "{tenant}.ndjson")
    assert names(tmp_path, archive.existing("acme", archive.window(HOUR))) == ["acme.ndjson", "acme.audit-7.ndjson"]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("data/{tenant}/{date}.ndjson", "data/{tenant}/{date}.audit-1.ndjson"),
        ("data/{date}.ndjson.gz", "data/{date}.audit-1.ndjson.gz"),
        ("data/{tenant}", "data/{tenant}.audit-1"),
        ("data/x.{tenant}", "data/x.{tenant}.audit-1"),
        ("data.d/{date}.gz", "data.d/{date}.audit-1.gz"),
    ],
)
def test_the_files_beside_have_the_marker_before_the_ending(template: str, expected: str) -> None:
    assert beside(template, "audit-1") == expected


def test_a_tenant_s_name_is_no_ending(tmp_path: Path) -> None:
    touch(tmp_path, "x.acme", "x.acme.audit-1")
    archive = files(tmp_path, "x.{tenant}")
    assert names(tmp_path, archive.existing("acme", archive.window(HOUR))) == ["x.acme", "x.acme.audit-1"]


def test_characters_that_mean_something_to_glob(tmp_path: Path) -> None:
    touch(tmp_path, "a[1]*/2026-05-10.ndjson", "a[1]*/2026-05-10.audit-1.ndjson")
    archive = files(tmp_path, "a[1]*/{date}.ndjson")
    assert len(archive.existing("acme", archive.window(HOUR))) == 2
