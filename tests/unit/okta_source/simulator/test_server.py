"""The server itself: ports, restarts, outages, and requests that are no HTTP."""

import socket
import threading

import pytest
import requests

from okta_source.simulator import Organisation, Simulator
from okta_source.simulator.protocol import parse_head


def get(simulator: Simulator, name: str) -> int:
    headers = {"Authorization": f"SSWS {simulator[name].token}", "Connection": "close"}
    return requests.get(simulator.url(name) + "/api/v1/logs", headers=headers, timeout=10).status_code


def test_many_organisations_each_on_a_port_of_its_own() -> None:
    organisations = [Organisation(f"tenant-{number}", events=2) for number in range(50)]
    with Simulator(organisations) as simulator:
        assert len({simulator.url(organisation.name) for organisation in simulator}) == 50
        assert {get(simulator, organisation.name) for organisation in organisations} == {200}


def test_the_thread_ends_with_the_context_and_ports_are_kept() -> None:
    simulator = Simulator([Organisation("acme", events=2)])
    with simulator:
        url = simulator.url("acme")
        assert get(simulator, "acme") == 200
    assert "okta-simulator" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(requests.ConnectionError):
        get(simulator, "acme")
    with simulator:
        assert simulator.url("acme") == url
        assert get(simulator, "acme") == 200
    simulator.stop()


def test_an_outage_of_one_organisation_leaves_the_other_alone() -> None:
    with Simulator([Organisation("acme", events=2), Organisation("globex", events=2)]) as simulator:
        simulator.down("acme")
        with pytest.raises(requests.ConnectionError):
            get(simulator, "acme")
        assert get(simulator, "globex") == 200
        simulator.up("acme")
        assert get(simulator, "acme") == 200


def test_names_must_differ_and_a_taken_port_is_told() -> None:
    with pytest.raises(ValueError, match="same name"):
        Simulator([Organisation("acme"), Organisation("acme")])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        simulator = Simulator([Organisation("acme")], port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            simulator.start()
    with pytest.raises(RuntimeError, match="isn't running"):
        simulator.down("acme")


def exchange(simulator: Simulator, data: bytes) -> bytes:
    port = int(simulator.url("acme").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connected:
        connected.sendall(data)
        connected.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connected.recv(65_536):
            received += piece
    return received


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"x" * 70_000])
def test_what_is_no_http_gets_a_400(data: bytes) -> None:
    with Simulator([Organisation("acme")]) as simulator:
        assert exchange(simulator, data).startswith(b"HTTP/1.1 400")


def test_requests_sent_together_are_answered_in_order() -> None:
    head = b"GET /%s HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /c HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    organisation = Organisation("acme")
    with Simulator([organisation]) as simulator:
        received = exchange(simulator, head % b"a" + head % b"b" + last)
    assert received.count(b"HTTP/1.1 404") == 3
    assert received.count(b"connection: close") == 1
    assert [record.target for record in organisation.requests] == ["/a", "/b", "/c"]


def test_a_request_head_is_read_byte_for_byte() -> None:
    request = parse_head(b"GET /p?after=a%2Bb%2Fc%3D&x HTTP/1.1\r\nHost: h:1\r\nX-A:  b \r\nx-a: c", "https")
    assert request is not None
    assert (request.path, request.query) == ("/p", {"after": "a%2Bb%2Fc%3D", "x": ""})
    assert (request.headers["x-a"], request.base_url) == ("b, c", "https://h:1")
