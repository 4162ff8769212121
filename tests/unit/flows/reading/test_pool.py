"""Processes that scan: what becomes of one that dies."""

import os
from pathlib import Path

import pytest

from flows.reading.parts import Part
from flows.reading.plan import ArchiveFile
from flows.reading.pool import WorkerLost, scan_all
from flows.reading.question import Question
from flows.reading.scan import Scanner


def parts(folder: Path, count: int) -> list[Part]:
    for number in range(count):
        event = b'{"uuid":"%d","published":"2026-11-20T00:00:00Z"}\n' % number
        (folder / f"{number}.ndjson").write_bytes(event)
    return [Part(ArchiveFile(str(folder / f"{number}.ndjson"), "a")) for number in range(count)]


@pytest.mark.parametrize("processes", [1, 3])
def test_every_part_is_scanned_once(tmp_path: Path, processes: int) -> None:
    found = list(scan_all(Question(), parts(tmp_path, 7), processes))
    assert sorted(part.file.path for part, _ in found) == sorted(str(tmp_path / f"{number}.ndjson") for number in range(7))
    assert sum(len(one.hits) for _, one in found) == 7


def test_a_process_that_ends_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scanner, "scan", lambda self, part: os._exit(9))
    with pytest.raises(WorkerLost, match=r"0\.ndjson ended; is there enough memory"):
        list(scan_all(Question(), parts(tmp_path, 1), 2))
