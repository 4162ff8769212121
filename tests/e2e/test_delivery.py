"""Destinations in trouble under the real flow: crashes, outages, stops and disks that are full, and what metrics say of it all."""

import base64
import contextlib
import os
import re
import signal
import urllib.error
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
import svix.webhooks

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace, free_ports, judge, scrape, wait_for
from tests.unit.sinks.receiver import Receiver, Request
from tests.unit.sinks.search_server import FakeSearch, ItemError

pytestmark = pytest.mark.slow

SIGNING_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
_TIMESTAMP = re.compile(rb'^\{"@timestamp":"[^"]*",')


def hook(receiver: Receiver, *lines: str) -> str:
    return "\n".join(['type = "webhook"', f'url = "{receiver.url}"', *lines])


def search(url: str, *lines: str) -> str:
    return "\n".join(['type = "elasticsearch"', f'hosts = ["{url}"]', 'target = "okta"', *lines])


def metrics_at(port: int) -> dict[str, str]:
    return {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port), "NO_PROXY": "*"}


def scraped(port: int) -> dict[str, float]:
    """The metrics; none while the process is about to listen."""
    with contextlib.suppress(urllib.error.URLError, ConnectionError):
        return scrape(port)
    return {}


def hurried(folder: Path) -> Path:
    """A folder for PYTHONPATH in which the end of a run waits for outboxes for two seconds, and not for a minute."""
    package = folder / "hurried"
    package.mkdir(exist_ok=True)
    (package / "sitecustomize.py").write_text("from okta_source.fetching import control\ncontrol.OUTBOX_PATIENCE_SECONDS = 2.0\n")
    return package


def uuids(events: Iterable[dict[str, str]]) -> list[str]:
    return [event["uuid"] for event in events]


def lost(place: Workplace, sink: str) -> list[str]:
    """The ids of a sink's dead letters."""
    return [str(letter["uuid"]) for letter in place.dead_letters(sink)]


def indexed(server: FakeSearch) -> list[bytes]:
    """The documents as they were before @timestamp was put in front."""
    return [_TIMESTAMP.sub(b"{", source) for source in server.documents().values()]


def assert_signed(requests: Sequence[Request]) -> None:
    """By the judgement of another library; no list of events has two ids, no id two lists."""
    judge_of = svix.webhooks.Webhook(SIGNING_SECRET)
    for request in requests:
        judge_of.verify(request.body, dict(request.headers))
    pairs = {(request.headers["webhook-id"], tuple(uuids(request.events))) for request in requests}
    assert len({identity for identity, _ in pairs}) == len({events for _, events in pairs}) == len(pairs)


def assert_in_order(events: Sequence[dict[str, str]], organisation: Organisation) -> None:
    """Every event of an organisation is there, and came first in its place."""
    first = dict.fromkeys(uuids(event for event in events if event["_okta_tenant"] == organisation.name))
    assert list(first) == organisation.uuids()


def test_a_flow_that_is_killed_in_mid_batch_sends_it_again_under_the_same_id(tmp_path: Path) -> None:
    organisations = [Organisation(name, seed=seed, events=2000) for seed, name in enumerate(("acme", "globex"), start=1)]
    environment = {"HOOK_SECRET": SIGNING_SECRET}
    with Simulator(organisations) as simulator, Receiver() as receiver:
        place = Workplace(tmp_path, sink="", sinks={"hook": hook(receiver, 'secret_env = "HOOK_SECRET"', "batch_events = 40")})
        place.make_state()
        place.add_all(simulator, organisations, page_limit=100)
        place.write()
        ends = []
        for is_reset in (False, True, False):
            before = len(receiver.requests)
            with place.run(environment=environment) as flow:
                receiver.wait_for(lambda seen, before=before: len(seen.requests) >= before + 6)
                receiver.reset(times=None, taken=True) if is_reset else receiver.hang()
                receiver.wait_for(lambda seen: any(request.status is None for request in seen.requests[-2:]))
                flow.kill()
            receiver.clear()
            ends.append(len(receiver.requests))
        flow = place.run(until_drained=True, environment=environment)
        assert flow.wait() == 0, flow.output()
    assert_signed(receiver.requests)
    for organisation in organisations:
        assert_in_order(receiver.events, organisation)
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    for end in ends:
        assert ids[end - 1] in ids[end:]
    assert place.dead_letters("hook") == []


def test_sinks_that_are_down_hold_nobody_up_and_get_it_all_later(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=1000)
    (metrics_port,) = free_ports(1)
    with Simulator([organisation]) as simulator, Receiver() as healthy, Receiver() as hanging, FakeSearch() as gone:
        hanging.hang()
        gone.down()
        sinks = {"hanging": hook(hanging), "refusing": search(gone.url), "healthy": hook(healthy)}
        place = Workplace(tmp_path, sinks=sinks)
        place.make_state()
        place.add_all(simulator, [organisation], page_limit=200)
        place.write()
        with place.run(environment=metrics_at(metrics_port), snapshot_seconds=1) as flow:
            wait_for(lambda: len(healthy.events) == place.count() == 1000, "the backlog in the healthy sinks", 30)
            for _ in range(2):
                organisation.append(50)
                wait_for(lambda: len(healthy.events) == place.count() == len(organisation), "new events in the healthy sinks", 10)
            waiting = [f'okta_sink_outbox_bytes{{sink="{name}"}}' for name in ("hanging", "refusing")]
            wait_for(lambda: all(scraped(metrics_port).get(name, 0) > 1_000_000 for name in waiting), "full outboxes", 10)
            assert 'okta_sink_outbox_oldest_timestamp_seconds{sink="hanging"}' in scraped(metrics_port)
            code, seconds = flow.stop()
            assert (code, seconds < 4) == (0, True), flow.output()
        # All of that while it hangs.
        assert hanging.events == []
        for name in ("hanging", "refusing"):
            assert f"sink {name}: " in flow.output().split("finishing with a last snapshot")[1]
        hanging.clear()
        gone.up()
        assert place.drain().process.returncode == 0
        judge(indexed(gone), organisation.persisted(), "acme")
    place.judge(organisation)
    assert uuids(healthy.events) == organisation.uuids()
    assert list(dict.fromkeys(uuids(hanging.events))) == organisation.uuids()
    assert [place.dead_letters(name) for name in sinks] == [[], [], []]
    assert not list((tmp_path / "data/outbox").rglob("*.ndjson"))


def test_a_stop_while_targets_hang_and_the_next_run_sends_the_rest(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=3000)
    with Simulator([organisation]) as simulator, Receiver() as receiver, FakeSearch() as server:
        sinks = {"hook": hook(receiver, "batch_events = 50"), "search": search(server.url, "batch_events = 50")}
        place = Workplace(tmp_path, sinks=sinks)
        place.make_state()
        place.add_all(simulator, [organisation], page_limit=200)
        place.write()
        receiver.answer(200, times=2)
        receiver.hang()
        server.hang()
        with place.run() as flow:
            receiver.wait_for(lambda seen: any(request.status is None for request in seen.requests))
            server.wait_for(lambda seen: any(request.status is None for request in seen.sent_to("/_bulk")))
            code, seconds = flow.stop(signal.SIGTERM)
        assert (code, seconds < 4) == (0, True), flow.output()
        assert [place.dead_letters(name) for name in sinks] == [[], []]
        assert len(receiver.events) == 100
        receiver.clear()
        server.clear()
        assert place.drain().process.returncode == 0
    place.judge(organisation)
    judge(indexed(server), organisation.persisted(), "acme")
    assert list(dict.fromkeys(uuids(receiver.events))) == organisation.uuids()
    assert [place.dead_letters(name) for name in sinks] == [[], []]


def test_a_run_until_drained_waits_for_its_outbox_and_says_what_is_left(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=200)
    with Simulator([organisation]) as simulator, Receiver() as receiver:
        place = Workplace(tmp_path, sinks={"hook": hook(receiver)})
        place.make_state()
        place.add_all(simulator, [organisation])
        place.write()
        receiver.answer(503, b"under repair", times=3)
        assert place.drain().process.returncode == 0
        assert uuids(receiver.events) == organisation.uuids()
        organisation.append(20)
        receiver.down()
        # A minute passes at once.
        environment = {"PYTHONPATH": os.pathsep.join([str(hurried(tmp_path)), os.environ.get("PYTHONPATH", "")])}
        with place.run(until_drained=True, environment=environment) as flow:
            assert flow.wait() == 1, flow.output()
        assert re.search(r"ERROR sink hook: 0\.\d+ MB of events wait since \S+Z in \S+/hook; the next run sends them", flow.output())
        receiver.up()
        assert place.drain().process.returncode == 0
        assert uuids(receiver.events) == organisation.uuids()
    assert place.dead_letters("hook") == []


def test_a_sink_that_may_stop_the_run_does_and_the_next_one_delivers_everything(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=2000)
    environment = {"HOOK_SECRET": SIGNING_SECRET}
    with Simulator([organisation]) as simulator, Receiver() as receiver, FakeSearch() as server:
        strict = hook(receiver, 'secret_env = "HOOK_SECRET"', "batch_events = 50", "retry_for_seconds = 1", 'on_exhausted = "stop"')
        place = Workplace(tmp_path, sinks={"hook": strict, "search": search(server.url)})
        place.make_state()
        place.add_all(simulator, [organisation], page_limit=200)
        place.write()
        receiver.answer(200, times=5)
        receiver.answer(503, b"under repair", times=None)
        with place.run(until_drained=True, environment=environment) as flow:
            assert flow.wait() == 3, flow.output()
        assert f"sink 'hook' stopped the run: {receiver.url} answered 503: under repair." in flow.output()
        assert "nothing is lost" in flow.output()
        assert "Traceback" not in flow.output()
        assert place.dead_letters("hook") == []
        assert len(receiver.events) == 250
        receiver.clear()
        with place.run(until_drained=True, environment=environment) as flow:
            assert flow.wait() == 0, flow.output()
    place.judge(organisation)
    judge(indexed(server), organisation.persisted(), "acme")
    assert_signed(receiver.requests)
    assert_in_order(receiver.events, organisation)
    assert place.dead_letters("hook") == []


def test_dead_letters_that_cannot_be_written_stop_the_run_and_nothing_is_lost(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=1000)
    poison = organisation.uuids()[410]
    with Simulator([organisation]) as simulator, Receiver(poison=lambda event: event["uuid"] == poison) as receiver:
        place = Workplace(tmp_path, sink="", sinks={"hook": hook(receiver, "batch_events = 50")})
        place.make_state()
        place.add_all(simulator, [organisation], page_limit=100)
        place.write()
        (tmp_path / "dead").mkdir()
        (tmp_path / "dead/hook").write_text("in the way")
        with place.run(until_drained=True) as flow:
            assert flow.wait() == 3, flow.output()
        assert "sink 'hook' stopped the run: it can't write the events to" in flow.output()
        assert "a part of the path is a file" in flow.output()
        assert "Traceback" not in flow.output()
        (tmp_path / "dead/hook").unlink()
        again = place.drain()
        assert again.process.returncode == 1, again.output()  # not everything arrived: one event is a dead letter
        assert lost(place, "hook") == [poison]
        receiver.poison = None
        assert place.replay().returncode == 0
    assert set(uuids(receiver.events)) == set(organisation.uuids())
    assert place.dead_letters("hook") == []


def test_an_outbox_that_cannot_be_written_stops_the_run_and_nothing_is_lost(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=1000)
    with Simulator([organisation]) as simulator, Receiver() as receiver:
        receiver.down()
        place = Workplace(tmp_path, sink="", sinks={"hook": hook(receiver, "batch_events = 50")})
        place.make_state()
        place.add_all(simulator, [organisation], page_limit=100)
        place.write()
        # A file size limit refuses a write half-way, as a full disk does.
        with place.run(until_drained=True, file_limit_bytes=700_000) as flow:
            assert flow.wait() == 3, flow.output()
        assert "sink 'hook' stopped the run: it can't write the events to" in flow.output()
        assert "the file may not grow any further" in flow.output()
        assert "Traceback" not in flow.output()
        receiver.up()
        assert place.drain().process.returncode == 0
    assert uuids(receiver.events) == organisation.uuids()
    assert place.dead_letters("hook") == []


def test_metrics_of_deliveries_retries_and_refusals(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=600)
    poison, known, odd = (organisation.uuids()[number] for number in (110, 250, 350))
    (port,) = free_ports(1)
    with Simulator([organisation]) as simulator, Receiver(poison=lambda event: event["uuid"] == poison) as receiver, FakeSearch() as server:
        receiver.answer(503, times=2)
        server.answer(429)
        server.indices["okta"] = {known: b"{}"}
        server.verdict = lambda event: ItemError(400, "mapper_parsing_exception") if odd.encode() in event else None
        sinks = {"hook": hook(receiver, "batch_events = 100"), "search": search(server.url, 'event_types = ["*"]')}
        place = Workplace(tmp_path, sinks={**sinks, "nothing": hook(receiver, 'event_types = ["no.such"]')})
        place.make_state()
        place.add_all(simulator, [organisation], page_limit=100)
        place.write()
        with place.run(environment=metrics_at(port)) as flow:
            wait_for(lambda: len(receiver.events) >= 599 and len(server.documents()) >= 599, "the deliveries", 30)
            wait_for(
                lambda: scraped(port).get('okta_sink_events_total{result="delivered",sink="search",tenant="acme"}') == 598, "metrics", 10
            )
            wait_for(
                lambda: scraped(port).get('okta_sink_events_total{result="dead_letter",sink="hook",tenant="acme"}') == 1, "metrics", 10
            )
            metrics = scrape(port)
            assert flow.stop()[0] == 0, flow.output()
    assert_counted(metrics, "okta_sink_events_total", {
        'result="delivered",sink="archive",tenant="acme"': 600,
        'result="delivered",sink="hook",tenant="acme"': 599,
        'result="dead_letter",sink="hook",tenant="acme"': 1,
        'result="delivered",sink="search",tenant="acme"': 598,
        'result="duplicate",sink="search",tenant="acme"': 1,
        'result="dead_letter",sink="search",tenant="acme"': 1,
    })  # fmt: skip
    assert_counted(metrics, "okta_sink_filtered_total", {'sink="nothing",tenant="acme"': 600})
    retries = metrics.pop('okta_sink_retries_total{sink="hook"}')
    assert retries > 2, "two answers of 503, and what it takes to find out which event of a batch is refused"
    assert_counted(metrics, "okta_sink_retries_total", {'sink="archive"': 0, 'sink="nothing"': 0, 'sink="search"': 1})
    assert_counted(metrics, "okta_delivery_latency_seconds_count", {'sink="archive"': 600, 'sink="hook"': 599, 'sink="search"': 598})
    assert_counted(metrics, "okta_sink_breakers_open", {'sink="hook"': 0, 'sink="search"': 0})
    assert_counted(metrics, "okta_sink_outbox_bytes", {'sink="hook"': 0, 'sink="search"': 0})
    assert_counted(metrics, "okta_sink_outbox_oldest_timestamp_seconds", {})
    batches = {
        name: [metrics[f'okta_sink_batches_total{{result="{result}",sink="{name}"}}'] for result in ("delivered", "failed")]
        for name in sinks
    }
    assert batches["hook"][1] == retries
    assert batches["search"][1] == 1
    for name in sinks:
        assert metrics[f'okta_sink_write_duration_seconds_count{{sink="{name}"}}'] == sum(batches[name])
        assert metrics[f'okta_sink_write_duration_seconds_sum{{sink="{name}"}}'] > 0
        assert metrics[f'okta_delivery_latency_seconds_sum{{sink="{name}"}}'] > 0
    delivered = {name: value for name, value in metrics.items() if name.startswith("okta_errors_total") and 'stage="deliver"' in name}
    # On a busy machine an answer may come too late once; it is asked for again.
    late = delivered.pop('okta_errors_total{error_type="timeout",stage="deliver",tenant="acme"}', 0)
    assert delivered.pop('okta_errors_total{error_type="bad_request",stage="deliver",tenant="acme"}') == retries - 2 - late
    assert delivered == {
        'okta_errors_total{error_type="server",stage="deliver",tenant="acme"}': 2,
        'okta_errors_total{error_type="rate_limited",stage="deliver",tenant="acme"}': 1,
    }


def assert_counted(metrics: dict[str, float], name: str, expected: dict[str, float]) -> None:
    """All series of a metric."""
    assert {key: value for key, value in metrics.items() if key.startswith(f"{name}{{")} == {
        f"{name}{{{labels}}}": value for labels, value in expected.items()
    }
