import json
import threading
from collections.abc import Iterator

import pytest

from sinks.delivery.batch import Batch
from sinks.delivery.target import Outcome, Target
from sinks.elasticsearch import ElasticsearchTarget
from sinks.errors import SecretUnavailable
from tests.unit.sinks.elasticsearch.conftest import batch, part
from tests.unit.sinks.search_server import FakeSearch, ItemError

NOWHERE = "http://127.0.0.1:1"
EIGHT = [f"e{number}" for number in range(8)]


def again_of(outcome: Outcome):
    (again,) = outcome.again
    return again


class CountingLock:
    """Tells how many threads wait for it."""

    def __init__(self) -> None:
        self.inner = threading.Lock()
        self.waiting = threading.Semaphore(0)
        self.release = self.inner.release

    def acquire(self, timeout: float) -> bool:
        self.waiting.release()
        return self.inner.acquire(timeout=timeout)


@pytest.fixture
def other() -> Iterator[FakeSearch]:
    with FakeSearch() as server:
        yield server


def test_is_a_target(make_target):
    target: Target = make_target(hosts=["https://user:pw@a.example.com:9200/es", "http://b:9200"])
    assert target.address == "https://a.example.com:9200, http://b:9200"


def test_events_arrive_as_they_are(search, make_target):
    target = make_target()
    assert target.prepare(10) is None
    assert list(target.send(batch("a", "b"), 10).delivered) == [0, 1]
    assert search.documents("logs-okta") == {
        "a": b'{"@timestamp":"2026-05-01T09:30:00.123Z","_okta_tenant":"acme","n":0}',
        "b": b'{"@timestamp":"2026-05-01T09:30:01.123Z","_okta_tenant":"acme","n":1}',
    }
    (request,) = search.sent_to("/_bulk")
    assert request.headers["content-type"] == "application/x-ndjson"
    assert "content-encoding" not in request.headers


def test_what_is_there_already_is_a_duplicate(make_target):
    target = make_target(manage_template=False)
    target.send(batch("a"), 10)
    outcome = target.send(batch("a", "b"), 10)
    assert (outcome.duplicates, outcome.delivered) == ([0], [1])


def test_gzip(search, make_target):
    target = make_target(manage_template=False, compression="gzip")
    assert len(target.send(batch(*EIGHT), 10).delivered) == 8
    (request,) = search.sent_to("/_bulk")
    assert request.headers["content-encoding"] == "gzip"
    assert set(search.documents("logs-okta")) == set(EIGHT)


def test_partial_failure(search, make_target):
    def verdict(event: bytes) -> int | ItemError | None:
        number = json.loads(event)["n"]
        return {1: 429, 2: ItemError(400, "mapper_parsing_exception", "no ip"), 3: 500}.get(number)

    search.verdict = verdict
    outcome = make_target(manage_template=False).send(batch(*EIGHT), 10)
    assert outcome.delivered == [0, 4, 5, 6, 7]
    assert [(again.positions, again.error_type) for again in outcome.again] == [([1], "rate_limited"), ([3], "server")]
    assert [(refused.position, refused.reason) for refused in outcome.refused] == [(2, "mapper_parsing_exception: no ip")]


def test_a_blocked_index_is_a_scope_of_its_own(search, make_target):
    search.blocks["logs-b"] = ItemError(403, "cluster_block_exception", "index [logs-b] blocked by: [FORBIDDEN/8/index write (api)];")
    target = make_target("logs-{tenant}", manage_template=False)
    sent = batch("x", tenant="b")
    assert again_of(target.send(sent, 10)).scope == "logs-b" == target.scopes(sent)[0]
    assert list(target.send(batch("x", tenant="c"), 10).delivered) == [0]


def test_too_large_and_spoilt_requests_are_split(search, make_target):
    target = make_target(manage_template=False, compression="gzip")
    search.max_content_length = 300
    assert target.send(batch(*EIGHT), 10).too_large
    assert list(target.send(batch("a", "b"), 10).delivered) == [0, 1]
    outcome = target.send(batch("c", "d" * 513), 10)
    assert outcome.split is not None
    search.max_content_length = None
    outcome = target.send(batch("c", "d" * 513), 10)
    assert outcome.split is not None
    assert "512 bytes" in outcome.split.reason


def test_credentials_are_asked_for_each_time(search, make_target):
    search.authorization = "ApiKey new"
    keys = iter(["old", "new"])
    target = make_target(manage_template=False, authorization=lambda: {"Authorization": f"ApiKey {next(keys)}"})
    again = again_of(target.send(batch("a"), 10))
    assert (again.error_type, again.status) == ("auth", 401)
    assert list(target.send(batch("a"), 10).delivered) == [0]


@pytest.mark.parametrize("status", [400, 401, 500])
def test_credentials_that_a_server_repeats_are_in_no_message(search, make_target, status):
    search.answer(status, b'{"error":"I was sent Authorization: ApiKey c2VjcmV0 and c2VjcmV0"}', path="/_bulk")
    target = make_target(manage_template=False, authorization=lambda: {"Authorization": "ApiKey c2VjcmV0"})
    outcome = target.send(batch("a"), 10)
    told = str(outcome)
    assert "c2VjcmV0" not in told
    assert "I was sent Authorization: ***" in told


def test_credentials_that_cannot_be_read_fail_the_attempt(search, make_target):
    def authorization() -> dict[str, str]:
        message = "environment variable KEY is empty"
        raise SecretUnavailable(message)

    target = make_target(authorization=authorization)
    assert target.prepare(10).error_type == "auth"
    again = again_of(target.send(batch("a"), 10))
    assert (again.error_type, again.reason) == ("auth", "environment variable KEY is empty")
    assert not search.requests


def test_no_answer_in_time(search, make_target):
    search.hang()
    again = again_of(make_target(manage_template=False).send(batch("a", "b"), 0.1))
    assert again.error_type == "timeout"
    assert list(again.positions) == [0, 1]
    search.release()


@pytest.mark.parametrize("taken", [False, True])
def test_a_connection_that_breaks(search, make_target, taken):
    search.reset(taken=taken)
    target = make_target(manage_template=False)
    assert again_of(target.send(batch("a"), 10)).error_type == "connection"
    outcome = target.send(batch("a"), 10)
    assert (list(outcome.duplicates), list(outcome.delivered)) == (([0], []) if taken else ([], [0]))


def test_another_host_takes_over_at_once(search, make_target):
    target = make_target(hosts=[NOWHERE, "http://127.0.0.1:2", search.url])
    assert target.prepare(10) is None
    for uuid in "abc":
        assert list(target.send(batch(uuid), 10).delivered) == [0]


def test_all_hosts_down(make_target):
    target = make_target(hosts=[NOWHERE, "http://127.0.0.1:2"], manage_template=False)
    again = again_of(target.send(batch("a"), 10))
    assert again.error_type == "connection"
    assert "127.0.0.1:2" in again.reason
    assert again.fix


def test_a_host_that_is_down_says_nothing_of_a_request_that_another_broke_off(search, make_target):
    search.reset(times=None)
    target = make_target(hosts=[search.url, NOWHERE], manage_template=False)
    again = again_of(target.send(batch("a"), 10))
    assert (again.error_type, again.blame) == ("connection", "doubtful")
    assert search.url in again.reason


def test_hosts_take_turns_and_a_busy_one_rests(search, other, make_target):
    target = make_target(hosts=[search.url, other.url], manage_template=False)
    for uuid in EIGHT:
        target.send(batch(uuid), 10)
    assert (len(search.requests), len(other.requests)) == (4, 4)
    search.answer(503, times=None)
    outcomes = [target.send(batch(uuid), 10) for uuid in EIGHT]
    assert [again.status for outcome in outcomes for again in outcome.again] == [503]
    assert len(search.requests) == 5


def test_each_host_has_a_clock_of_its_own(search, other, make_target, caplog):
    other.answer(200, times=None, headers={"Date": "Fri, 01 May 2020 09:30:00 GMT"})
    target = make_target(hosts=[search.url, other.url], manage_template=False)
    for uuid in EIGHT:
        target.send(batch(uuid), 10)
    (record,) = [record for record in caplog.records if "set both by NTP" in record.getMessage()]
    assert other.url in record.getMessage()
    assert search.url not in record.getMessage()


def test_a_path_in_front(search, make_target):
    target = make_target(hosts=[f"{search.url}/es/"], manage_template=False)
    target.send(batch("a"), 10)
    assert search.requests[0].path == "/es/_bulk"


class TestEcs:
    """Documents in format ecs."""

    def test_they_have_their_timestamp_and_go_past_the_default_pipeline(self, search, make_target):
        target = make_target(document_format="ecs", manage_template=False)
        front = b'{"@timestamp":"2026-05-01T09:30:00.123Z","okta":%b,'
        ecs = Batch((part("acme", "a", "b", front=front % b"1"), part("globex", "c", front=front % b"2")))
        assert list(target.send(ecs, 10).delivered) == [0, 1, 2]
        assert search.documents("logs-okta") == {
            "a": b'{"@timestamp":"2026-05-01T09:30:00.123Z","okta":1,"n":0}',
            "b": b'{"@timestamp":"2026-05-01T09:30:00.123Z","okta":1,"n":1}',
            "c": b'{"@timestamp":"2026-05-01T09:30:00.123Z","okta":2,"n":0}',
        }
        (request,) = search.sent_to("/_bulk")
        assert "pipeline=_none" in request.query.split("&")

    def test_others_go_through_it(self, search, make_target):
        for document_format in ("raw", "ocsf"):
            make_target(document_format=document_format, manage_template=False).send(batch("a"), 10)
        assert not any("pipeline" in request.query for request in search.sent_to("/_bulk"))

    def test_an_index_a_day(self, search, make_target):
        target = make_target("okta-{date}", document_format="ecs", manage_template=False)
        assert list(target.send(Batch((part("acme", "a", front=b"{"),)), 10).delivered) == [0]
        assert search.documents("okta-2026-05-01") == {"a": b'{"n":0}'}

    @pytest.mark.parametrize("manage_template", [True, False])
    def test_elastics_own_integration_is_told(self, search, make_target, caplog, manage_template):
        caplog.set_level("INFO")
        assert make_target(document_format="ecs", manage_template=manage_template).prepare(10) is None
        assert "integration" not in caplog.text
        search.templates["logs-okta.system"] = {"index_patterns": ["logs-okta.system-*"], "priority": 200}
        assert make_target(document_format="ecs", manage_template=manage_template, sink_name="two").prepare(10) is None
        assert "sink two: Elastic's Okta integration is installed" in caplog.text

    def test_not_being_told_hinders_nothing(self, search, make_target):
        search.answer(403, b"{}", path="/_index_template/logs-okta.system")
        assert make_target(document_format="ecs", manage_template=False).prepare(10) is None
        assert [request.status for request in search.requests if "/logs-okta.system" in request.path] == [403]

    def test_a_sink_with_another_format_has_another_template(self, search, make_target, caplog):
        for document_format in ("raw", "ecs", "ocsf", "raw"):
            assert make_target(document_format=document_format).prepare(10) is None
            assert search.templates["okta-system-log-search"]["_meta"]["format"] == document_format
        assert caplog.text.count("_rollover") == 3


class TestPrepare:
    def test_installs_the_template_before_anything_else(self, search, make_target):
        target = make_target("logs-okta.{tenant}-default", sink_name="siem")
        assert target.prepare(10) is None
        assert target.prepare(10) is None
        target.send(batch("a"), 10)
        assert [(request.method, request.path) for request in search.requests] == [
            ("GET", "/"),
            ("GET", "/_index_template/okta-system-log-siem"),
            ("GET", "/_component_template/okta-system-log@custom"),
            ("POST", "/_index_template/_simulate_index/logs-okta.x-default"),
            ("GET", "/logs-okta.*-default/_settings/index.lifecycle.name"),
            ("PUT", "/_index_template/okta-system-log-siem"),
            ("GET", "/logs-okta.*-default/_settings/index.default_pipeline,index.final_pipeline"),
            ("POST", "/_index_template/_simulate_index/logs-okta.x-default"),
            ("POST", "/_bulk"),
        ]
        template = search.templates["okta-system-log-siem"]
        assert template["index_patterns"] == ["logs-okta.*-default"]
        assert (template["priority"], template["data_stream"]) == (500, {})

    def test_a_template_that_is_there_is_left_alone(self, search, make_target):
        make_target().prepare(10)
        before = dict(search.templates)
        search.requests.clear()
        assert make_target().prepare(10) is None
        assert [request.method for request in search.requests] == ["GET", "GET", "GET", "GET", "POST"]
        assert search.templates == before

    @pytest.mark.parametrize("change", [{"version": 0}, {"version": None}, {"data_stream": None}])
    def test_an_older_or_another_one_is_replaced(self, search, make_target, change, caplog):
        make_target().prepare(10)
        ours = dict(search.templates["okta-system-log-search"])
        changed = {key: value for key, value in {**ours, **change}.items() if value is not None}
        search.templates["okta-system-log-search"] = changed
        assert make_target().prepare(10) is None
        assert search.templates["okta-system-log-search"] == ours
        assert "_rollover" in caplog.text

    def test_a_new_target_keeps_the_old_one_in_the_template(self, search, make_target):
        assert make_target("logs-okta.old").prepare(10) is None
        assert make_target("logs-okta.new").prepare(10) is None
        assert search.templates["okta-system-log-search"]["index_patterns"] == ["logs-okta.new", "logs-okta.old"]
        search.requests.clear()
        assert make_target("logs-okta.old").prepare(10) is None
        assert [request.method for request in search.requests] == ["GET", "GET", "GET", "GET", "POST"]

    def test_an_index_per_day_has_no_data_streams_to_keep(self, search, make_target):
        assert make_target("logs-okta.old").prepare(10) is None
        assert make_target("okta-{date}").prepare(10) is None
        assert search.templates["okta-system-log-search"]["index_patterns"] == ["okta-*"]

    def test_a_newer_one_is_never_replaced(self, search, make_target, caplog):
        caplog.set_level("INFO")
        newer = {"version": 999, "index_patterns": ["other"]}
        search.templates["okta-system-log-search"] = newer
        assert make_target().prepare(10) is None
        assert search.templates["okta-system-log-search"] is newer
        assert "newer" in caplog.text

    def test_without_managing_only_pipelines_are_asked_for(self, search, make_target):
        assert make_target(manage_template=False).prepare(10) is None
        assert [request.path for request in search.requests] == [
            "/logs-okta/_settings/index.default_pipeline,index.final_pipeline",
            "/_index_template/_simulate_index/logs-okta",
        ]

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            (
                {"index.default_pipeline": "geo", "index.final_pipeline": "redact"},
                "index.default_pipeline geo and index.final_pipeline redact",
            ),
            ({"index.default_pipeline": "_none"}, ""),
            ({}, ""),
        ],
    )
    def test_an_ingest_pipeline_in_front_of_the_index_is_told(self, search, make_target, caplog, settings, said):
        search.indices["logs-okta"] = {}
        search.settings = settings
        assert make_target().prepare(10) is None
        assert ("may change, move or drop them" in caplog.text) == bool(said)
        assert said in caplog.text

    @pytest.mark.parametrize("indices", [{}, {"logs-okta.acme": {}}])
    @pytest.mark.parametrize(
        ("document_format", "said"),
        [
            ("raw", "index.default_pipeline geo and index.final_pipeline redact"),
            ("ecs", "for logs-okta.{tenant} pass index.final_pipeline redact"),
        ],
    )
    def test_a_templates_pipelines_are_told_before_there_is_an_index(self, search, make_target, caplog, indices, document_format, said):
        search.indices.update(indices)
        settings = {"index": {"default_pipeline": "geo", "final_pipeline": "redact", "number_of_replicas": "0"}}
        search.templates["theirs"] = {"index_patterns": ["logs-okta.*"], "priority": 9, "template": {"settings": settings}}
        assert make_target("logs-okta.{tenant}", document_format=document_format, manage_template=False).prepare(10) is None
        assert caplog.text.count(f"{said} (an index template's, for each new index)") == 1

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"template": 3}', b'{"template": {"settings": [1]}}'])
    def test_a_template_that_cannot_be_looked_at_is_no_trouble(self, search, make_target, caplog, body):
        search.answer(200, body, path="/_index_template/_simulate_index")
        assert make_target(manage_template=False).prepare(10) is None
        assert caplog.text == ""

    @pytest.mark.parametrize(("status", "body"), [(403, b""), (200, b"<html>"), (200, b'{"x": 3}'), (200, b'[{"settings": {}}]')])
    def test_pipelines_that_cannot_be_looked_at_are_no_trouble(self, search, make_target, caplog, status, body):
        search.answer(status, body, path="/logs-okta/_settings")
        assert make_target(manage_template=False).prepare(10) is None
        assert caplog.text == ""

    def test_the_template_of_a_sink_of_the_same_target_serves_both(self, search, make_target):
        assert make_target("logs-okta.{tenant}", sink_name="one").prepare(10) is None
        assert make_target("logs-okta.acme", sink_name="two").prepare(10) is None
        assert list(search.templates) == ["okta-system-log-one"]

    def test_a_template_that_covers_only_a_part_goes_before(self, search, make_target):
        assert make_target("logs-okta.acme", sink_name="one").prepare(10) is None
        assert make_target("logs-okta.{tenant}", sink_name="two").prepare(10) is None
        assert make_target("logs-{tenant}", sink_name="three").prepare(10) is None
        assert [template["priority"] for template in search.templates.values()] == [500, 499, 498]

    def test_somebody_elses_template_in_the_way_is_named(self, search, make_target):
        search.templates["theirs"] = {"index_patterns": ["logs-*"], "priority": 500}
        again = make_target().prepare(10)
        assert "theirs" in again.fix
        assert "same priority" in again.reason
        assert list(search.templates) == ["theirs"]

    @pytest.mark.parametrize(
        ("path", "status", "body", "error_type", "fix"),
        [
            ("/", 401, b"{}", "auth", "api_key_env"),
            ("/", 403, b"{}", "permission", "let it pass these requests"),
            ("/", 200, b"<html>Sign in</html>", "decode", "speak Elasticsearch"),
            ("/", 503, b"", "server", "log"),
            ("/_index_template", 403, b'{"error":{"type":"security_exception","reason":"no"}}', "permission", "manage_template = false"),
            ("/_index_template", 200, b"[]", "decode", "speak Elasticsearch"),
        ],
    )
    def test_tells_what_is_wrong_and_tries_again(self, search, make_target, path, status, body, error_type, fix):
        target = make_target()
        search.answer(status, body, path=path)
        again = target.prepare(10)
        assert (list(again.positions), again.error_type, again.status, again.blame) == ([], error_type, status, "target")
        assert fix in again.fix
        assert search.url in again.reason
        assert target.prepare(10) is None
        assert "okta-system-log-search" in search.templates

    def test_a_put_that_is_refused(self, search, make_target):
        search.answer(404, path="/_index_template")
        search.answer(404, path="/_index_template")
        search.answer(400, b'{"error":{"type":"illegal_argument_exception","reason":"bad mapping"}}', path="/_index_template")
        again = make_target().prepare(10)
        assert "illegal_argument_exception: bad mapping" in again.reason
        assert not search.templates

    def test_one_thread_prepares_the_others_wait_for_what_it_finds(self, search, make_target):
        target: ElasticsearchTarget = make_target()
        lock = target._preparing = CountingLock()
        search.answer(500, path="/")
        search.hang(path="/_index_template")  # not reached: the first one fails before
        found = []
        threads = [threading.Thread(target=lambda: found.append(target.prepare(10))) for _ in range(4)]
        with lock.inner:
            for thread in threads:
                thread.start()
            for _ in threads:
                assert lock.waiting.acquire(timeout=10)
        for thread in threads:
            thread.join()
        assert [again.status for again in found] == [500] * 4
        assert len(search.requests) == 1

    def test_waiting_for_another_thread_ends_in_time(self, search, make_target):
        target: ElasticsearchTarget = make_target()
        search.hang(path="/")
        first = threading.Thread(target=target.prepare, args=(10,))
        first.start()
        search.wait_for(lambda fake: bool(fake.requests))
        again = target.prepare(0.05)
        assert again is not None
        assert again.error_type == "timeout"
        search.release()
        first.join()
        assert target.prepare(10) is None
