"""What archived files hold, by hour."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import pytest

from flows.reading.holdings import HourCount, read_window, signature_of
from flows.reading.keys import key_of
from tests.unit.flows.audit.pages import HOUR, head, line, uuid_of

WINDOW = range(HOUR, HOUR + 3)


def write(folder: Path, lines: Iterable[bytes], name: str = "a.ndjson") -> str:
    path = folder / name
    path.write_bytes(b"".join(lines))
    return str(path)


def test_uuids_by_hour_and_nothing_of_other_hours(tmp_path: Path) -> None:
    heads = [head(1, 0.0), head(2, 0.999), head(3, 1.0), head(4, 2.999), head(5, 3.0), head(6, -0.001)]
    holdings = read_window([write(tmp_path, map(line, heads))], WINDOW)
    assert {hour: len(packed) for hour, packed in holdings.packed.items()} == {HOUR: 32, HOUR + 1: 16, HOUR + 2: 16}
    assert holdings.keys(HOUR) == {key_of(uuid_of(1)), key_of(uuid_of(2))}
    assert holdings.keys(HOUR + 7) == set()
    assert holdings.notes == []


def test_an_event_that_is_there_twice_also_in_two_files(tmp_path: Path) -> None:
    first = write(tmp_path, [line(head(1)), line(head(2)), line(head(1))])
    second = tmp_path / "b.ndjson.gz"
    second.write_bytes(gzip.compress(line(head(2))))
    holdings = read_window([first, str(second)], WINDOW)
    assert holdings.count(HOUR) == HourCount(events=4, distinct=2)
    assert holdings.count(HOUR + 1) == HourCount(0, 0)


@pytest.mark.parametrize("more", ['"@timestamp":false', '"time_dt":1', '"@timestamp":["\\ud83d"]'])
def test_an_event_with_a_member_that_only_has_the_name_of_another_formats(tmp_path: Path, more: str) -> None:
    odd = line(head(1)).replace(b'"uuid"', more.encode() + b',"uuid"', 1)
    holdings = read_window([write(tmp_path, [odd])], WINDOW)
    assert (holdings.count(HOUR), holdings.notes) == (HourCount(1, 1), [])


def test_damaged_lines_are_told_and_the_others_read(tmp_path: Path) -> None:
    bad = [b"not json\n", b"\xff\xfe\n", b'{"uuid":1,"published":"2026-05-10T08:00:00Z"}\n', b'{"uuid":"x"}\n', b"[" * 5000 + b"\n", b"\n"]
    unplaced = [b'{"uuid":"a","published":"yesterday"}\n', b'{"uuid":"b","published":"2026-05-10T08:00:00"}\n']
    path = write(tmp_path, [line(head(1)), *bad, *unplaced, line(head(2))])
    holdings = read_window([path], WINDOW)
    assert holdings.count(HOUR) == HourCount(2, 2)
    (note,) = holdings.notes
    assert note == f"{path}: 7 lines are no events (line 2, 3, 4, 5, 6, …)"


def test_mapped_events_count_by_their_own_names_of_uuid_and_time(tmp_path: Path) -> None:
    ecs = b'{"okta":{"uuid":"x"},"@timestamp":"2026-05-10T08:30:00.000Z","event":{"id":"b","original":"{}"}}\n'
    ocsf = b'{"unmapped":{"uuid":"x"},"metadata":{"uid":"c"},"time_dt":"2026-05-10T08:59:59.999Z"}\n'
    unmapped = b'{"_okta_mapping_error":"no","@timestamp":"2026-05-10T08:30:00.000Z","uuid":"d","published":"2026-05-10T08:30:00.000Z"}\n'
    bad = [b'{"@timestamp":"2026-05-10T08:30:00.000Z","event":{}}\n', b'{"time_dt":"2026-05-10T08:30:00.000Z","metadata":[1]}\n']
    path = write(tmp_path, [line(head(1)), ecs, ocsf, unmapped, *bad])
    holdings = read_window([path], WINDOW)
    assert holdings.keys(HOUR) == {key_of(uuid_of(1)), key_of("b"), key_of("c"), key_of("d")}
    assert holdings.notes == [f"{path}: 2 lines are no events (line 5, 6)"]


def test_a_time_with_another_offset(tmp_path: Path) -> None:
    path = write(tmp_path, [b'{"uuid":"a","published":"2026-05-10T10:30:00.000+02:00"}\n'])
    assert read_window([path], WINDOW).count(HOUR).events == 1


def test_damage_in_a_compressed_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, [gzip.compress(line(head(1))), b"\x1f\x8bno"], "a.ndjson.gz")
    holdings = read_window([path], WINDOW)
    assert holdings.count(HOUR).events == 1
    path = write(tmp_path, [gzip.compress(line(head(1))), b"rubbish, " * 20], "b.ndjson.gz")
    holdings = read_window([path], WINDOW)
    assert holdings.count(HOUR).events == 1
    assert "what follows there counts as missing" in holdings.notes[0]


def test_a_file_that_is_moved_away_meanwhile_holds_nothing(tmp_path: Path) -> None:
    assert read_window([str(tmp_path / "gone.ndjson")], WINDOW).packed == {}


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder.ndjson").mkdir()
    with pytest.raises(OSError, match="directory"):
        read_window([str(tmp_path / "folder.ndjson")], WINDOW)


def test_a_signature_changes_with_what_is_appended(tmp_path: Path) -> None:
    path = write(tmp_path, [line(head(1))])
    before = signature_of([path, str(tmp_path / "gone")])
    assert before == signature_of([path])
    with Path(path).open("ab") as file:
        file.write(line(head(2)))
    assert before != signature_of([path])
