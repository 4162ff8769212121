"""Trap 26: slow answers are waited for, answers that never come or never end are given up and asked for again."""

import signal
import socket
import time
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Scripted, Simulator
from tests.e2e.harness import Workplace, wait_for
from tests.e2e.traps.rig import ByHand, drain, quick_backoff, series, tenant, uuids, workplace, workplace_settings
from tests.unit.okta_source.wire import serving

TIMEOUT_SECONDS = 0.3


@pytest.mark.slow
def test_trap_26_an_answer_that_takes_longer_than_other_collectors_wait(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=15)
    organisation.script(Scripted(fallthrough=True, delay_seconds=6.0))
    with Simulator([organisation]) as sim:
        place = Workplace(tmp_path)
        place.add("acme", sim.url("acme"), organisation.token)
        place.entries[0] = place.entries[0].replace("request_timeout_seconds = 2\n", "")
        place.write()
        # Okta itself gives a query 30 s.
        assert workplace_settings(place)[0].request_timeout_seconds == 35.0
        with ByHand(workplace_settings(place)[0]) as source:
            assert uuids(source.settle()) == organisation.uuids()
    assert [request.events for request in organisation.requests] == [15, 0]


TROUBLES = {
    "nothing": (Scripted(delay_seconds=30.0), "timeout"),
    "half a body": (Scripted(fallthrough=True, stall_after_bytes=500), "timeout"),
    "headers only": (Scripted(fallthrough=True, stall_after_bytes=0), "timeout"),
    "cut": (Scripted(fallthrough=True, close_after_bytes=500), None),
    "reset in mid-body": (Scripted(fallthrough=True, close_after_bytes=500, reset=True), None),
    "reset": (Scripted(reset=True), "connection"),
    "500 E0000009": (Scripted(status=500), "server"),
    "500 E0000053": (Scripted(status=500, body=b'{"errorCode":"E0000053","errorSummary":"Sorry"}'), "server"),
    "504": (Scripted(status=504, body=b""), "server"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trap_26_what_broke_off_is_asked_for_again_with_the_same_cursor(tmp_path: Path, name: str) -> None:
    trouble, error_type = TROUBLES[name]
    organisation = Organisation("acme", events=45)
    organisation.script(Scripted(fallthrough=True), trouble)
    stage = "fetch"
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=10, request_timeout_seconds=TIMEOUT_SECONDS)
        before = series("okta_errors_total", tenant="acme", error_type=error_type or "", stage=stage)
        started = time.monotonic()
        with ByHand(acme) as source:
            received = uuids(source.settle())
            assert received == organisation.uuids()[:10]
            assert time.monotonic() - started < 10.0, "the source was held"
            source.clock.advance(0.9)
            assert source.settle() == []
            source.clock.advance(1.2)
            received += uuids(source.settle())
    assert received == organisation.uuids()
    assert organisation.requests[1].target == organisation.requests[2].target
    assert organisation.requests_count == 7
    if error_type:
        assert series("okta_errors_total", tenant="acme", error_type=error_type, stage=stage) == before + 1


def trickle(connection: socket.socket, _head: bytes) -> None:
    """A body that comes byte by byte, each well within the time-out, and never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n[")
    while True:
        time.sleep(0.05)
        connection.sendall(b" ")


def test_trap_26_a_body_that_trickles_is_given_up_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(trickle) as server:
        acme = tenant(tmp_path, server.url, Organisation("acme"), request_timeout_seconds=TIMEOUT_SECONDS)
        started = time.monotonic()
        with ByHand(acme) as source, caplog.at_level("WARNING"):
            source.settle()
            assert TIMEOUT_SECONDS <= time.monotonic() - started < 5.0
            source.clock.advance(2.0)
            source.settle()
    assert server.connections == 2
    assert "did not answer completely within 0.3 s" in caplog.text


def test_trap_26_end_to_end_stalled_bodies_lose_nothing(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=200, body_form="chunked")
    organisation.script(
        *[Scripted(fallthrough=True)] * 2,
        Scripted(fallthrough=True, stall_after_bytes=2000),
        Scripted(status=500),
        Scripted(delay_seconds=20),
    )
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20, request_timeout_seconds=TIMEOUT_SECONDS)
        with quick_backoff():
            assert drain(place) == {}
    assert len({request.target for request in organisation.requests[2:6]}) == 1
    place.judge(organisation)


def test_trap_26_a_stalled_body_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=100)
    organisation.script(Scripted(fallthrough=True), *[Scripted(fallthrough=True, stall_after_bytes=300)] * 3)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20, request_timeout_seconds=60)
        place.make_state()
        with place.run(snapshot_seconds=3600) as flow:
            wait_for(lambda: organisation.requests_count == 2, "the request that stalls")
            code, seconds = flow.stop(signal.SIGTERM)
            assert code == 0, flow.output()
            assert seconds < 10.0, "contract: 2 s; Vector took 60"
        first = len(place.lines("acme"))
        assert first == 20
        organisation._scripts.clear()
        before = organisation.requests_count
        drain(place)
    assert organisation.requests[before].target == organisation.requests[1].target
    place.judge(organisation)
