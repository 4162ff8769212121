"""An organisation that delivers hooks: what its deliveries hold, what it repeats, and what it never sends."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests

from okta_source.hooks.event_types import ELIGIBLE, FEW
from okta_source.simulator import EventHook, OAuthClient, Organisation, Simulator


class Endpoint:
    """Somebody who receives: `statuses` are answered in order, then 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.echoes = True
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.bodies.append(json.loads(body))
                endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(endpoint.statuses.pop(0) if endpoint.statuses else 200)
                self.end_headers()

            def do_GET(self) -> None:
                challenge = self.headers["X-Okta-Verification-Challenge"]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"verification": challenge if endpoint.echoes else "no"}).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks/acme"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


def hook_to(endpoint: Endpoint, **keys: Any) -> EventHook:
    return EventHook(url=endpoint.url, secret="s3cret", **{"delay_seconds": 0.0, "retry_seconds": 0.05, "hook_id": "who1", **keys})


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def event_ids(endpoint: Endpoint) -> list[str]:
    return [event["uuid"] for body in endpoint.bodies for event in body["data"]["events"]]


def eligible(organisation: Organisation) -> list[str]:
    return [event["uuid"] for event in map(json.loads, organisation.persisted()) if event["eventType"] in ELIGIBLE]


def test_264_types_are_eligible_and_few_of_them_are_a_few() -> None:
    assert len(ELIGIBLE) == 264
    assert len(set(FEW) & ELIGIBLE) == 18
    assert not ELIGIBLE & {"policy.evaluate_sign_on", "user.session.access_admin_app", "zone.update", "user.authentication.verify"}


def test_eligible_events_of_now_come_in_the_hooks_form(endpoint: Endpoint) -> None:
    hook = hook_to(endpoint)
    organisation = Organisation("acme", events=50, hooks=[hook])
    with Simulator([organisation]) as simulator:
        before = set(eligible(organisation))
        organisation.append(200)
        wanted = set(eligible(organisation)) - before
        until(lambda: len(event_ids(endpoint)) == len(wanted))
        base = simulator.url("acme")
    assert set(event_ids(endpoint)) == wanted
    assert len(endpoint.bodies) < len(wanted)  # in batches
    polled = {event["uuid"]: event for event in map(json.loads, organisation.persisted())}
    for body in endpoint.bodies:
        assert (body["eventType"], body["cloudEventsVersion"], body["source"]) == (
            "com.okta.event_hook",
            "0.1",
            f"{base}/api/v1/eventHooks/who1",
        )
        for event in body["data"]["events"]:
            assert "request" not in event
            assert event["client"]["ipChain"] == (polled[event["uuid"]]["request"] or {}).get("ipChain", [])
    assert {headers["authorization"] for headers in endpoint.headers} == {"s3cret"}
    named = {uuid for uuid, event in polled.items() if event["debugContext"]["debugData"].get("targetEventHookIds") == "who1"}
    assert named == {uuid for uuid, event in polled.items() if event["eventType"] in ELIGIBLE}


def test_a_5xx_is_repeated_once_and_a_4xx_never(endpoint: Endpoint) -> None:
    hook = hook_to(endpoint, event_types={"user.session.start"})
    organisation = Organisation("acme", hooks=[hook])
    event = b'{"uuid":"u%d","published":"2026-01-01T00:00:00.000Z","eventType":"user.session.start"}'
    with Simulator([organisation]):
        endpoint.statuses = [503, 503]
        organisation.append([event % 1])
        until(lambda: len(hook.deliveries) == 2)
        endpoint.statuses = [404]
        organisation.append([event % 2])
        until(lambda: len(hook.deliveries) == 3)
        organisation.append([event % 3])
        until(lambda: len(hook.deliveries) == 4)
    assert [delivery.status for delivery in hook.deliveries] == [503, 503, 404, 200]
    assert hook.deliveries[0].delivery_id == hook.deliveries[1].delivery_id
    assert event_ids(endpoint) == ["u1", "u1", "u2", "u3"]


def test_events_are_lost_repeated_and_out_of_order_by_probability(endpoint: Endpoint) -> None:
    hook = hook_to(endpoint, loss=0.3, repeat=0.5, reorder=0.3, most_events=10)
    organisation = Organisation("acme", hooks=[hook])
    with Simulator([organisation]):
        for _ in range(10):
            organisation.append(60)
            time.sleep(0.06)
        until(lambda: len(set(event_ids(endpoint))) > 0.5 * len(eligible(organisation)))
    came = event_ids(endpoint)
    wanted = eligible(organisation)
    assert len(set(came)) < len(wanted)
    assert len(came) > len(set(came))
    places = {uuid: place for place, uuid in enumerate(wanted)}
    assert [places[uuid] for uuid in dict.fromkeys(came)] != sorted(places[uuid] for uuid in set(came))


def test_after_many_failures_it_is_quiet(endpoint: Endpoint) -> None:
    hook = hook_to(endpoint, quiet_failures=2, quiet_seconds=0.5)
    organisation = Organisation("acme", hooks=[hook])
    with Simulator([organisation]):
        endpoint.statuses = [500, 500]
        organisation.append(20)
        until(lambda: len(hook.deliveries) == 2)
        organisation.append(20)
        time.sleep(0.15)
        assert len(hook.deliveries) == 2
        until(lambda: time.time() - hook.deliveries[-1].at > 0.6)
        organisation.append(20)
        until(lambda: len(hook.deliveries) == 3)
    assert set(event_ids(endpoint)[-1:]) <= set(eligible(organisation)[-20:])


def test_eventbridge_hands_over_every_type_one_by_one(endpoint: Endpoint) -> None:
    organisation = Organisation("acme", hooks=[hook_to(endpoint, form="eventbridge")])
    with Simulator([organisation]):
        uuids = organisation.append(40)
        until(lambda: len(endpoint.bodies) == 40)
    assert sorted(body["detail"]["uuid"] for body in endpoint.bodies) == sorted(uuids)
    assert {(body["detail-type"], body["source"]) for body in endpoint.bodies} == {("SystemLog", "aws.partner/okta.com/acme/simulated")}
    assert "targetEventHookIds" not in str(endpoint.bodies)


def test_preview_sends_what_no_log_holds(endpoint: Endpoint) -> None:
    hook = hook_to(endpoint)
    organisation = Organisation("acme", hooks=[hook])
    with Simulator([organisation]):
        assert organisation.hook_sender.preview(hook) == 200
        assert organisation.hook_sender.preview(hook, {"uuid": "mine"}) == 200
    made_up, mine = event_ids(endpoint)
    assert (made_up[14], mine) == ("4", "mine")


def test_the_management_api_lists_and_verifies(endpoint: Endpoint) -> None:
    hook = hook_to(endpoint, verification_status="UNVERIFIED", header="X-Key")
    organisation = Organisation("acme", hooks=[hook])
    with Simulator([organisation]) as simulator:
        url, headers = f"{simulator.url('acme')}/api/v1/eventHooks", {"Authorization": f"SSWS {organisation.token}"}
        [listed] = requests.get(url, headers=headers, timeout=5).json()
        assert (listed["status"], listed["verificationStatus"], listed["channel"]["config"]["uri"]) == (
            "ACTIVE",
            "UNVERIFIED",
            endpoint.url,
        )
        assert listed["channel"]["config"]["authScheme"] == {"type": "HEADER", "key": "x-key"}
        assert "s3cret" not in json.dumps(listed)
        endpoint.echoes = False
        refused = requests.post(f"{url}/who1/lifecycle/verify", headers=headers, timeout=5)
        assert (refused.status_code, refused.json()["errorCode"]) == (400, "E0000001")
        endpoint.echoes = True
        assert requests.post(f"{url}/who1/lifecycle/verify", headers=headers, timeout=5).json()["verificationStatus"] == "VERIFIED"
        assert requests.get(f"{url}/other", headers=headers, timeout=5).status_code == 404
        assert requests.delete(f"{url}/who1", headers=headers, timeout=5).status_code == 405
        assert requests.get(url, timeout=5).status_code == 401
        client, _ = OAuthClient.with_new_key("0oa1")
        organisation.register(client)
        organisation.bearer_tokens.add("good")
        assert requests.get(url, headers={"Authorization": "Bearer good"}, timeout=5).status_code == 200


def test_an_unverified_hook_delivers_nothing(endpoint: Endpoint) -> None:
    hook = hook_to(endpoint, verification_status="UNVERIFIED")
    organisation = Organisation("acme", hooks=[hook])
    with Simulator([organisation]):
        organisation.append(50)
        time.sleep(0.15)
        hook.verification_status = "VERIFIED"
        uuids = set(organisation.append(50))
        until(lambda: endpoint.bodies)
    assert set(event_ids(endpoint)) <= uuids
