"""Files of an archive as one stream, in the order in which the flow had the events."""

import gzip
import json
from pathlib import Path
from typing import Any

import zstandard

from flows.backtest.lines import Bodies, Counts
from flows.backtest.stream import merged
from flows.reading.plan import ArchiveFile


def line(number: int, published: str, arrived: str, tenant: str = "acme", **more: Any) -> bytes:
    tags = {"_okta_event_type": "systemLog", "_okta_tenant": tenant, "_okta_ingested_at": arrived, "_okta_labels": {'a"}': "{"}}
    return json.dumps({**tags, "uuid": f"u{number}", "published": published, "eventType": "a.b", **more}).encode()


def stored(folder: Path, name: str, lines: list[bytes]) -> ArchiveFile:
    data = b"".join(one + b"\n" for one in lines)
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(Path(name).suffix, bytes)(data)
    (folder / name).write_bytes(packed)
    return ArchiveFile(str(folder / name), "archive", "acme", size_bytes=len(packed))


def alert_line(number: int) -> bytes:
    tags = {"_okta_event_type": "alert", "_okta_tenant": "acme"}
    event = {"uuid": "u1", "published": "2026-11-29T00:00:00Z", "eventType": "a.b"}
    return json.dumps({**tags, "uuid": f"a{number}", "published": event["published"], "rule": {"id": "r"}, "event": event}).encode()


def order(files: list[ArchiveFile], counts: Counts | None = None) -> list[str]:
    return [head.uuid for part in merged(files, counts or Counts()) for head in part.heads]


def test_files_are_merged_by_arrival_and_keep_their_own_order(tmp_path: Path) -> None:
    first = stored(tmp_path, "2026-11-28.ndjson.gz", [
        line(1, "2026-11-28T23:59:01Z", "2026-11-28T23:59:10.000Z"),
        line(2, "2026-11-28T23:59:00Z", "2026-11-28T23:59:10.000Z"),
        line(3, "2026-11-28T23:59:58Z", "2026-11-29T00:00:10.000Z"),
        line(5, "2026-11-28T23:59:59Z", "2026-11-29T00:00:10.000Z"),
        line(9, "2026-11-28T22:00:00Z", "2026-11-29T03:00:00.000Z"),  # late
    ])  # fmt: skip
    second = stored(tmp_path, "2026-11-29.ndjson.zst", [
        line(6, "2026-11-29T00:00:00Z", "2026-11-29T00:00:10.000Z"),
        line(7, "2026-11-29T00:00:01Z", "2026-11-29T00:00:10.000Z"),
        line(8, "2026-11-29T02:00:00Z", "2026-11-29T02:00:01.000Z"),
        line(10, "2026-11-29T04:00:00Z", "2026-11-29T04:00:01.000Z"),
    ])  # fmt: skip
    third = stored(tmp_path, "2026-11-30.ndjson", [line(11, "2026-11-30T00:00:00Z", "2026-11-30T00:00:01.000Z")])
    wanted = [f"u{number}" for number in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11)]
    assert order([third, second, first]) == wanted
    assert order([first, second, third]) == wanted


def test_what_is_no_event_is_counted_and_what_is_another_format_is_read_back(tmp_path: Path) -> None:
    event = {"uuid": "u2", "published": "2026-11-29T00:00:00Z", "eventType": "a.b"}
    ecs = {"@timestamp": event["published"], "event": {"original": json.dumps(event)},
           "okta": {"pipeline": {"tenant": "acme", "ingested_at": "2026-11-29T00:00:02.000Z"}}}  # fmt: skip
    ocsf = {"class_uid": 3002, "unmapped": {"_okta_tenant": "acme"}}
    alert = alert_line(4)
    lines = [line(1, "2026-11-29T00:00:00Z", "2026-11-29T00:00:01.000Z"), b"", b"no json", b'{"uuid": "u"}', json.dumps(ecs).encode(),
             json.dumps(ocsf).encode(), alert, line(3, "2026-11-29T00:00:00Z", "2026-11-29T00:00:03.000Z")]  # fmt: skip
    counts = Counts()
    file = stored(tmp_path, "a.ndjson", lines)
    parts = list(merged([file], counts))
    assert [head.uuid for part in parts for head in part.heads] == ["u1", "u2", "u3"]
    assert (counts.lines, counts.bad_lines, counts.mute_lines, counts.alerts) == (3, 2, 1, 1)
    assert json.loads(b"{" + Bodies(parts[0].lines)[1]) == event
    assert counts.stored_bytes == file.size_bytes


def test_alerts_beside_events_are_alerts_in_every_format(tmp_path: Path) -> None:
    ecs = {"@timestamp": "2026-11-29T00:00:00Z", "event": {"kind": "alert", "original": alert_line(2).decode()}}
    ocsf = {"class_uid": 2004, "raw_data": alert_line(3).decode(), "unmapped": {"_okta_tenant": "acme"}}
    lines = [alert_line(1), json.dumps(ecs).encode(), json.dumps(ocsf).encode(), line(1, "2026-11-29T00:00:00Z", "x")]
    counts = Counts()
    assert order([stored(tmp_path, "a.ndjson", lines)], counts) == ["u1"]
    assert (counts.alerts, counts.bad_lines, counts.mute_lines) == (3, 0, 0)


def test_what_several_sinks_wrote_is_taken_once(tmp_path: Path) -> None:
    page = [line(1, "2026-11-29T00:00:01Z", "a"), line(2, "2026-11-29T00:00:00.900Z", "a"), line(3, "2026-11-29T00:00:02Z", "a")]
    rest = [line(4, "2026-11-29T00:01:00Z", "b"), line(4, "2026-11-29T00:01:00Z", "b", "globex")]
    files = [
        stored(tmp_path, "one.ndjson", page + rest),
        stored(tmp_path, "two.ndjson.gz", page + rest[:1]),
        stored(tmp_path, "3", page[1:2]),
    ]
    counts = Counts()
    assert order([ArchiveFile(file.path, "x") for file in files], counts) == ["u1", "u2", "u3", "u4", "u4"]
    assert counts.copies == 5


def test_without_arrivals_files_are_merged_by_published_a_piece_at_a_time(tmp_path: Path) -> None:
    def exported(number: int, minute: int) -> bytes:
        moment = f"2026-11-29T{minute // 60:02}:{minute % 60:02}:00.000Z"
        return json.dumps({"uuid": f"u{number}", "published": moment, "eventType": "a.b", "pad": "x" * 2_000}).encode()

    # Two exports of the same day, a stamped file between them, and one that stands in the wrong order.
    one = stored(tmp_path, "one.ndjson", [exported(number, number) for number in range(0, 1_000, 2)])
    two = stored(tmp_path, "two.ndjson", [exported(number, number) for number in range(1, 1_000, 2)])
    flow = stored(tmp_path, "flow.ndjson", [line(5_000, "2026-11-29T08:20:00Z", "2026-11-29T08:20:30.000Z")])
    back = stored(tmp_path, "back.ndjson", [exported(number, number) for number in range(1_400, 1_100, -1)])
    parts = list(merged([back, flow, two, one], Counts()))
    assert max(len(part.heads) for part in parts) < 300
    found = [head.uuid for part in parts for head in part.heads]
    assert found[:501] == [f"u{number}" for number in range(501)]
    assert found[501] == "u5000"
    assert found[502:1_001] == [f"u{number}" for number in range(501, 1_000)]
    assert found[1_001:] == [f"u{number}" for number in range(1_400, 1_100, -1)]


def test_a_moment_that_no_calendar_holds_is_still_one(tmp_path: Path) -> None:
    lines = [json.dumps({"uuid": "u1", "published": "9999-12-31T23:59:59-01:00", "eventType": "a.b"}).encode()]
    assert order([stored(tmp_path, "a.ndjson", lines)]) == ["u1"]


def test_a_file_of_several_tenants_is_cut_between_them(tmp_path: Path) -> None:
    moment = "2026-11-29T00:00:00Z"
    file = stored(tmp_path, "a.ndjson", [line(number, moment, moment, tenant) for number, tenant in enumerate(["a", "a", "b", "a"])])
    parts = list(merged([ArchiveFile(file.path, "x")], Counts()))
    assert [[head.tenant for head in part.heads] for part in parts] == [["a", "a"], ["b"], ["a"]]


def test_bodies_are_oktas_own_bytes() -> None:
    own = b'"actor": {"x" :1},"uuid":"u"}'
    tagged = b'{"_okta_event_type":"systemLog","_okta_org":"a\\"b","_okta_labels":{"k":"v}","l":"{"},' + own
    assert list(Bodies([tagged, b"{" + own])) == [own, own]


def test_damage_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    moment = "2026-11-29T00:00:00Z"
    whole = stored(tmp_path, "a.ndjson.zst", [line(1, moment, moment)])
    Path(whole.path).write_bytes(Path(whole.path).read_bytes() + b"no frame of zstd")
    counts = Counts()
    assert order([whole, ArchiveFile(str(tmp_path / "gone.ndjson"), "x", "acme")], counts) == ["u1"]
    assert len(counts.problems) == 2
