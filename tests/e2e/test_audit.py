"""Audits over the simulator: complete archives, holes made by hand, repairs, kills, tenants in trouble, and what it costs."""

import json
import math
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.runtime.stores import make_stores
from okta_source.simulator import Organisation, RateLimit, Simulator
from tests.e2e.harness import FlowProcess, Workplace, judge, wait_for
from tests.unit.sinks.search_server import FakeSearch

pytestmark = pytest.mark.slow

DAY = 86_400.0
ARCHIVES = {
    "none": 'type = "file"\npath = "out/{tenant}/{date}.ndjson"',
    "gzip": 'type = "file"\npath = "out/{tenant}/{date}T{hour}.ndjson"\ncompression = "gzip"',
    "zstd": 'type = "file"\npath = "out/{tenant}/{date}.ndjson"\ncompression = "zstd"',
}


def audited(place: Workplace, *arguments: str, code: int) -> dict[str, Any]:
    """Run an audit to its end and read its report."""
    with place.audit("--json", *arguments) as audit:
        assert audit.wait() == code, audit.output()[-3000:]
    return report_of(place)


def report_of(place: Workplace) -> dict[str, Any]:
    report: dict[str, Any] = orjson.loads((place.folder / "audit" / "audit" / "report.json").read_bytes())
    return report


def span(report: dict[str, Any]) -> tuple[str, str, str, str]:
    """The options for the same hours again: an hour may have ended meanwhile."""
    return "--since", report["since"], "--until", report["until"]


def totals(report: dict[str, Any], sink: str = "archive") -> dict[str, dict[str, int]]:
    return {result["tenant"]: result["total"] for result in report["results"] if result["sink"] == sink}


def hours(report: dict[str, Any], tenant: str, figure: str, sink: str = "archive") -> dict[str, int]:
    """The hours in which a figure is not 0."""
    (result,) = (result for result in report["results"] if (result["tenant"], result["sink"]) == (tenant, sink))
    return {hour["hour"]: hour[figure] for hour in result["hours"] if hour[figure]}


def by_hour(lines: Iterable[bytes]) -> dict[str, int]:
    return dict(Counter(orjson.loads(line)["published"][:13] + ":00:00Z" for line in lines))


def within(report: dict[str, Any], organisation: Organisation) -> list[bytes]:
    """The organisation's events in the audit's span."""
    return [event for event in organisation.persisted() if report["since"] <= orjson.loads(event)["published"] < report["until"]]


@pytest.mark.parametrize("compression", ARCHIVES)
def test_a_complete_archive_a_hole_made_by_hand_and_its_repair(tmp_path: Path, compression: str) -> None:
    organisations = [
        Organisation(name, seed=seed, events=events, span_seconds=2 * DAY, late_probability=0.02)
        for seed, (name, events) in enumerate({"acme": 3_000 if compression == "none" else 800, "globex": 300}.items())
    ]
    place = Workplace(tmp_path, sink=ARCHIVES[compression])
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, start_from="3d", page_limit=500)
        place.write()
        place.drain()

        before = [organisation.requests_count for organisation in organisations]
        if compression == "none":
            report = audited(place, "--since", "49h", code=0)
            for organisation, count in zip(organisations, before, strict=True):
                assert_complete(report, organisation)
                # Full pages: one more request for each slice at most.
                assert organisation.requests_count - count <= math.ceil(totals(report)[organisation.name]["okta"] / 1000) + 3

        gone = cut_out(place, "acme", compression)
        if compression == "none":
            report = audited(place, "--since", "49h", code=1)
            lost = inside(report, gone)
            assert hours(report, "acme", "missing") == by_hour(lost)
            assert {event["uuid"] for event in report["missing"]} == {orjson.loads(line)["uuid"] for line in lost}
            assert all(event["tenant"] == "acme" and not event["thereNow"] for event in report["missing"])
            assert totals(report)["globex"]["missing"] == 0

        report = audited(place, "--since", "49h", "--repair", code=0)
        assert hours(report, "acme", "there_now") == by_hour(inside(report, gone))
        report = audited(place, "--since", "49h", code=0)
        for organisation in organisations:
            assert_complete(report, organisation)
    for organisation in organisations:
        judge(inside(report, place.lines(organisation.name)), within(report, organisation), organisation.name)
    repaired = {path.name for path in (place.out / "acme").iterdir() if ".audit-" in path.name}
    assert repaired
    assert all(re.fullmatch(r"[-0-9T]+\.audit-[0-9TZ]+\.ndjson(\.gz|\.zst)?", name) for name in repaired)


def assert_complete(report: dict[str, Any], organisation: Organisation) -> None:
    expected = within(report, organisation)
    total = totals(report)[organisation.name]
    assert total["okta"] == total["archive"] == len(expected) > 200
    assert all(total[figure] == 0 for figure in ("missing", "there_now", "twice", "surplus", "unchecked"))
    assert hours(report, organisation.name, "okta") == hours(report, organisation.name, "archive") == by_hour(expected)


def cut_out(place: Workplace, tenant: str, compression: str) -> list[bytes]:
    """Make a hole by hand: lines out of the middle of a plain file, otherwise a whole file; returns what is gone."""
    files = sorted((place.out / tenant).iterdir())
    path = files[len(files) // 2]
    before = place.lines(tenant)
    if compression == "none":
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) // 3] + lines[len(lines) // 3 + 40 :]))
    else:
        path.unlink()
    left = set(place.lines(tenant))
    return [line for line in before if line not in left]


def inside(report: dict[str, Any], lines: list[bytes]) -> list[bytes]:
    """Those of the audit's span."""
    chosen = [line for line in lines if report["since"] <= orjson.loads(line)["published"] < report["until"]]
    assert chosen
    return chosen


def test_the_first_moment_of_an_hour_belongs_to_it_and_the_last_window_s_end_to_nobody(tmp_path: Path) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    organisation = Organisation("acme", events=0)
    moments = [hour - timedelta(hours=4), hour - timedelta(hours=3), hour - timedelta(hours=2)]
    moments = [moment + timedelta(milliseconds=ms) for moment in moments for ms in (-1, 0, 1)]
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        organisation.append([event_at(moment, number) for number, moment in enumerate(moments)])
        place.add_all(sim, [organisation])
        place.write()
        place.drain()
        report = audited(
            place, "--since", (hour - timedelta(hours=4)).isoformat(), "--until", (hour - timedelta(hours=2)).isoformat(), code=0
        )
    first, second = (f"{hour - timedelta(hours=back):%Y-%m-%dT%H}:00:00Z" for back in (4, 3))
    assert hours(report, "acme", "okta") == hours(report, "acme", "archive") == {first: 3, second: 3}


def event_at(moment: datetime, number: int) -> bytes:
    published = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"uuid": f"00000000-0000-4000-8000-{number:012x}", "published": published, "eventType": "user.session.start"})


def test_a_search_index_is_asked_for_ids_and_repaired(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=3, events=3_000, span_seconds=DAY)
    with FakeSearch() as server, Simulator([organisation]) as sim:
        table = f'type = "elasticsearch"\nhosts = ["{server.url}"]\ntarget = "okta-{{date}}"\ncategories = ["authentication", "security"]'
        place = Workplace(tmp_path, sinks={"search": table})
        place.make_state()
        place.add_all(sim, [organisation])
        place.write()
        place.drain()
        report = audited(place, code=0)
        total = totals(report, "search")["acme"]
        assert 0 < total["okta"] == total["archive"] < totals(report)["acme"]["okta"]

        indexed = {uuid: source for index in list(server.indices) for uuid, source in server.documents(index).items()}
        gone = [json.loads(source)["uuid"] for source in inside(report, list(indexed.values()))][::7]
        for sources in server.indices.values():
            for uuid in gone:
                sources.pop(uuid, None)
        report = audited(place, "--sink", "search", *span(report), code=1)
        assert {event["uuid"] for event in report["missing"]} == set(gone)
        assert hours(report, "acme", "missing", "search") == by_hour(indexed[uuid] for uuid in gone)
        assert audited(place, "--sink", "search", "--repair", *span(report), code=0)["complete"]
        assert audited(place, "--sink", "search", *span(report), code=0)["complete"]
        assert server.documents().keys() == indexed.keys()


def test_killed_in_the_midst_of_a_repair_it_goes_on_and_nothing_is_there_twice(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=4, events=6_000, span_seconds=DAY, latency_seconds=0.05)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        place.drain()
        for path in (place.out / "acme").iterdir():
            path.write_bytes(b"".join(line for at, line in enumerate(path.read_bytes().splitlines(keepends=True)) if at % 3))
        # First killed before anything was committed, with repairs on the disk that a resume takes back; then twice in mid-way.
        state = tmp_path / "audit"
        state.mkdir()
        make_stores(state, 1)
        audit = run_repair(place, state, snapshot_seconds=3600)
        wait_for(lambda: any(path.stat().st_size for path in (place.out / "acme").glob("*.audit-*")), "a repair")
        audit.kill()
        for _ in range(2):
            before = organisation.requests_count
            audit = run_repair(place, state)
            wait_for(lambda before=before: organisation.requests_count >= before + 2, "requests")
            audit.kill()
        audit = run_repair(place, state)
        assert audit.wait() == 0, audit.output()
        report = report_of(place)
        assert report["complete"]
        assert totals(report)["acme"]["there_now"] > 1_000
        shutil.rmtree(state)
        assert audited(place, *span(report), code=0)["complete"]
        expected = within(report, organisation)
    judge(inside(report, place.lines("acme")), expected, "acme")


def run_repair(place: Workplace, state: Path, snapshot_seconds: int = 0) -> FlowProcess:
    """The same audit under `bytewax.run`, by default with a snapshot at each epoch."""
    flow = f"flows.audit:get_flow('{place.config}', repair=True)"
    command = [sys.executable, "-m", "bytewax.run", flow, "-r", str(state), "-s", str(snapshot_seconds), "-b", "0"]
    return FlowProcess(command, place.folder / "log-audit.txt", {**os.environ, "RUST_BACKTRACE": "0"})


def test_a_tenant_that_fails_is_named_and_the_others_are_audited(tmp_path: Path) -> None:
    organisations = [Organisation(name, seed=seed, events=500, span_seconds=DAY) for seed, name in enumerate(("acme", "globex"))]
    own = 'type = "file"\npath = "own/{tenant}.ndjson"\ntenants = ["acme"]'
    place = Workplace(tmp_path, sinks={"own": own})
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations)
        place.write()
        place.drain()
        organisations[1].forbidden = True
        report = audited(place, code=1)
        assert {(result["tenant"], result["sink"]) for result in report["results"]} == {
            ("acme", "archive"),
            ("globex", "archive"),
            ("acme", "own"),
        }
        assert totals(report)["acme"]["missing"] == 0 < totals(report)["acme"]["okta"]
        assert "E0000006" in report["failures"]["globex"]
        assert report["unfinished_slices"] == {"globex": 1}
        assert not report["complete"]
        # What is left is taken up where it stopped, and acme is not asked again.
        organisations[1].forbidden = False
        asked = organisations[0].requests_count
        assert audited(place, code=0)["complete"]
        assert organisations[0].requests_count == asked


def test_it_stays_within_its_share_of_the_rate_limit_beside_a_live_flow(tmp_path: Path) -> None:
    # Windows of three seconds instead of sixty: the share is counted by the window, however long.
    window_seconds, limit = 3.0, 60
    organisation = Organisation("acme", seed=6, events=5_500, span_seconds=DAY, rate_limit=RateLimit(limit, window_seconds))
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], poll_interval_seconds=2)
        place.write()
        place.drain()
        with place.run() as flow:
            drained = organisation.requests_count
            wait_for(lambda: organisation.requests_count > drained, "a poll")
            report = audited(place, code=0)
            assert flow.stop()[0] == 0
        bounded = [record for record in organisation.requests if "until=" in record.target]
        assert organisation.rejected_429_count == 0
    assert len(bounded) <= math.ceil(totals(report)["acme"]["okta"] / 1000) + 1
    # By the simulator's own count: windows begin where its resets say.
    windows = Counter(reset_of(record.at, organisation, window_seconds) for record in bounded)
    assert max(windows.values()) <= 0.05 * limit
    spanned = max(windows) - min(windows) + 1
    assert sum(windows.values()) / (limit * spanned) <= 0.05


def reset_of(at: float, organisation: Organisation, window_seconds: float) -> int:
    return math.floor(at / window_seconds - organisation._limiter._phase)


def test_a_signal_stops_it_and_the_same_command_goes_on_in_the_middle_of_the_slice(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=7, events=5_500, span_seconds=DAY, rate_limit=RateLimit(60, 3.0))
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        place.drain()
        before = organisation.requests_count
        with place.audit() as audit:
            wait_for(lambda: organisation.requests_count >= before + 2, "requests")
            code, _ = audit.stop()
            assert code == 0
            assert "0 of 1 slices are compared; the same command goes on from here" in audit.output()
        report = audited(place, code=0)
        assert totals(report)["acme"]["okta"] == len(within(report, organisation))
        assert organisation.requests_count - before <= math.ceil(totals(report)["acme"]["okta"] / 1000) + 1
