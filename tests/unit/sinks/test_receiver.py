"""The receiver that other tests rely on does what is ordered."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence

import pytest

from tests.unit.okta_source.wire import certificate
from tests.unit.sinks.receiver import Receiver

PATIENCE = 10.0
JSON, NDJSON = "application/json", "application/x-ndjson"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def connection_to(receiver: Receiver) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=PATIENCE)


def post(
    receiver: Receiver, body: bytes = b'[{"n":1}]', kind: str = JSON, over: http.client.HTTPConnection | None = None
) -> tuple[int, bytes]:
    connection = over or connection_to(receiver)
    try:
        connection.request("POST", "/ingest", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        if over is None:
            connection.close()


def numbers(events: Sequence[dict[str, int]]) -> list[int]:
    return [event["n"] for event in events]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'[{"n":1},{"n":2}]', JSON),
        (b'{"n":1}\n{"n":2}\n', NDJSON),
        (b'{"event":{"n":1}}{"time":5,"event":{"n":2}}', JSON),
        (b'{"event":{"n":1}}\n {"time":5,"event":{"n":2}}\n', JSON),
    ],
)
def test_events_are_read_from_every_encoding(receiver, body, kind):
    assert post(receiver, body, kind)[0] == 200
    assert numbers(receiver.events) == [1, 2]
    assert receiver.requests[0].body == body
    assert receiver.requests[0].headers["content-type"] == kind


def test_a_body_that_is_unreadable_is_refused(receiver):
    assert post(receiver, b'[{"n":1}')[0] == 400
    assert receiver.events == []


def test_answers_come_in_the_order_in_which_they_were_ordered(receiver):
    receiver.answer(503, b"busy", {"Retry-After": "1"}, times=2)
    receiver.answer(400)
    assert [post(receiver)[0] for _ in range(4)] == [503, 503, 400, 200]
    assert [request.status for request in receiver.requests] == [503, 503, 400, 200]
    assert numbers(receiver.events) == [1]


def test_an_answer_until_cleared(receiver):
    receiver.answer(500, times=None)
    assert [post(receiver)[0] for _ in range(3)] == [500] * 3
    receiver.clear()
    assert post(receiver)[0] == 200


@pytest.mark.parametrize("taken", [False, True])
def test_a_reset(receiver, taken):
    receiver.reset(taken=taken)
    with pytest.raises(ConnectionError):
        post(receiver, b'[{"n":1}%s]' % (b" " * 1_000_000))
    assert numbers(receiver.events) == [1] * taken
    assert [request.status for request in receiver.requests] == [None] * taken
    assert post(receiver)[0] == 200


def test_what_hangs_is_answered_on_release(receiver):
    receiver.hang()
    answers: list[int] = []
    waiting = [threading.Thread(target=lambda: answers.append(post(receiver)[0])) for _ in range(3)]
    for thread in waiting:
        thread.start()
    receiver.wait_for(lambda seen: len(seen.requests) == 3)
    assert receiver.events == []
    receiver.release()
    for thread in waiting:
        thread.join()
    assert answers == [200] * 3
    assert len(receiver.events) == 3
    assert post(receiver)[0] == 200


def test_one_request_hangs_and_the_next_passes(receiver):
    receiver.hang(times=1)
    first = threading.Thread(target=post, args=(receiver, b'[{"n":1}]'))
    first.start()
    receiver.wait_for(lambda seen: len(seen.requests) == 1)
    assert post(receiver, b'[{"n":2}]')[0] == 200
    assert numbers(receiver.events) == [2]
    receiver.clear()
    first.join()
    assert numbers(receiver.events) == [1, 2]  # by arrival


def test_down_breaks_what_hangs_and_up_is_the_same_port(receiver):
    receiver.hang()
    broken: list[type] = []

    def wait() -> None:
        try:
            post(receiver)
        except OSError as error:
            broken.append(type(error))

    thread = threading.Thread(target=wait)
    thread.start()
    receiver.wait_for(lambda seen: len(seen.requests) == 1)
    url = receiver.url
    receiver.down()
    thread.join()
    assert len(broken) == 1
    with pytest.raises(ConnectionRefusedError):
        post(receiver)
    receiver.clear()
    receiver.up()
    assert receiver.url == url
    assert post(receiver)[0] == 200
    assert numbers(receiver.events) == [1]


def test_down_breaks_connections_that_are_kept(receiver):
    connection = connection_to(receiver)
    assert [post(receiver, over=connection)[0] for _ in range(2)] == [200, 200]
    receiver.down()
    connection.auto_open = 0
    with pytest.raises((OSError, http.client.HTTPException)):
        post(receiver, over=connection)
    connection.close()


def test_a_client_that_leaves_in_mid_body_has_sent_nothing(receiver):
    with socket.create_connection(("127.0.0.1", receiver.port)) as half:
        half.sendall(b'POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n[{"n":1}]')
    assert post(receiver)[0] == 200
    receiver.down()  # waits for both
    assert len(receiver.requests) == 1


def test_a_body_over_the_limit():
    with Receiver(max_body_bytes=10) as receiver:
        assert post(receiver, b'[{"n":1 }]')[0] == 200
        assert post(receiver, b'[{"n":10 }]')[0] == 413
        assert numbers(receiver.events) == [1]


def test_poison_refuses_the_whole_request():
    with Receiver(poison=lambda event: event["n"] == 2) as receiver:
        assert post(receiver, b'[{"n":1},{"n":2}]') == (400, b'{"message": "poison"}')
        status, body = post(receiver, b'{"event":{"n":1}}{"event":{"n":2}}')
        assert (status, json.loads(body)["invalid-event-number"]) == (400, 1)
        assert post(receiver, b'[{"n":1}]')[0] == 200
        assert numbers(receiver.events) == [1]


def test_tls(tmp_path):
    file, context = certificate(tmp_path, "127.0.0.1")
    with Receiver(tls=context) as receiver:
        trusting = ssl.create_default_context(cafile=str(file))
        connection = http.client.HTTPSConnection("127.0.0.1", receiver.port, timeout=PATIENCE, context=trusting)
        assert post(receiver, over=connection)[0] == 200
        receiver.reset()
        with pytest.raises(OSError):
            post(receiver, over=connection)
        connection.close()
        stranger = http.client.HTTPSConnection("127.0.0.1", receiver.port, timeout=PATIENCE)
        with pytest.raises(ssl.SSLCertVerificationError):
            post(receiver, over=stranger)
        stranger.close()
        assert receiver.url.startswith("https://")


def test_a_fault_of_its_own_is_not_kept_secret():
    receiver = Receiver(poison=lambda event: event["no such member"])
    receiver.up()
    with pytest.raises((OSError, http.client.HTTPException)):
        post(receiver)
    with pytest.raises(AssertionError, match="no such member"):
        receiver.__exit__()
