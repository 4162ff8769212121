"""`GET /api/v1/logs` over HTTP: polling, bounded queries, authentication, headers, faults and scripts."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from okta_source.simulator import Faults, Organisation, RateLimit, Request, Scripted, Simulator
from okta_source.simulator.faults import PROBABILITIES
from okta_source.simulator.links import FORMS

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EVENTS = 450


class Client:
    """The least that a collector does."""

    def __init__(self, simulator: Simulator, name: str, **headers: str) -> None:
        self.base = simulator.url(name) + "/api/v1/logs"
        self.session = requests.Session()
        self.session.headers.update({"Authorization": f"SSWS {simulator[name].token}", **headers})

    def get(self, query: str = "", url: str = "") -> requests.Response:
        return self.session.get(url or f"{self.base}{'?' if query else ''}{query}", timeout=10)

    def drain(self, query: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        response = self.get(query)
        while page := response.json():
            events += page
            if "next" not in response.links:
                break
            response = self.get(url=response.links["next"]["url"])
        return events


@pytest.fixture
def organisation() -> Organisation:
    return Organisation("acme", seed=2, events=EVENTS, now=NOW, rate_limit=RateLimit(10_000))


@pytest.fixture
def simulator(organisation: Organisation) -> Iterator[Simulator]:
    with Simulator([organisation]) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    made = Client(simulator, "acme")
    yield made
    made.session.close()


def loaded(organisation: Organisation) -> list[Any]:
    return [json.loads(event) for event in organisation.persisted()]


def test_polling_serves_every_event_in_the_order_of_persistence(client: Client, organisation: Organisation) -> None:
    assert client.drain("limit=200") == loaded(organisation)
    assert [record.events for record in organisation.requests] == [200, 200, 50, 0]


def test_a_page_is_the_exact_bytes(client: Client, organisation: Organisation) -> None:
    for headers in ({"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}):
        body = client.session.get(client.base + "?limit=200", headers=headers, timeout=10).content
        assert body == b"[" + b",".join(organisation.persisted()[:200]) + b"]"


def test_an_empty_page_names_itself_as_the_next_one_and_new_events_come_there(client: Client, organisation: Organisation) -> None:
    first = client.get("limit=1000")
    empty = client.get(url=first.links["next"]["url"])
    assert empty.content == b"[]"
    assert empty.links["next"]["url"] == empty.url == empty.links["self"]["url"]
    uuids = organisation.append(3)
    assert [event["uuid"] for event in client.get(url=empty.url).json()] == uuids


def test_the_default_limit_is_100_and_since_compares_the_time_of_persistence(client: Client, organisation: Organisation) -> None:
    assert len(client.get().json()) == 100
    late = b'{"uuid":"late","published":"2026-03-01T00:00:00.000Z"}'
    organisation.append([late])
    assert client.get("since=2026-03-04T05:06:07Z").json() == [json.loads(late)]


def test_next_links_carry_what_was_asked(client: Client, organisation: Organisation) -> None:
    query = "since=2026-03-04T00:00:00Z&limit=5&sortOrder=ASCENDING&filter=eventType%20sw%20%22user.%22"
    assert client.get(query).links["next"]["url"].startswith(f"{client.base}?{query}&after=")
    organisation.since_in_next = False
    assert client.get(query).links["next"]["url"].startswith(f"{client.base}?limit=5&filter=eventType%20sw%20%22user.%22&after=")


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"quoted_params"}))
def test_every_link_form_leads_through_the_log(form: str) -> None:
    organisation = Organisation("acme", events=250, link_form=form, cursor_form="encoded", now=NOW)
    with Simulator([organisation]) as simulator:
        client = Client(simulator, "acme")
        assert client.drain("limit=100") == loaded(organisation)
        client.session.close()


def test_a_filter_goes_through_the_whole_log(client: Client, organisation: Organisation) -> None:
    wanted = [event for event in loaded(organisation) if event["eventType"] == "user.authentication.sso"]
    assert len(wanted) > 20
    assert client.drain("limit=7&filter=eventType%20eq%20%22user.authentication.sso%22") == wanted
    assert [record.events for record in organisation.requests][:2] == [7, 7]


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
def test_bounded_requests_are_ordered_by_published_and_end(client: Client, organisation: Organisation, order: str) -> None:
    since, until = "2026-03-03T12:00:00.000Z", "2026-03-04T00:00:00.000Z"
    wanted = [event for event in loaded(organisation) if since <= event["published"] < until]
    events = client.drain(f"since={since}&until={until}&limit=50&sortOrder={order}")
    assert len(events) == len(wanted) > 100
    assert {event["uuid"] for event in events} == {event["uuid"] for event in wanted}
    assert [event["published"] for event in events] == sorted((event["published"] for event in wanted), reverse=order == "DESCENDING")
    assert "next" not in client.get(f"since={since}&until={until}&limit=1000").links


def test_a_bounded_page_that_is_just_full_is_the_last(client: Client, organisation: Organisation) -> None:
    organisation.append([b'{"uuid":"%d","published":"2026-03-01T00:00:00.%03dZ"}' % (n, n) for n in range(3)])
    query = "since=2026-03-01T00:00:00Z&until=2026-03-01T00:00:01Z"
    assert "next" not in client.get(f"{query}&limit=3").links
    assert [event["uuid"] for event in client.drain(f"{query}&limit=2")] == ["0", "1", "2"]
    assert [record.events for record in organisation.requests] == [3, 2, 1]


def test_descending_without_until_starts_with_the_newest(client: Client, organisation: Organisation) -> None:
    newest = max(loaded(organisation), key=lambda event: event["published"])
    response = client.get("sortOrder=DESCENDING&limit=2")
    assert response.json()[0]["uuid"] == newest["uuid"]
    assert "until=2026-03-04T05:06" in response.links["next"]["url"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=1_1", 400, "E0000001"),
        ("since=foobar", 400, "E0000001"),
        ("since=2025-01-01T00:00:00Z", 400, "E0000053"),
        ("limit=1001", 400, "E0000001"),
        ("filter=eventType%20eqq%20%22x%22", 400, "E0000053"),
        ("since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z&after=nonsense", 400, "E0000001"),
    ],
)
def test_refused_requests(client: Client, query: str, status: int, code: str) -> None:
    response = client.get(query)
    assert (response.status_code, response.json()["errorCode"]) == (status, code)
    assert "x-rate-limit-limit" in response.headers


def test_a_cursor_of_another_organisation_is_refused() -> None:
    organisations = [Organisation(name, events=50, now=NOW) for name in ("acme", "globex")]
    with Simulator(organisations) as simulator:
        mine, theirs = Client(simulator, "acme"), Client(simulator, "globex")
        url = theirs.get("limit=10").links["next"]["url"]
        assert mine.get(url.partition("?")[2]).status_code == 400
        assert theirs.get(url=url).status_code == 200
        mine.session.close()
        theirs.session.close()


def test_wrong_paths_methods_and_tokens(client: Client, organisation: Organisation) -> None:
    assert client.get(url=client.base + "x").status_code == 404
    assert client.session.post(client.base, data=b"{}", timeout=10).json()["errorCode"] == "E0000022"
    for value in ("", "SSWS wrong", "SSWS", "Bearer 00sim-acme", f"Basic {organisation.token}"):
        assert client.session.get(client.base, headers={"Authorization": value}, timeout=10).status_code == 401


def test_a_token_can_be_rotated_and_a_permission_taken(client: Client, organisation: Organisation) -> None:
    organisation.token = "00new"
    assert client.get().json()["errorCode"] == "E0000011"
    client.session.headers["Authorization"] = "SSWS 00new"
    assert client.get().status_code == 200
    organisation.forbidden = True
    assert client.get().json()["errorCode"] == "E0000006"


def test_bearer_tokens_and_their_errors_in_a_header(client: Client, organisation: Organisation) -> None:
    organisation.bearer_tokens.add("at-1")
    client.session.headers["Authorization"] = "Bearer at-1"
    assert client.get().status_code == 200
    organisation.forbidden = True
    refused = client.get()
    assert (refused.status_code, refused.content) == (403, b"")
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    organisation.bearer_tokens.clear()
    assert 'error="invalid_token"' in client.get().headers["www-authenticate"]


def test_the_rate_limit_on_the_wire(client: Client, organisation: Organisation) -> None:
    organisation.rate_limit = RateLimit(limit=3, window_seconds=3600)
    answers = [client.get("limit=1") for _ in range(4)]
    remaining = [answer.headers["x-rate-limit-remaining"] for answer in answers]
    # A new hour may begin in between, but then two windows of three are plenty for four requests.
    if remaining == ["2", "1", "0", "0"]:
        assert answers[3].status_code == 429
        assert answers[3].json()["errorCode"] == "E0000047"
        assert organisation.rejected_429_count == 1
        assert organisation.requests_count == 4
    assert {answer.headers["x-rate-limit-limit"] for answer in answers} == {"3"}
    organisation.rate_limit = None
    assert not [name for name in client.get().headers if name.lower().startswith("x-rate-limit")]


def test_other_clients_can_use_up_the_budget(client: Client, organisation: Organisation) -> None:
    organisation.rate_limit = RateLimit(limit=5, window_seconds=1e9)
    organisation.spend_rate_limit(3)
    assert client.get().headers["x-rate-limit-remaining"] == "1"
    organisation.spend_rate_limit(99)
    assert client.get().status_code == 429


def test_requests_are_recorded(client: Client, organisation: Organisation) -> None:
    url = client.get("limit=2").links["next"]["url"]
    client.get(url=url)
    first, second = organisation.requests
    assert (first.method, first.target, first.status, first.events, first.cursor) == ("GET", "/api/v1/logs?limit=2", 200, 2, None)
    assert first.headers["authorization"] == "SSWS 00sim-acme"
    assert second.cursor == url.partition("after=")[2]
    assert second.at >= first.at


@pytest.mark.parametrize("fault", PROBABILITIES)
def test_every_fault_shows_and_leaves_the_page_as_it_was(client: Client, organisation: Organisation, fault: str) -> None:
    url = client.get("limit=100").links["next"]["url"]
    expected = loaded(organisation)[100:200]
    organisation.faults = Faults(**{fault: 1.0}, hang_seconds=0.05, extra_latency_seconds=0.0)
    served: Any
    try:
        response = client.get(url=url)
        served = response.json() if response.status_code == 200 else response.status_code
    except (requests.RequestException, ValueError) as error:
        served = type(error).__name__
    if fault == "latency":
        assert served == expected
    elif fault == "duplicate":
        assert len(served) == 100
        assert len([event for event in served if event in expected]) == 99
        assert all(event in loaded(organisation) for event in served)
    elif fault == "malformed_event":
        assert len([event for event in served if event in expected]) == 99
    else:
        assert served != expected
    organisation.faults = Faults()
    assert client.get(url=url).json() == expected


def test_all_faults_at_once_lose_nothing(client: Client, organisation: Organisation) -> None:
    organisation.faults = Faults.all(0.05, hang_seconds=0.01)
    seen: dict[str, Any] = {}
    url = f"{client.base}?limit=20"
    while len(seen) < EVENTS:
        try:
            response = client.get(url=url)
            page = response.json() if response.status_code == 200 else None
        except (requests.RequestException, ValueError):
            continue
        if isinstance(page, list):
            seen |= {event["uuid"]: event for event in page}
            url = response.links["next"]["url"]
    assert sorted(seen) == sorted(organisation.uuids())


def test_faults_are_the_same_for_the_same_seed() -> None:
    statuses = []
    for _ in range(2):
        organisation = Organisation("acme", seed=9, events=10, faults=Faults(server_error=0.5, unauthorized=0.2))
        with Simulator([organisation]) as simulator:
            client = Client(simulator, "acme")
            statuses.append([client.get().status_code for _ in range(30)])
            client.session.close()
    assert statuses[0] == statuses[1]
    assert {200, 401, 500} <= set(statuses[0])


def test_scripted_answers_come_first_and_in_order(client: Client, organisation: Organisation) -> None:
    def by_target(request: Request) -> Scripted:
        return Scripted(body=json.dumps([request.target]).encode())

    organisation.script(
        Scripted(status=503, headers={"Retry-After": "7", "date": None}),
        Scripted(body=b'[{"uuid":"x"}]', next_url="https://elsewhere.example.com/next"),
        by_target,
    )
    first, second, third, fourth = (client.get("limit=1") for _ in range(4))
    assert (first.status_code, first.json()["errorCode"], first.headers["retry-after"]) == (503, "E0000010", "7")
    assert "date" not in first.headers
    assert (second.json(), second.links["next"]["url"]) == ([{"uuid": "x"}], "https://elsewhere.example.com/next")
    assert third.json() == ["/api/v1/logs?limit=1"]
    assert fourth.json() == loaded(organisation)[:1]


def test_a_script_may_change_part_of_a_normal_page(client: Client, organisation: Organisation) -> None:
    organisation.script(
        Scripted(fallthrough=True, next_url="http://evil.example.com/"),
        Scripted(fallthrough=True, next_url=""),
        Scripted(fallthrough=True, headers={"X-Rate-Limit-Remaining": "1", "Link": "broken"}),
        Scripted(fallthrough=True, body=b"[]"),
    )
    answers = [client.get("limit=2") for _ in range(4)]
    assert [len(answer.json()) for answer in answers] == [2, 2, 2, 0]
    assert answers[0].links["next"]["url"] == "http://evil.example.com/"
    assert list(answers[1].links) == ["self"]
    assert (answers[2].headers["x-rate-limit-remaining"], answers[2].headers["link"]) == ("1", "broken")


@pytest.mark.parametrize("body_form", ["content-length", "chunked"])
def test_scripted_connections(client: Client, organisation: Organisation, body_form: str) -> None:
    organisation.body_form = body_form
    organisation.script(
        Scripted(reset=True),
        Scripted(fallthrough=True, close_after_bytes=10),
        Scripted(fallthrough=True, stall_after_bytes=10),
    )
    with pytest.raises(requests.ConnectionError):
        client.get()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get()
    response = client.session.get(client.base, stream=True, timeout=0.2)
    with pytest.raises(requests.ConnectionError):
        response.content  # noqa: B018
    response.close()
    assert len(client.get().json()) == 100


def test_both_body_forms_are_used_in_turn(client: Client) -> None:
    lengths = ["content-length" in client.get("limit=1").headers for _ in range(4)]
    assert lengths in ([True, False, True, False], [False, True, False, True])


def test_gzip_can_be_off(client: Client, organisation: Organisation) -> None:
    organisation.gzip = False
    assert "content-encoding" not in client.get().headers
    organisation.gzip = True
    raw = client.session.get(client.base, stream=True, timeout=10)
    assert json.loads(gzip.decompress(raw.raw.read(decode_content=False))) == loaded(organisation)[:100]


def test_live_events_arrive(simulator: Simulator) -> None:
    organisation = Organisation("live", events=5, rate_per_second=2000.0, now=NOW)
    with Simulator([organisation]) as running:
        client = Client(running, "live")
        url = f"{client.base}?limit=1000"
        uuids: list[str] = []
        while len(uuids) < 300:
            response = client.get(url=url)
            uuids += [event["uuid"] for event in response.json()]
            url = response.links["next"]["url"]
        client.session.close()
    assert uuids == organisation.uuids()[: len(uuids)]


def test_public_url_replaces_the_host_in_links(client: Client, organisation: Organisation) -> None:
    organisation.public_url = "https://okta.example.com"
    assert client.get("limit=1").links["next"]["url"].startswith("https://okta.example.com/api/v1/logs?limit=1&after=")


def test_a_warm_organisation_serves_the_same_pages_without_making_them(monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = Organisation("acme", events=250, now=NOW)
    expected = loaded(organisation)
    organisation.warm(100)
    with Simulator([organisation]) as simulator:
        client = Client(simulator, "acme")
        monkeypatch.setattr("okta_source.simulator.pages.Pager.events_of", lambda *_: [])
        assert client.get("limit=100").json() == expected[:100]
        client.session.close()
