"""The Elasticsearch target against real servers: what they answer is understood."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from sinks.delivery.target import Again, Outcome
from sinks.elasticsearch.server import Server, read_server
from sinks.elasticsearch.template import VERSION
from tests.integration.sending import batch, target_of
from tests.integration.servers import KINDS, Node, SearchServer

Name = Callable[[str], str]

PLAIN = [{"n": number} for number in range(4)]
FOUR = ["a", "b", "c", "d"]


def the_again(outcome: Outcome) -> Again:
    (again,) = outcome.again
    return again


def settings_of(client: Any, index: str, **settings: object) -> None:
    client.indices.put_settings(index=index, body={f"index.{name.replace('__', '.')}": value for name, value in settings.items()})


def sources(client: Any, index: str) -> dict[str, dict[str, Any]]:
    client.indices.refresh(index=index)
    return {hit["_id"]: hit["_source"] for hit in client.search(index=index, body={"size": 1000})["hits"]["hits"]}


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_data_stream(search_server: SearchServer, unique_name: Name, compression: str):
    name = unique_name("stream")
    with target_of(search_server.url, name + "-{tenant}", compression=compression) as target:
        assert list(target.send(batch(*PLAIN, uuids=FOUR), 60).delivered) == [0, 1, 2, 3]
    client = search_server.client()
    assert next(iter(client.indices.get(index=f"{name}-acme"))).startswith(f".ds-{name}-acme-")
    assert sources(client, f"{name}-acme")["b"] == {"@timestamp": "2026-05-01T09:30:00.123Z", "_okta_tenant": "acme", "n": 1}


def test_index_per_day(search_server: SearchServer, unique_name: Name):
    name = unique_name("dated")
    with target_of(search_server.url, name + "-{date}") as target:
        assert list(target.send(batch(*PLAIN, uuids=FOUR), 60).delivered) == [0, 1, 2, 3]
    client = search_server.client()
    assert list(client.indices.get(index=f"{name}-*")) == [f"{name}-2026-05-01"]
    assert sources(client, f"{name}-2026-05-01").keys() == set(FOUR)


@pytest.mark.parametrize("suffix", ["", "-{date}"])
def test_what_is_there_already_is_a_duplicate(search_server: SearchServer, unique_name: Name, suffix: str):
    with target_of(search_server.url, unique_name("twice") + suffix) as target:
        target.send(batch({"n": 1}, uuids=["a"]), 60)
        outcome = target.send(batch({"n": 2}, {"n": 3}, {"_id": "x"}, uuids=["a", "b", "c"]), 60)
        assert (outcome.duplicates, outcome.delivered, [refused.position for refused in outcome.refused]) == ([0], [1], [2])
        (index,) = target.scopes(batch({}))
    assert sources(search_server.client(), index)["a"]["n"] == 1


@pytest.mark.parametrize("suffix", ["", "-{date}"])
@pytest.mark.parametrize("block", ["blocks__write", "blocks__read_only", "blocks__read_only_allow_delete"])
def test_a_blocked_index_waits_alone(search_server: SearchServer, unique_name: Name, suffix: str, block: str):
    name = unique_name("blocked")
    client = search_server.client()
    with target_of(search_server.url, name + "-{tenant}" + suffix) as target:
        acme, globex = batch({"n": 1}, uuids=["a"]), batch({"n": 1}, uuids=["g"], tenant="globex")
        target.send(acme, 60)
        (index,) = target.scopes(acme)
        settings_of(client, index, **{block: True})
        again = the_again(target.send(batch({"n": 2}, uuids=["b"]), 60))
        assert (again.scope, again.error_type) == (index, "server")
        assert "cluster_block_exception" in again.reason
        assert ("disk space" if "delete" in block else "index.blocks") in again.fix
        assert list(target.send(globex, 60).delivered) == [0]
        settings_of(client, index, **{block: None})
        assert list(target.send(batch({"n": 2}, uuids=["b"]), 60).delivered) == [0]


def test_a_closed_index_waits_alone(search_server: SearchServer, unique_name: Name):
    client = search_server.client()
    with target_of(search_server.url, unique_name("closed") + "-{date}") as target:
        sent = batch({"n": 1})
        target.send(sent, 60)
        (index,) = target.scopes(sent)
        client.indices.close(index=index)
        again = the_again(target.send(batch({"n": 2}), 60))
        assert again.scope == index
        assert "_open" in again.fix


def test_an_index_that_may_not_be_made_waits_alone(search_server: SearchServer, unique_name: Name):
    name = unique_name("forbidden")
    client = search_server.client()
    with target_of(search_server.url, name + "-{tenant}-{date}") as target:
        client.cluster.put_settings(body={"transient": {"action.auto_create_index": f"-{name}-acme-*,+*"}})
        try:
            again = the_again(target.send(batch({"n": 1}), 60))
            assert again.scope == f"{name}-acme-2026-05-01"
            assert "auto_create_index" in again.fix
            assert list(target.send(batch({"n": 1}, tenant="globex"), 60).delivered) == [0]
        finally:
            client.cluster.put_settings(body={"transient": {"action.auto_create_index": None}})


def test_no_room_for_more_shards_is_not_the_events_fault(search_server: SearchServer, unique_name: Name):
    name = unique_name("shards")
    client = search_server.client()
    with target_of(search_server.url, name + "-{tenant}-{date}") as target:
        target.send(batch({"n": 1}), 60)
        client.cluster.put_settings(body={"transient": {"cluster.max_shards_per_node": 1}})
        try:
            again = the_again(target.send(batch({"n": 1}, tenant="globex"), 60))
            assert again.scope == f"{name}-globex-2026-05-01"
            assert "max_shards_per_node" in again.fix
            assert list(target.send(batch({"n": 2}), 60).delivered) == [0]
        finally:
            client.cluster.put_settings(body={"transient": {"cluster.max_shards_per_node": None}})


def test_a_name_that_no_index_may_have(search_server: SearchServer, unique_name: Name):
    with target_of(search_server.url, unique_name("UPPER"), manage_template=False) as target:
        again = the_again(target.send(batch({"n": 1}), 60))
        assert "invalid_index_name_exception" in again.reason
        assert "target" in again.fix


def test_one_id_can_spoil_a_whole_request(search_server: SearchServer, unique_name: Name):
    with target_of(search_server.url, unique_name("spoilt")) as target:
        outcome = target.send(batch(*PLAIN[:2], uuids=["a", "x" * 513]), 60)
        assert outcome.split is not None
        assert "512 bytes" in outcome.split.reason
        assert not outcome.too_large
        assert list(target.send(batch({"n": 1}, uuids=["x" * 512]), 60).delivered) == [0]


@pytest.mark.parametrize("uuid", ['quote" and \\', "line\nbreak", "ünïcode €", "a/b c"])
def test_odd_ids(search_server: SearchServer, unique_name: Name, uuid: str):
    with target_of(search_server.url, unique_name("odd")) as target:
        sent = batch({"n": 1}, uuids=[uuid])
        assert list(target.send(sent, 60).delivered) == [0]
        assert list(target.send(sent, 60).duplicates) == [0]


def test_opensearch_that_calls_itself_elasticsearch(opensearch_url: str):
    with closing(SearchServer("opensearch", opensearch_url)) as server:
        client = server.client()
        client.cluster.put_settings(body={"transient": {"compatibility.override_main_response_version": True}})
        try:
            info = client.info()
            assert (info["version"]["number"], info["version"].get("distribution")) == ("7.10.2", None)
            assert read_server(json.dumps(info).encode()) == Server("opensearch", (2, 8))
        finally:
            client.cluster.put_settings(body={"transient": {"compatibility.override_main_response_version": None}})


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_is_too_large(make_node: Callable[..., Node], kind: str):
    node = make_node(kind, **{"http.max_content_length": "100kb"})
    large = batch({"x": "y" * 60_000}, {"x": "y" * 60_000})
    # The limit counts what gzip makes of it again.
    for compression in ("none", "gzip"):
        with target_of(node.url, "large", compression=compression) as target:
            outcome = target.send(large, 60)
            assert outcome.too_large
            assert outcome.split is not None
            assert outcome.split.status == 413
    with target_of(node.url, "large") as target:
        assert list(target.send(large.take([0]), 60).delivered) == [0]


class TestTemplate:
    def get(self, client: Any, name: str) -> dict[str, Any]:
        (found,) = client.indices.get_index_template(name=f"okta-system-log-{name}")["index_templates"]
        return dict(found["index_template"])

    def put(self, client: Any, name: str, body: dict[str, Any]) -> None:
        headers = {"accept": "application/json", "content-type": "application/json"}
        client.transport.perform_request("PUT", f"/_index_template/{name}", body=body, headers=headers)

    def test_installed_once_and_left_alone(self, search_server: SearchServer, unique_name: Name):
        name = unique_name("template")
        client = search_server.client()
        with target_of(search_server.url, name):
            installed = self.get(client, name)
        assert (installed["version"], installed["priority"], installed["index_patterns"]) == (VERSION, 500, [name])
        changed = {**installed, "template": {**installed["template"], "settings": {"index": {"number_of_replicas": "0"}}}}
        self.put(client, f"okta-system-log-{name}", changed)
        with target_of(search_server.url, name):
            assert self.get(client, name)["template"]["settings"]["index"]["number_of_replicas"] == "0"

    def test_never_downgraded(self, search_server: SearchServer, unique_name: Name):
        name = unique_name("newer")
        client = search_server.client()
        self.put(client, f"okta-system-log-{name}", {"index_patterns": [name], "priority": 500, "version": VERSION + 1})
        with target_of(search_server.url, name):
            assert self.get(client, name)["version"] == VERSION + 1
            assert "data_stream" not in self.get(client, name)

    @pytest.mark.parametrize("older", [{"version": VERSION - 1}, {}, {"version": VERSION, "data_stream": None}])
    def test_upgraded(self, search_server: SearchServer, unique_name: Name, older: dict[str, Any], caplog: pytest.LogCaptureFixture):
        name = unique_name("older")
        client = search_server.client()
        body = {"index_patterns": [name], "priority": 500, "data_stream": {}, **older}
        self.put(client, f"okta-system-log-{name}", {key: value for key, value in body.items() if value is not None})
        with target_of(search_server.url, name):
            upgraded = self.get(client, name)
        assert upgraded["version"] == VERSION
        assert "data_stream" in upgraded
        assert "_rollover" in caplog.text

    def test_a_sink_with_a_new_target_while_its_old_stream_is_there(self, search_server: SearchServer, unique_name: Name):
        name = unique_name("moved")
        for target in (f"{name}-old", f"{name}-new"):
            with target_of(search_server.url, target, name) as sink:
                assert list(sink.send(batch({"n": 1}), 60).delivered) == [0]

    def test_beside_another_sinks(self, search_server: SearchServer, unique_name: Name):
        name = unique_name("beside")
        client = search_server.client()
        with (
            target_of(search_server.url, f"{name}-acme", f"{name}-one"),
            target_of(search_server.url, f"{name}-acme", f"{name}-same"),
            target_of(search_server.url, name + "-{tenant}", f"{name}-wider") as wider,
        ):
            assert not client.indices.exists_index_template(name=f"okta-system-log-{name}-same")
            assert self.get(client, f"{name}-wider")["priority"] == 499
            assert list(wider.send(batch({"n": 1}, tenant="globex"), 60).delivered) == [0]
            assert next(iter(client.indices.get(index=f"{name}-globex"))).startswith(".ds-")

    def test_somebody_elses_in_the_way(self, search_server: SearchServer, unique_name: Name):
        name = unique_name("theirs")
        client = search_server.client()
        self.put(client, name, {"index_patterns": [f"{name}*"], "priority": 500})
        with target_of(search_server.url, name, prepare=False) as target:
            again = target.prepare(60)
            assert again is not None
            assert name in again.fix
            assert "same priority" in again.reason
        client.indices.delete_index_template(name=name)


class TestNeighbours:
    """Templates that are there already."""

    @pytest.fixture
    def put(self, search_server: SearchServer) -> Iterator[Callable[[str, dict[str, Any]], None]]:
        client = search_server.client()
        names: list[str] = []

        def put(name: str, body: dict[str, Any]) -> None:
            headers = {"accept": "application/json", "content-type": "application/json"}
            client.transport.perform_request("PUT", f"/_index_template/{name}", body=body, headers=headers)
            names.append(name)

        yield put
        for name in names:
            client.indices.delete_index_template(name=name)

    def test_a_general_one_is_named_and_its_lifecycle_goes_on(
        self, search_server: SearchServer, unique_name: Name, put: Callable[..., None], caplog: pytest.LogCaptureFixture
    ):
        caplog.set_level("INFO")
        name = unique_name("general")
        stream_lifecycle = {"lifecycle": {"data_retention": "30d"}} if search_server.kind == "elasticsearch" else {}
        put(name, {"index_patterns": [f"{name}-*"], "priority": 100, "data_stream": {}, "template": stream_lifecycle})
        with target_of(search_server.url, f"{name}-okta", name):
            pass
        assert f"goes before {name} (priority 100)" in caplog.text
        assert ("keeps the lifecycle that applied so far" in caplog.text) == bool(stream_lifecycle)
        found = search_server.client().indices.get_index_template(name=f"okta-system-log-{name}")["index_templates"][0]["index_template"]
        assert found["template"].get("lifecycle", {}).get("data_retention") == (("30d") if stream_lifecycle else None)

    def test_fleets_is_refused(self, search_server: SearchServer, unique_name: Name, put: Callable[..., None]):
        name = unique_name("fleets")
        put(name, {"index_patterns": [f"{name}-*"], "priority": 200, "data_stream": {}, "_meta": {"managed_by": "fleet"}})
        with target_of(search_server.url, f"{name}-okta", name, prepare=False) as target:
            again = target.prepare(60)
        assert again is not None
        assert "managed by fleet" in again.reason
        assert not search_server.client().indices.exists_index_template(name=f"okta-system-log-{name}")

    def test_a_retention_and_its_change(self, search_server: SearchServer, unique_name: Name, caplog: pytest.LogCaptureFixture):
        name = unique_name("kept")
        for days in (90, 90, 30):
            with target_of(search_server.url, name, name, retention=timedelta(days=days)):
                pass
        found = search_server.client().indices.get_index_template(name=f"okta-system-log-{name}")["index_templates"][0]["index_template"]
        if search_server.kind == "elasticsearch":
            assert found["template"]["lifecycle"]["data_retention"] == "30d"
            assert not caplog.text
        else:
            assert "index state management doesn't answer" in caplog.text

    def test_the_operators_component(self, search_server: SearchServer, unique_name: Name):
        """It is one for all sinks of a cluster, so the test takes it away again."""
        name = unique_name("composed")
        client = search_server.client()
        client.cluster.put_component_template(
            name="okta-system-log@custom", body={"template": {"settings": {"index": {"number_of_replicas": "0"}}}}
        )
        try:
            with target_of(search_server.url, name + "-{date}", name) as target:
                assert list(target.send(batch({"n": 1}), 60).delivered) == [0]
            (settings,) = client.indices.get_settings(index=f"{name}-2026-05-01").values()
            assert settings["settings"]["index"]["number_of_replicas"] == "0"
        finally:
            client.indices.delete_index_template(name=f"okta-system-log-{name}")
            client.cluster.delete_component_template(name="okta-system-log@custom")


def test_a_templates_ingest_pipeline_is_told_before_there_is_an_index(
    search_server: SearchServer, unique_name: Name, caplog: pytest.LogCaptureFixture
):
    name = unique_name("piped")
    client = search_server.client()
    client.ingest.put_pipeline(id=name, body={"processors": []})
    for priority, pipeline in ((9, name), (8, "outranked")):
        template = {"index_patterns": [f"{name}-*"], "priority": priority, "template": {"settings": {"index.final_pipeline": pipeline}}}
        client.indices.put_index_template(name=f"{name}-{priority}", body=template)
    for told in (f"{name} (an index template's, for each new index)", name):
        caplog.clear()
        with target_of(search_server.url, name + "-{date}", manage_template=False) as target:
            target.send(batch(*PLAIN, uuids=FOUR), 60)  # makes the index
        assert caplog.text.count(f"pass index.final_pipeline {told} on the server") == 1
