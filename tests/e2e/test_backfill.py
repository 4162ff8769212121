"""`flows.backfill` as whole processes: a span of history into files, once, whatever happens to it, and beside a live flow."""

import csv
import json
import os
import shutil
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.runtime.stores import make_stores
from okta_source.simulator import Organisation, RateLimit, Simulator
from tests.e2e.harness import FlowProcess, Workplace, judge, wait_for

pytestmark = pytest.mark.slow

STATE = "backfill-state"


def backfill(place: Workplace, *arguments: str) -> FlowProcess:
    command = [sys.executable, "-m", "flows.backfill", "--config", str(place.config), "--state", str(place.folder / STATE), *arguments]
    return FlowProcess(command, place.log, {**os.environ, "RUST_BACKTRACE": "0"})


def bytewax(place: Workplace, flow: str, *arguments: str, **environment: str) -> FlowProcess:
    command = [sys.executable, "-m", "bytewax.run", flow, *arguments]
    return FlowProcess(command, place.log, {**os.environ, "RUST_BACKTRACE": "0", "OKTA_PIPELINE_CONFIG": str(place.config), **environment})


def lines_of(place: Workplace, tenant: str = "acme", kind: str = "*.backfill.ndjson") -> list[bytes]:
    return [line for path in sorted((place.out / tenant).glob(kind)) for line in path.read_bytes().splitlines()]


def within(organisation: Organisation, since: datetime, until: datetime) -> list[bytes]:
    return [event for event in organisation.persisted() if since <= datetime.fromisoformat(json.loads(event)["published"]) < until]


def test_three_kills_then_a_resume_and_a_repetition(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=20_000, span_seconds=6 * 86_400, latency_seconds=0.1, late_probability=0.01)
    place = Workplace(tmp_path)
    until = datetime.now(UTC) - timedelta(hours=12)
    since = until - timedelta(days=5)
    span = ("--since", since.isoformat(), "--until", until.isoformat())
    expected = within(organisation, since, until)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], page_limit=100, poll_interval_seconds=10)
        place.write()
        for _ in range(3):
            asked = organisation.requests_count
            with backfill(place, *span) as flow:
                wait_for(lambda asked=asked: organisation.requests_count > asked + 40, "requests")
                assert flow.process.poll() is None
        flow = backfill(place, *span, "--report", str(tmp_path / "report.csv"))
        assert flow.wait() == 0, flow.output()
        judge(lines_of(place), expected, "acme")
        asked = organisation.requests_count
        flow = backfill(place, *span)
        assert flow.wait() == 0
        assert organisation.requests_count == asked
    judge(lines_of(place), expected, "acme")
    assert organisation.rejected_429_count == 0
    with (tmp_path / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    hours = Counter(json.loads(event)["published"][:13] for event in expected)
    assert {row["hour"][:13]: int(row["new"]) for row in rows if row["new"] != "0"} == hours
    assert all(row["complete"] == "true" for row in rows)


def test_a_signal_stops_it_and_the_same_command_continues(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=10_000, latency_seconds=0.1)
    place = Workplace(tmp_path)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], page_limit=50, poll_interval_seconds=10)
        place.write()
        flow = backfill(place, "--since", "2d")
        wait_for(lambda: organisation.requests_count > 60, "requests")
        code, seconds = flow.stop()
        assert (code, seconds < 10) == (0, True), flow.output()
        assert "the same command continues" in flow.output()
        assert 0 < len(lines_of(place)) < 10_000
        organisation.latency_seconds = 0.0
        flow = backfill(place, "--since", "2d")
        assert flow.wait() == 0, flow.output()
    judge(lines_of(place), organisation.persisted(), "acme")


def test_beside_a_live_flow_that_is_never_starved(tmp_path: Path) -> None:
    # So many requests that the limit is what holds the backfill up, in windows short enough to see some of them.
    limit = RateLimit(60, 6.0)
    organisation = Organisation("acme", events=20_000, span_seconds=4 * 86_400, rate_limit=limit, rate_per_second=5.0)
    place = Workplace(tmp_path)
    place.make_state()
    until = datetime.now(UTC) - timedelta(hours=1)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], page_limit=200, start_from="now")
        place.write()
        with place.run() as live:
            wait_for(lambda: organisation.requests_count > 2, "the live flow")
            flow = backfill(place, "--since", "5d", "--until", until.isoformat())
            assert flow.wait() == 0, flow.output()
            assert live.stop()[0] == 0
    judge(lines_of(place), within(organisation, until - timedelta(days=30), until), "acme")
    live_lines = [line for path in (place.out / "acme").glob("????-??-??.ndjson") for line in path.read_bytes().splitlines()]
    assert len({json.loads(line)["uuid"] for line in live_lines}) == len(live_lines) > 0
    assert organisation.rejected_429_count == 0
    polls = [request.at for request in organisation.requests if "until=" not in request.target]
    windows = Counter(organisation.rate_limit_window(request.at) for request in organisation.requests)
    # The two processes know of each other by Okta's answers alone: a poll may be on its way while the backfill sends its last request.
    assert max(windows.values()) <= 54 + 1
    # Every second is a poll due: each window of six has some, also while the backfill has used up what it may.
    by_window = Counter(organisation.rate_limit_window(at) for at in polls)
    assert all(by_window[number] >= 3 for number in sorted(windows)[1:-1])


def test_behind_a_live_flow_that_began_with_a_look_back_nothing_is_there_twice(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=2_000, span_seconds=12 * 86_400)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], start_from="7d", page_limit=500)
        place.write()
        place.drain()
        live = lines_of(place, kind="????-??-??.ndjson")
        assert 400 < len(live) < 1_900
        flow = backfill(place, "--since", "90d")
        assert flow.wait() == 0, flow.output()
        assert f"{len(live):,} events lay in its files already" in flow.output()
        judge(lines_of(place, kind="*.ndjson"), organisation.persisted(), "acme")
        assert lines_of(place, kind="????-??-??.ndjson") == live
        with place.audit("--since", "13d", "--until", "1h") as audit:
            assert audit.wait() == 0, audit.output()
        # As an earlier release left it: the audit says so, with a code of its own, and what it tells to type mends it.
        (last,) = sorted((place.out / "acme").glob("????-??-??.ndjson"))[-3:-2]
        beside = last.with_suffix(".backfill.ndjson")
        kept = beside.read_bytes() if beside.exists() else b""
        beside.write_bytes(kept + last.read_bytes())
        with place.audit("--since", "13d", "--until", "1h") as audit:
            assert audit.wait() == 4, audit.output()
            assert "TWICE: acme: sink archive holds" in audit.output()
            assert "python -m flows.audit.mend --sink archive --tenant acme" in audit.output()
    os.utime(beside, (1e9, 1e9))
    command = [sys.executable, "-m", "flows.audit.mend", "--config", str(place.config), "--sink", "archive", "--tenant", "acme"]
    flow = FlowProcess(command, place.log, dict(os.environ))
    assert flow.wait() == 0, flow.output()
    judge(lines_of(place, kind="*.ndjson"), organisation.persisted(), "acme")


def test_a_failing_tenant_beside_a_good_one(tmp_path: Path) -> None:
    bad, good = Organisation("acme", events=500, forbidden=True), Organisation("globex", events=2_000)
    place = Workplace(tmp_path)
    with Simulator([bad, good]) as sim:
        place.add_all(sim, [bad, good])
        place.write()
        flow = backfill(place, "--since", "2d")
        assert flow.wait() == 1, flow.output()
        assert "ERROR acme: " in flow.output()
        assert "slices could not be fetched" in flow.output()
        assert "ERROR globex" not in flow.output()
        judge(lines_of(place, "globex"), good.persisted(), "globex")
        bad.forbidden = False
        asked = good.requests_count
        flow = backfill(place, "--since", "2d")
        assert flow.wait() == 0, flow.output()
        assert good.requests_count == asked
    judge(lines_of(place, "acme"), bad.persisted(), "acme")


def test_through_bytewax_with_the_environment_and_with_arguments(tmp_path: Path) -> None:
    organisations = [Organisation(name, events=1_000) for name in ("acme", "globex")]
    place = Workplace(tmp_path)
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations)
        place.write()
        (tmp_path / STATE).mkdir()
        make_stores(tmp_path / STATE, 1)
        recovery = ("-r", str(tmp_path / STATE), "-s", "1", "-b", "0")
        flow = bytewax(place, "flows.backfill", *recovery, OKTA_BACKFILL_SINCE="2d", OKTA_BACKFILL_TENANTS="globex")
        assert flow.wait() == 0, flow.output()
        assert organisations[0].requests_count == 0
        flow = bytewax(place, f"flows.backfill:get_flow('{place.config}', since='2d', tenants=['acme'])")
        assert flow.wait() == 0, flow.output()
    for organisation in organisations:
        judge(lines_of(place, organisation.name), organisation.persisted(), organisation.name)


def test_what_is_refused_makes_no_request(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=1_000)
    place = Workplace(tmp_path)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        assert backfill(place, "--since", "2d").wait() == 0
        place.make_state()
        assert place.drain().process.returncode == 0
        asked = organisation.requests_count
        # Another one than the first below has, which may hold it for a while.
        shutil.copytree(tmp_path / STATE, tmp_path / "copied")
        own = ("-r", str(tmp_path / "copied"), "-s", "1", "-b", "0")
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        make_stores(fresh, 1)
        refused = {
            "holds the backfill": backfill(place, "--since", "3d"),
            "unknown tenants: globex": backfill(place, "--tenant", "globex", "--state", str(tmp_path / "another")),
            "belongs to flows.system_log": backfill(place, "--since", "2d", "--state", str(place.state)),
            "belongs to flows.backfill": bytewax(place, "flows.system_log", *own),
            "There are files of an earlier backfill": backfill(place, "--since", "2d", "--state", str(fresh)),
            "runs in one process": bytewax(place, "flows.backfill", *own, "-i", "0", "-a", "127.0.0.1:2101;127.0.0.1:2102"),
            "is not allowed; allowed: now, a look-back": backfill(place, "--since", "soon", "--state", str(tmp_path / "another")),
            "does not exist": bytewax(place, "flows.backfill", "-r", str(tmp_path / "nowhere"), "-s", "1", "-b", "0"),
        }
        codes = {what: flow.wait() for what, flow in refused.items()}
        assert codes == dict.fromkeys(refused, 2), place.log.read_text()
        told = place.log.read_text()
        assert [what for what in refused if what not in told] == []
        assert "Traceback" not in told
        assert organisation.requests_count == asked
        assert not (tmp_path / "another").exists()
