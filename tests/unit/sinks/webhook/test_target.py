import base64
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import pytest
import urllib3.exceptions

from sinks.delivery.batch import Batch
from sinks.delivery.target import Outcome
from sinks.documents import Documents
from sinks.errors import SecretUnavailable
from sinks.http.client import HttpClient, NoAnswer
from sinks.webhook import HecFields, WebhookTarget
from sinks.webhook.signature import message_id
from tests.unit.garbage import leaves_none_of
from tests.unit.okta_source.wire import certificate
from tests.unit.sinks.receiver import Receiver

PATIENCE = 10.0
"""The time-out where an answer is expected: never waited out."""
TOKEN = "tOkEn-0123456789"
SECRET = "whsec_" + base64.b64encode(b"kEy-0123456789-0123456789").decode()


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(connections=2, tls=None, user_agent="bytewax-okta/test")
    yield client
    client.close()


@pytest.fixture
def make_target(http) -> Callable[..., WebhookTarget]:
    def make(url: str, encoding="json", headers: Mapping[str, str] | Callable = MappingProxyType({}), **details) -> WebhookTarget:
        return WebhookTarget(url, encoding, http=http, headers=headers if callable(headers) else lambda: headers, **details)

    return make


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def test_what_splunks_200_means_is_said_once(make_target, caplog):
    caplog.set_level("INFO")
    splunk = make_target("https://splunk.example.com:8088/services/collector/event", "hec")
    assert [splunk.prepare(1), splunk.prepare(1), make_target("https://hooks.example.com/x").prepare(1)] == [None] * 3
    assert caplog.text.count("200 means received, not indexed: indexer acknowledgement is not asked for") == 1


def test_a_batch_is_one_post_with_its_headers(receiver, make_target, make_batch):
    target = make_target(receiver.url, headers={"X-Source": "okta", "Authorization": f"Bearer {TOKEN}"})
    batch = make_batch("1", "2")
    assert target.prepare(PATIENCE) is None
    assert target.scopes(batch) is None
    assert target.send(batch, PATIENCE) == Outcome(delivered=range(2))
    (request,) = receiver.requests
    assert [event["uuid"] for event in request.events] == ["1", "2"]
    sent = {name: request.headers.get(name) for name in ("content-type", "x-source", "authorization", "user-agent", "webhook-id")}
    assert sent == {
        "content-type": "application/json",
        "x-source": "okta",
        "authorization": f"Bearer {TOKEN}",
        "user-agent": "bytewax-okta/test",
        "webhook-id": message_id(batch),
    }


@pytest.mark.parametrize(
    ("encoding", "content_type"), [("json", "application/json"), ("ndjson", "application/x-ndjson"), ("hec", "application/json")]
)
def test_every_encoding_has_its_content_type(receiver, make_target, make_batch, encoding, content_type):
    target = make_target(receiver.url, encoding, hec=HecFields(index="security"))
    assert target.send(make_batch("1", "2"), PATIENCE).delivered
    (request,) = receiver.requests
    assert request.headers["content-type"] == content_type
    assert [event["uuid"] for event in request.events] == ["1", "2"]
    assert [envelope["index"] for envelope in request.envelopes] == (["security"] * 2 if encoding == "hec" else [])


def test_without_a_secret_nothing_is_signed(receiver, make_target, make_batch):
    make_target(receiver.url).send(make_batch("1"), PATIENCE)
    assert [name for name in receiver.requests[0].headers if name.startswith("webhook-")] == ["webhook-id"]


def test_a_signature_is_made_anew_for_each_sending_of_the_same_id(receiver, make_target, make_batch):
    moments = iter([1000.9, 1000.9, 2000.1, 2000.1])
    target = make_target(receiver.url, signing_secret=lambda: SECRET, clock=lambda: next(moments))
    for _ in range(2):
        target.send(make_batch("1"), PATIENCE)
    first, second = [request.headers for request in receiver.requests]
    assert first["webhook-id"] == second["webhook-id"]
    assert [first["webhook-timestamp"], second["webhook-timestamp"]] == ["1000", "2000"]
    assert first["webhook-signature"] != second["webhook-signature"]


def test_a_configured_header_replaces_the_content_type_but_not_the_id(receiver, make_target, make_batch):
    target = make_target(receiver.url, headers={"content-type": "application/json; charset=utf-8", "Webhook-Id": "mine"})
    target.send(make_batch("1"), PATIENCE)
    headers = receiver.requests[0].headers
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["webhook-id"].startswith("msg_")


def test_headers_and_secret_are_looked_up_for_each_request(receiver, make_target, make_batch):
    tokens, secrets = iter(["first", "second"]), iter([SECRET, base64.b64encode(b"another").decode()])
    headers = {"headers": lambda: {"Authorization": next(tokens)}, "signing_secret": lambda: next(secrets)}
    target = make_target(receiver.url, **headers, clock=lambda: 1000.0)
    for _ in range(2):
        target.send(make_batch("1"), PATIENCE)
    first, second = [request.headers for request in receiver.requests]
    assert [first["authorization"], second["authorization"]] == ["first", "second"]
    assert first["webhook-signature"] != second["webhook-signature"]


# What goes wrong


def unavailable() -> Mapping[str, str]:
    message = "file /run/secrets/token cannot be read: Permission denied"
    raise SecretUnavailable(message)


@pytest.mark.parametrize("which", ["headers", "signing_secret"])
def test_a_secret_that_cannot_be_read_is_tried_again(receiver, make_target, make_batch, which):
    target = make_target(receiver.url, **{which: unavailable})
    (again,) = target.send(make_batch("1", "2"), PATIENCE).again
    assert (list(again.positions), again.error_type, again.status) == ([0, 1], "auth", None)
    assert "file /run/secrets/token cannot be read" in again.reason
    assert receiver.requests == []


def test_a_secret_that_is_none_is_tried_again_unseen(receiver, make_target, make_batch):
    target = make_target(receiver.url, signing_secret=lambda: "no such s3cret")
    (again,) = target.send(make_batch("1"), PATIENCE).again
    assert again.error_type == "auth"
    assert "openssl rand -base64 32" in again.reason
    assert "s3cret" not in again.reason + again.fix
    assert receiver.requests == []


def test_a_header_that_cannot_be_sent_is_tried_again_unseen(receiver, make_target, make_batch):
    for value in ("Bearer s3cret\nX: y", " s3cret", "s3cret\u2028"):
        (again,) = make_target(receiver.url, headers={"Authorization": value}).send(make_batch("1"), PATIENCE).again
        assert "s3cret" not in again.reason + again.fix
    assert receiver.events == []


def test_nobody_listens(receiver, make_target, make_batch):
    receiver.down()
    (again,) = make_target(receiver.url).send(make_batch("1", "2"), PATIENCE).again
    assert (list(again.positions), again.error_type, again.status) == ([0, 1], "connection", None)
    assert again.fix


@pytest.mark.parametrize("taken", [False, True])
def test_a_connection_is_reset(receiver, make_target, make_batch, taken):
    receiver.reset(taken=taken)
    target, batch = make_target(receiver.url), make_batch(*map(str, range(2000)))
    (again,) = target.send(batch, PATIENCE).again
    assert again.error_type == "connection"
    assert target.send(batch, PATIENCE).delivered
    # At least once: what was taken before the reset comes again, under the same id.
    assert [len(request.events) for request in receiver.requests] == [2000] * (1 + taken)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def test_a_receiver_hangs(receiver, make_target, make_batch):
    receiver.hang()
    (again,) = make_target(receiver.url).send(make_batch("1"), 0.2).again
    assert again.error_type == "timeout"


@pytest.mark.parametrize(
    ("trouble", "error_type"), [(Receiver.down, "connection"), (Receiver.reset, "connection"), (Receiver.hang, "timeout")]
)
def test_a_failure_leaves_nothing_for_the_garbage_collector(receiver, make_target, make_batch, trouble, error_type):
    trouble(receiver)
    target, batch = make_target(receiver.url), make_batch("1")
    with leaves_none_of(urllib3.exceptions.HTTPError):
        assert [again.error_type for again in target.send(batch, 0.5).again] == [error_type]


def test_a_host_that_does_not_resolve(make_target, make_batch, monkeypatch):
    def no_such_host(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    (again,) = make_target("http://receiver.invalid/").send(make_batch("1"), PATIENCE).again
    assert again.error_type == "dns"


def test_a_receiver_whose_certificate_nobody_signed(tmp_path, make_target, make_batch):
    _, context = certificate(tmp_path, "127.0.0.1")
    with Receiver(tls=context) as receiver:
        (again,) = make_target(receiver.url).send(make_batch("1"), PATIENCE).again
        assert again.error_type == "tls"
        assert receiver.requests == []


def test_a_redirect_is_not_followed(receiver, make_target, make_batch):
    for location in (receiver.url, "http://[no.url"):
        receiver.answer(307, b"moved", headers={"Location": location})
        outcome = make_target(receiver.url).send(make_batch("1", "2"), PATIENCE)
        (again,) = outcome.again
        assert (list(again.positions), again.status) == ([0, 1], 307)
        assert "answered 307: moved." in again.reason
        assert "Redirects are not followed" in again.fix
    assert len(receiver.requests) == 2


def test_retry_after_reaches_the_delivery(receiver, make_target, make_batch):
    receiver.answer(429, headers={"Retry-After": "7"})
    (again,) = make_target(receiver.url).send(make_batch("1"), PATIENCE).again
    assert (again.after_seconds, again.error_type) == (7.0, "rate_limited")


def test_splunk_refuses_one_event(make_target, make_batch):
    with Receiver(poison=lambda event: event["uuid"] == "2") as receiver:
        outcome = make_target(receiver.url, "hec").send(make_batch("1", "2", "3"), PATIENCE)
        assert [refused.position for refused in outcome.refused] == [1]
        assert [again.positions for again in outcome.again] == [[0, 2]]
        whole = make_target(receiver.url).send(make_batch("1", "2", "3"), PATIENCE).split
        assert whole is not None
        assert whole.reason.endswith("answered 400: poison.")
        assert receiver.events == []


def test_an_event_that_is_not_utf8_is_sought_out_without_a_request(receiver, make_target, make_part):
    page = make_part("acme", "1", "2")
    batch = Batch((Documents("acme", page.heads, page.prefixes, [page.bodies[0], b'"x":"\xff"}']),))
    outcome = make_target(receiver.url).send(batch, PATIENCE)
    assert outcome.split is not None
    assert "not UTF-8" in outcome.split.reason
    assert (outcome.too_large, outcome.unsendable) == (False, True)
    assert receiver.requests == []


@pytest.mark.parametrize(("signs", "status"), [(True, 400), (True, 401), (False, 400)])
def test_a_receiver_whose_clock_is_far_from_ours(receiver, make_target, make_batch, caplog, signs, status):
    target = make_target(receiver.url, signing_secret=(lambda: SECRET) if signs else None, clock=lambda: time.time() - 400)
    receiver.answer(status, b'{"message": "timestamp too old"}', times=2)
    for _ in range(2):
        outcome = target.send(make_batch("1"), PATIENCE)
    said = outcome.split.reason if outcome.split else outcome.again[0].fix
    assert ("s ahead of this machine's" in said) == signs
    assert caplog.text.count("s ahead of this machine's: set both by NTP.") == 1
    caplog.clear()
    assert target.send(make_batch("1"), PATIENCE).delivered
    assert caplog.text == ""


def test_of_two_receivers_behind_one_name_only_the_one_whose_clock_is_wrong_is_excused(receiver, make_target, make_batch, caplog):
    target = make_target(receiver.url, signing_secret=lambda: SECRET)
    far = {"Date": "Fri, 01 May 2020 09:30:00 GMT"}
    for _ in range(3):
        receiver.answer(400, b'{"message": "timestamp too old"}', far)
        assert target.send(make_batch("1"), PATIENCE).again[0].blame == "target"
        receiver.answer(400, b'{"message": "unreadable"}')
        assert target.send(make_batch("1"), PATIENCE).split
    assert [record.getMessage().endswith("set both by NTP.") for record in caplog.records] == [True]


def test_what_blames_nobody_and_what_might(receiver, make_target, make_batch):
    target = make_target(receiver.url)
    receiver.reset()
    receiver.hang(times=1)
    assert [target.send(make_batch("1"), 0.3).again[0].blame for _ in range(2)] == ["doubtful", "doubtful"]
    receiver.down()
    assert target.send(make_batch("1"), PATIENCE).again[0].blame == "target"


# What must not be seen


def test_an_address_has_no_credentials_and_no_query(make_target):
    target = make_target("https://user:s3cret@siem.example.com:8443/in?token=s3cret#s3cret")
    assert target.address == "https://siem.example.com:8443/in"


def texts_of(outcome: Outcome) -> str:
    refused = [refused.reason for refused in (*outcome.refused, *([outcome.split] if outcome.split else []))]
    return "\n".join([*refused, *(again.reason + again.fix for again in outcome.again), repr(outcome)])


@pytest.mark.parametrize("status", [302, 400, 401, 403, 413, 429, 503])
def test_what_the_receiver_repeats_shows_no_secret(receiver, make_target, make_batch, caplog, status):
    caplog.set_level(logging.INFO)
    url = receiver.url.replace("http://", "http://user:uRlPaSs@") + "?key=qUeRyKeY"
    target = make_target(url, headers={"Authorization": f"Splunk {TOKEN}"}, signing_secret=lambda: SECRET)
    hidden = [TOKEN, SECRET, SECRET.removeprefix("whsec_"), "uRlPaSs", "qUeRyKeY"]
    receiver.answer(status, " ".join(["you sent", *hidden]).encode(), {"Location": f"http://elsewhere/{TOKEN}?key=qUeRyKeY"})
    outcome = target.send(make_batch("1"), PATIENCE)
    seen = texts_of(outcome) + repr(target) + caplog.text
    assert "you sent ***" in seen
    assert [secret for secret in hidden if secret in seen] == []


def test_what_goes_wrong_on_the_way_shows_no_secret(receiver, make_target, make_batch):
    url = receiver.url.replace("http://", "http://user:uRlPaSs@") + "?key=qUeRyKeY"
    target = make_target(url, headers={"Authorization": f"Splunk {TOKEN}"}, signing_secret=lambda: SECRET)
    receiver.reset()
    seen = texts_of(target.send(make_batch("1"), PATIENCE))
    receiver.down()
    seen += texts_of(target.send(make_batch("1"), PATIENCE))
    seen += texts_of(make_target(url.replace(str(receiver.port), "99999")).send(make_batch("1"), PATIENCE))
    assert [secret for secret in (TOKEN, SECRET, "uRlPaSs", "qUeRyKeY") if secret in seen] == []


def test_what_the_client_says_is_masked_too(http, make_target, make_batch, monkeypatch):
    monkeypatch.setattr(http, "request", lambda *args, **kwargs: NoAnswer("connection", f"The header {TOKEN!r} is wrong.", "Fix it."))
    target = make_target("http://127.0.0.1/", headers={"Authorization": f"Splunk {TOKEN}"})
    (again,) = target.send(make_batch("1"), PATIENCE).again
    assert (again.reason, again.fix) == ("The header '***' is wrong.", "Fix it.")


def test_close_gives_the_connections_back(receiver, make_target, make_batch, monkeypatch, http):
    closed = []
    monkeypatch.setattr(http, "close", lambda: closed.append(True))
    make_target(receiver.url).close()
    assert closed == [True]
    monkeypatch.undo()
