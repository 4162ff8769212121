"""Webhook sinks that are broken, each in one way; no event is sent without --send."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.unit.flows.check.conftest import TENANT, Checked
from tests.unit.sinks.loopback import Handler, LoopbackServer

Check = Callable[..., Checked]
HEC = '\nencoding = "hec"\nheaders_env = { Authorization = "TEST_HEADER" }'


class Receiving:
    """Answers each method as it is told; remembers what came."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.answers: dict[str, tuple[int, Mapping[str, str], bytes]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.server = LoopbackServer(self, 0)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def serve(self, handler: Handler, _: LoopbackServer) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append((handler.command, handler.path, {name.lower(): value for name, value in handler.headers.items()}, body))
        handler.answer(*self.answers.get(handler.command, (200, {}, b"")))


@pytest.fixture
def receiver() -> Iterator[Receiving]:
    receiving = Receiving()
    threading.Thread(target=receiving.server.serve_forever, args=(0.01,), daemon=True).start()
    with closing(receiving.server.socket):
        yield receiving
        receiving.server.shutdown()
        receiving.server.break_connections()
    assert not receiving.errors


def table(url: str, more: str = "") -> str:
    return f'type = "webhook"\nurl = "{url}"\n{more}'


def splunk(code: int, text: str) -> bytes:
    return json.dumps({"text": text, "code": code}).encode()


def test_a_receiver_that_is_well_is_sent_no_event(check: Check, receiver: Receiving) -> None:
    found = check(table(f"{receiver.url}/ingest", '\nheaders_env = { Authorization = "TEST_HEADER" }'))
    assert found.status == 0
    found.says("authentication", "ok", "answers OPTIONS with 200")
    [(method, path, headers, body)] = receiver.requests
    assert (method, path, headers["authorization"], body) == ("OPTIONS", "/ingest", "Splunk a-token-of-the-tests", b"")


def test_a_receiver_that_is_not_known(check: Check) -> None:
    check(table("https://siem.invalid/x")).fails("dns", "siem.invalid can't be resolved", "Check the sink's url for a typing error")


def test_a_receiver_that_does_not_listen(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    check(table(f"http://127.0.0.1:{port}/x")).fails("connect", "refused the connection", "the sink's url")


@pytest.mark.parametrize(
    ("status", "headers", "detail", "fix"),
    [
        (401, {}, "answered 401", "Give the receiver's credentials"),
        (301, {"Location": "https://siem.example.com/new?key=hidden"}, "answered 301", "put the final URL (https://siem.example.com/new)"),
        (410, {}, "answered 410", "gone for good"),
        (503, {}, "answered 503", "Look at the receiver's load"),
    ],
)
def test_an_answer_that_no_event_would_get_past(
    check: Check, receiver: Receiving, status: int, headers: dict[str, str], detail: str, fix: str
) -> None:
    receiver.answers["OPTIONS"] = (status, headers, b"")
    check(table(f"{receiver.url}/ingest")).fails("authentication", detail, fix)


@pytest.mark.parametrize(("status", "verdict"), [(404, "warning"), (403, "warning"), (405, "ok"), (501, "ok"), (400, "ok")])
def test_an_answer_that_leaves_it_open(check: Check, receiver: Receiving, status: int, verdict: str) -> None:
    receiver.answers["OPTIONS"] = (status, {}, b"")
    found = check(table(f"{receiver.url}/ingest"))
    assert found.status == 0
    found.says("authentication", verdict, f"{status}")


def test_a_receiver_that_repeats_the_credential_has_it_masked(check: Check, receiver: Receiving) -> None:
    receiver.answers["OPTIONS"] = (401, {}, b'{"message": "unknown: a-token-of-the-tests \x1b[2J"}')
    found = check(table(f"{receiver.url}/ingest", '\nheaders_env = { Authorization = "TEST_HEADER" }'))
    found.fails("authentication", "unknown: ***", "headers_env")
    assert "\x1b" not in found.steps["authentication"]["detail"]


@pytest.mark.parametrize(
    ("value", "detail"),
    [("not base64!", "a signing secret is base64"), ("whsec_", "a signing secret is base64"), ("", "is not set or is empty")],
)
def test_a_signing_secret_of_a_wrong_form(
    check: Check, receiver: Receiving, monkeypatch: pytest.MonkeyPatch, value: str, detail: str
) -> None:
    monkeypatch.setenv("TEST_KEY", value)
    check(table(receiver.url, 'secret_env = "TEST_KEY"')).fails("secret", detail, "Set the variable")
    assert not receiver.requests


def test_a_header_that_can_not_be_one(check: Check, receiver: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_HEADER", "Splunk a-token\nof-two-lines")
    check(table(receiver.url, HEC)).fails("secret", "holds a line break", "Set the variable")


def test_the_question_is_signed_where_there_is_a_secret(check: Check, receiver: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    monkeypatch.setenv("TEST_KEY", secret)
    check(table(receiver.url, 'secret_env = "TEST_KEY"'))
    [(_, _, headers, body)] = receiver.requests
    Webhook(secret).verify(body.decode(), headers, json_parse=False)


def test_a_collector_that_is_well(check: Check, receiver: Receiving) -> None:
    receiver.answers["GET"] = (200, {}, splunk(17, "HEC is healthy"))
    found = check(table(f"{receiver.url}/splunk/services/collector/event", HEC))
    found.says("authentication", "ok", "healthy (code 17)")
    assert [(method, path) for method, path, _, _ in receiver.requests] == [("GET", "/splunk/services/collector/health")]


@pytest.mark.parametrize(
    ("status", "body", "detail", "fix"),
    [
        (503, splunk(18, "HEC is unhealthy, queues are full"), "queues are full", ""),
        (403, splunk(4, "Invalid token"), "Invalid token", "Give a token that this Splunk knows"),
        (403, splunk(1, "Token disabled"), "Token disabled", "Enable the token in Splunk"),
        (401, splunk(2, "Token is required"), "Token is required", "Splunk TOKEN"),
        (200, b"<html>sign in</html>", "sign in", "a page for people"),
    ],
)
def test_a_collector_that_is_not(check: Check, receiver: Receiving, status: int, body: bytes, detail: str, fix: str) -> None:
    receiver.answers["GET"] = (status, {}, body)
    check(table(f"{receiver.url}/services/collector/event", HEC)).fails("authentication", detail, fix or "Look at")


def test_a_collectors_url_that_leads_elsewhere(check: Check, receiver: Receiving) -> None:
    receiver.answers["GET"] = (200, {}, splunk(17, "HEC is healthy"))
    check(table(f"{receiver.url}/ingest", HEC)).says(
        "authentication", "warning", "doesn't lead to it", "End it in /services/collector/event"
    )


def test_a_marked_event_is_delivered_on_request(check: Check, receiver: Receiving) -> None:
    found = check(table(f"{receiver.url}/ingest"), "--send")
    assert found.status == 0
    [event] = json.loads(receiver.requests[-1][3])
    assert (event["eventType"], event["_okta_event_type"], event["_okta_tenant"]) == ("system.pipeline.test", "pipelineTest", "acme")
    found.says("send", "ok", f"the receiver took {event['uuid']}: look for uuid {event['uuid']} there")
    check(table(f"{receiver.url}/ingest"), "--send")
    assert json.loads(receiver.requests[-1][3])[0]["uuid"] != event["uuid"]


def test_what_options_leaves_open_the_event_decides(check: Check, receiver: Receiving) -> None:
    receiver.answers["OPTIONS"] = (401, {}, b"")
    found = check(table(f"{receiver.url}/ingest"), "--send")
    assert found.status == 0
    found.says("authentication", "warning", "answered 401")
    found.says("send", "ok", "the receiver took")
    receiver.answers["POST"] = (401, {}, b"")
    check(table(f"{receiver.url}/ingest"), "--send").fails("send", "answered 401", "Give the receiver's credentials")


def test_a_collector_that_refuses_the_token_only_for_an_event(check: Check, receiver: Receiving) -> None:
    receiver.answers["GET"] = (200, {}, splunk(17, "HEC is healthy"))
    receiver.answers["POST"] = (400, {}, splunk(7, "Incorrect index"))
    found = check(table(f"{receiver.url}/services/collector/event", HEC), "--send")
    found.fails("send", "Incorrect index", "Let the token write to that index")


@pytest.mark.parametrize("encoding", ["slack", "pagerduty", "json"])
def test_a_sink_of_alerts_alone_is_sent_a_marked_alert(check: Check, receiver: Receiving, encoding: str) -> None:
    more = f'kinds = ["alerts"]\nencoding = "{encoding}"\n'
    if encoding == "pagerduty":
        more += 'routing_key_env = "TEST_PASSWORD"\n'
    receiver.answers["POST"] = (202, {}, b"")
    found = check(table(f"{receiver.url}/alerts", more), "--send", rest=f"{TENANT}\n[detections]\n")
    assert found.status == 0
    sent: Any = json.loads(receiver.requests[-1][3])
    assert "nothing is to be done" in json.dumps(sent)
    found.says("send", "ok", "check-")
