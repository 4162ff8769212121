"""Svix's own implementation of Standard Webhooks judges what the webhook target sends, as a receiver would: by the bytes that arrived."""

import base64
import contextlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import svix.webhooks

from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.http.client import HttpClient
from sinks.webhook import WebhookTarget
from tests.unit.sinks.receiver import Receiver, Request

PATIENCE = 10.0
SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(1, 25))).decode()
ENCODINGS = ["json", "ndjson", "hec"]


@dataclass(frozen=True)
class Head:
    uuid: str
    published: datetime = datetime(2026, 5, 1, tzinfo=UTC)
    event_type: str = "user.session.start"


def batch(*uuids: str, ingested_at: str = "2026-05-01T00:00:01.000Z") -> Batch:
    prefix = f'{{"_okta_org":"acme.okta.com","_okta_ingested_at":"{ingested_at}",'.encode()
    bodies = [f'"uuid":"{uuid}","actor":{{"displayName":"Zoë 🔐 \u2028"}}}}'.encode() for uuid in uuids]
    return Batch((Documents("acme", [Head(uuid) for uuid in uuids], [prefix] * len(uuids), bodies),))


def verify(request: Request, secret: str = SECRET, body: bytes | None = None) -> None:
    """Raises unless the signature is right."""
    # It parses what it has verified, which fails for several documents: then the signature was right.
    with contextlib.suppress(json.JSONDecodeError):
        svix.webhooks.Webhook(secret).verify(request.body if body is None else body, dict(request.headers))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@contextlib.contextmanager
def target(receiver: Receiver, encoding: str, secret: str = SECRET) -> Iterator[WebhookTarget]:
    http = HttpClient(connections=1, tls=None, user_agent="test")
    made = WebhookTarget(receiver.url, encoding, http=http, headers=dict, signing_secret=lambda: secret)
    yield made
    made.close()


def test_the_judge_has_code_of_its_own() -> None:
    # Later releases only call the library that signs here.
    assert "standardwebhooks" not in inspect.getsource(svix.webhooks)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_signature_is_verified(receiver: Receiver, encoding: str) -> None:
    with target(receiver, encoding) as sender:
        for uuids in (["1"], ["2", "3"], [str(number) for number in range(4, 504)]):
            assert sender.send(batch(*uuids), PATIENCE).delivered
    assert len(receiver.requests) == 3
    for request in receiver.requests:
        verify(request)
    assert [event["uuid"] for event in receiver.events] == [str(number) for number in range(1, 504)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_nothing_else_is_verified(receiver: Receiver, encoding: str) -> None:
    with target(receiver, encoding) as sender:
        sender.send(batch("1", "2"), PATIENCE)
    (request,) = receiver.requests
    for body in (request.body.replace(b'"uuid":"1"', b'"uuid":"7"'), request.body + b" ", request.body[:-1], b""):
        assert body != request.body
        with pytest.raises(svix.webhooks.WebhookVerificationError):
            verify(request, body=body)
    with pytest.raises(svix.webhooks.WebhookVerificationError):
        verify(request, OTHER_SECRET)


def test_a_batch_is_known_again_after_failures_and_a_restart(receiver: Receiver) -> None:
    receiver.answer(503)
    receiver.reset(taken=True)
    with target(receiver, "json") as sender:
        assert sender.send(batch("1", "2"), PATIENCE).again
        assert sender.send(batch("1", "2"), PATIENCE).again
    with target(receiver, "json") as sender:  # which fetched the events again, at another time
        assert sender.send(batch("1", "2", ingested_at="2026-05-01T00:07:00.000Z"), PATIENCE).delivered
        assert sender.send(batch("1", "3"), PATIENCE).delivered
    for request in receiver.requests:
        verify(request)
    first, second, third, other = [request.headers["webhook-id"] for request in receiver.requests]
    assert first == second == third != other
    once = {request.headers["webhook-id"]: request.events for request in receiver.requests if request.taken}
    assert [[event["uuid"] for event in events] for events in once.values()] == [["1", "2"], ["1", "3"]]


def test_a_secret_is_exchanged_without_a_restart(receiver: Receiver) -> None:
    secrets = iter([SECRET, OTHER_SECRET])
    http = HttpClient(connections=1, tls=None, user_agent="test")
    sender = WebhookTarget(receiver.url, "json", http=http, headers=dict, signing_secret=lambda: next(secrets))
    sender.send(batch("1"), PATIENCE)
    sender.send(batch("1"), PATIENCE)
    sender.close()
    first, second = receiver.requests
    verify(first)
    verify(second, OTHER_SECRET)
    with pytest.raises(svix.webhooks.WebhookVerificationError):
        verify(second, SECRET)
