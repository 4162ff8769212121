"""What targets and whatever stands in front of them really answer, by HTTP: no innocent dead letter, nothing lost, nobody else delayed.

`tests/unit/sinks/delivery/test_suspicion.py` has the same in a simulated time, with every length of wait.
"""

import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.sinks.kinds import HOOKS, SEARCHES, SENDERS, HookKind, for_each
from tests.conformance.sinks.pages import content, page, uuids
from tests.conformance.sinks.run import Bench, Run, eventually
from tests.unit.okta_source.wire import certificate
from tests.unit.sinks.firewall import Firewall

pytestmark = pytest.mark.timeout(60)

GUILTY = "acme-5"
PAGE = page("acme", range(12))
PAGE_FOR_PEOPLE = b"<!DOCTYPE html><html><body><h1>Request blocked</h1></body></html>"


def feed_others(bench: Bench, run: Run, until: Callable[[], bool]) -> None:
    """Events of other tenants, one after another; each arrives within a second although the guilty one is about."""
    number = 0
    ends = time.monotonic() + 40.0
    while not until():
        began = time.monotonic()
        assert began < ends, "the guilty event is never found"
        run.write(page("globex", [number]))
        run.sink.flush()
        eventually(lambda number=number: f"globex-{number}" in bench.kind.by_uuid(), "an event of another tenant")
        assert time.monotonic() - began < 5.0  # a second, on a machine that does nothing else
        number += 1


@for_each(*SENDERS)
@pytest.mark.parametrize("how", ["403-html", "502-html", "hang", "reset"])
def test_a_firewall_that_one_event_is_too_much_for(bench: Bench, how: str) -> None:
    bench.kind.firewall(GUILTY, how, PAGE_FOR_PEOPLE)
    run = bench.start(batch_events=6, request_timeout_seconds=1.0)
    run.write(PAGE)
    feed_others(bench, run, lambda: bench.lost() == [GUILTY])
    run.epoch(page("initech", range(2)))
    run.close()
    assert set(uuids(PAGE)) - {GUILTY} <= set(bench.kind.arrived())
    (letter,) = bench.letters()
    if how.endswith("-html"):
        assert "Request blocked" in letter.reason
        assert "grant" not in letter.reason.lower()
    if isinstance(bench.kind, HookKind):
        mine = [uuid for uuid in bench.kind.arrived() if uuid.startswith("acme")]
        assert list(dict.fromkeys(mine)) == [uuid for uuid in uuids(PAGE) if uuid != GUILTY]


@for_each("webhook-json")
def test_a_long_page_behind_an_event_that_hangs_takes_no_room_of_others(bench: Bench) -> None:
    bench.kind.server.firewall = Firewall(b'"acme-0"', "hang", seconds=4.0)
    run = bench.start(batch_events=1, request_timeout_seconds=50.0)
    run.write(page("acme", range(300)))
    run.write(page("globex", [0]))
    run.sink.flush()
    eventually(lambda: "globex-0" in bench.kind.by_uuid(), "an event of another tenant")
    assert (bench.kind.arrived(), bench.lost()) == (["globex-0"], [])


@for_each("webhook-json", "webhook-hec")
def test_a_firewall_that_breaks_https_off_over_one_event(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca_file, server_context = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setattr("sinks.config.targets.tls_of", lambda _config: ssl.create_default_context(cafile=ca_file))
    bench.kind.secure(server_context)
    bench.kind.firewall(GUILTY, "alert", b"")
    run = bench.start(batch_events=6)
    run.write(PAGE)
    feed_others(bench, run, lambda: bench.lost() == [GUILTY])
    run.close()
    (letter,) = bench.letters()
    assert "TLS" not in letter.reason


@for_each(*HOOKS)
def test_one_event_that_a_receiver_cannot_read_takes_none_with_it(bench: Bench) -> None:
    bench.kind.refuse(["acme-250"])
    run = bench.start(batch_events=500)
    run.epoch(page("acme", range(500)))
    run.close()
    assert bench.lost() == ["acme-250"]
    assert bench.kind.arrived() == [f"acme-{number}" for number in range(500) if number != 250]


@for_each("webhook-hec")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b'{"text":"Invalid token","code":4}'),
        (200, PAGE_FOR_PEOPLE),
        (200, b'{"text":"Server is busy","code":9}'),
        (200, b""),
        (503, b'{"text":"Server is busy","code":9}'),
    ],
)
@pytest.mark.parametrize("every", [1, 2])
def test_a_collector_that_takes_nothing_for_a_while(bench: Bench, status: int, body: bytes, every: int) -> None:
    server = bench.kind.server
    for _ in range(6):
        server.answer(status, body)
        if every == 2:
            server.answer(200, b'{"text":"Success","code":0}')
    run = bench.start(batch_events=4)
    pages = [page("acme", range(start, start + 8)) for start in range(0, 64, 8)]
    run.write(*pages)
    run.end_epoch()
    run.settle()
    run.close()
    assert bench.letters() == []
    # What a 200 that is none has "taken" is there twice: its requests arrived, and it said nothing of the events.
    assert list(dict.fromkeys(bench.kind.arrived())) == uuids(*pages)
    assert bench.count("delivered") == 64


@for_each("webhook-json")
def test_a_receiver_whose_clock_is_far_off_refuses_for_a_while(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    far = {"Date": "Fri, 01 May 2020 09:30:00 GMT"}
    bench.kind.server.answer(400, b'{"message":"timestamp too old"}', far, times=8)
    run = bench.start(batch_events=4)
    run.epoch(page("acme", range(8)), page("globex", range(8)))
    run.close()
    assert bench.letters() == []
    assert bench.kind.by_uuid() == content(page("acme", range(8)), page("globex", range(8)))
    assert caplog.text.count("behind this machine's: set both by NTP.") == 1


@for_each(*SENDERS)
@pytest.mark.parametrize(("status", "seconds"), [(429, "90"), (503, "3600"), (429, "0")])
def test_a_rest_that_a_target_asks_for_ends_in_a_minute(bench: Bench, status: int, seconds: str) -> None:
    run = bench.start(request_timeout_seconds=300)
    run.epoch(page("globex", [0]))
    before = bench.value("okta_sink_retries_total")
    bench.kind.server.answer(status, b"", {"Retry-After": seconds})
    run.write(PAGE)
    run.sink.flush()
    eventually(lambda: bench.value("okta_sink_retries_total") > before, "the answer")
    bench.jump(61.0, when=lambda: True)
    run.epoch(page("globex", [1]))
    run.close()
    assert bench.letters() == []
    assert bench.kind.by_uuid() == content(PAGE, page("globex", [0, 1]))


@for_each("webhook-json")
def test_a_207_is_read_part_by_part(bench: Bench) -> None:
    told = {"items": [{"status": 201}, {"status": 422}, {"status": 201}]}
    bench.kind.server.answer(207, json.dumps(told).encode())
    run = bench.start(batch_events=3)
    run.epoch(page("acme", range(3)))
    run.close()
    assert (bench.lost(), bench.count("delivered")) == (["acme-1"], 2)


@for_each(*SEARCHES)
def test_events_that_an_ingest_pipeline_drops_are_neither_delivered_nor_letters(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.kind.server.drops = lambda event: b'"acme-1"' in event
    run = bench.start()
    run.epoch(page("acme", range(3)))
    run.epoch(page("acme", range(3, 6)))
    run.close()
    assert bench.kind.by_uuid() == content(page("acme", (0, 2, 3, 4, 5)))
    assert (bench.count("delivered"), bench.count("dropped"), bench.letters()) == (5, 1, [])
    assert caplog.text.count("doesn't keep them (noop)") == 1


@for_each("webhook-json")
def test_a_connection_that_was_idle_for_long_is_not_used_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench.start()
    run.epoch(page("acme", [0]))
    monkeypatch.setattr("sinks.http.connections.LONGEST_IDLE_SECONDS", -1.0)
    before = bench.kind.server.connections
    run.epoch(page("acme", [1]))
    assert bench.kind.server.connections == before + 1
    monkeypatch.setattr("sinks.http.connections.LONGEST_IDLE_SECONDS", 60.0)
    run.epoch(page("acme", [2]))
    assert bench.kind.server.connections == before + 1
    run.close()
