"""Search sinks that are broken, each in one way: the step, the cause and the fix."""

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.flows.check.checked_search import CheckedSearch
from tests.unit.flows.check.conftest import SECRETS, Checked
from tests.unit.okta_source.check.certs import issue, server_context
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import ItemError

Check = Callable[..., Checked]
TARGET = "logs-okta.system-default"
ALL = {"monitor", "manage_index_templates", "create_doc", "auto_configure"}
KEY = "aaaaaaaaaaaaaaaaaaaa:bbbbbbbbbbbbbbbbbbbbbb"


def table(*hosts: str, target: str = TARGET, more: str = "") -> str:
    return f'type = "elasticsearch"\nhosts = {json.dumps(list(hosts))}\ntarget = "{target}"\n{more}'


def foreign(priority: int, patterns: tuple[str, ...] = ("logs-*",), **template: Any) -> dict[str, Any]:
    return {"index_patterns": list(patterns), "priority": priority, "template": template}


def there(search: CheckedSearch, name: str = TARGET, **flat: str) -> None:
    """A data stream with a document's worth of indices."""
    search.indices[name] = {}
    search.streams.add(name)
    search.flat[f".ds-{name}-000001"] = {key.replace("__", "."): value for key, value in flat.items()}


def test_a_sink_that_is_well_passes_every_step_and_nothing_is_changed(check: Check, search: CheckedSearch) -> None:
    search.distribution, search.version, search.privileges = "elasticsearch", "8.19.0", ALL
    found = check(table(search.url))
    assert found.status == 0
    assert {step["status"] for name, step in found.steps.items() if name != "tls"} == {"ok"}
    found.says("authorization", "ok", "monitor and manage_index_templates and create_doc and auto_configure are granted")
    found.says("target", "ok", "not there yet")
    assert not search.indices
    assert not search.templates
    assert {request.method for request in search.requests if request.path.startswith("/_index_template/okta")} == set()


def test_a_host_that_is_unknown(check: Check) -> None:
    check(table("https://search.invalid:9200")).fails(
        "dns", "search.invalid can't be resolved", "Check the sink's hosts for a typing error"
    )


def test_a_port_where_nobody_listens(check: Check, search: CheckedSearch) -> None:
    search.down()
    check(table(search.url)).fails("connect", f"127.0.0.1:{search.port} refused the connection", "its port included")


def test_one_host_of_two_that_is_down_is_a_warning(check: Check, search: CheckedSearch) -> None:
    with CheckedSearch() as other:
        pass
    found = check(table(other.url, search.url))
    found.says("connect", "warning", "another of the 2 hosts is asked instead", "port")
    assert found.status == 0


def test_a_server_without_tls(check: Check, search: CheckedSearch) -> None:
    found = check(table(f"https://127.0.0.1:{search.port}"))
    found.fails("tls", "not in TLS", "where the server has no TLS, write http://")
    search.errors.clear()


@pytest.mark.parametrize(
    ("hosts", "days", "trusted", "detail", "fix"),
    [
        (("127.0.0.1",), (-30, 30), False, "self-signed", "ca_file"),
        (("127.0.0.1",), (-30, -1), True, "expired", "renew the certificate"),
        (("other.example.com",), (-30, 30), True, "for other.example.com, not for this host", "a name that the certificate is for"),
    ],
)
def test_a_certificate_with_a_fault(
    check: Check, tmp_path: Path, hosts: tuple[str, ...], days: tuple[int, int], trusted: bool, detail: str, fix: str
) -> None:
    leaf = issue("search", *hosts, days=days)
    (tmp_path / "ca.pem").write_bytes(leaf.pem)
    context: ssl.SSLContext = server_context(leaf, tmp_path)
    with Receiver(tls=context) as server:
        found = check(table(f"https://127.0.0.1:{server.port}", more='ca_file = "ca.pem"' if trusted else ""))
        server.errors.clear()
    found.fails("tls", detail, fix)


def test_a_wrong_password_is_told_by_the_server(check: Check, search: CheckedSearch) -> None:
    search.authorization = "Basic something-else"
    found = check(table(search.url, more='username = "elastic"\npassword_env = "TEST_PASSWORD"'))
    found.fails("authentication", "missing authentication credentials", "password_env")


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("", "TEST_KEY is not set or is empty"),
        ("aaaaaaaaaaaaaaaaaaaa", "is half a key"),
        ("Bearer abcdefghijklmnop", "begins with Bearer"),
        ('{"name": "abcdefghijkl", "expiration": "123456789012"}', "is JSON without `encoded`"),
        ("abcdefghijk lmnopqrstuvw", "holds a space"),
        ("abcdefghijkl\nmnopqrstuv", "line break"),
    ],
)
def test_a_key_of_a_wrong_form(check: Check, search: CheckedSearch, monkeypatch: pytest.MonkeyPatch, value: str, detail: str) -> None:
    monkeypatch.setenv("TEST_KEY", value)
    check(table(search.url, more='api_key_env = "TEST_KEY"')).fails("secret", detail, "Set the variable or write the file")
    assert not search.requests


def test_a_password_file_that_is_not_there(check: Check, search: CheckedSearch) -> None:
    found = check(table(search.url, more='username = "u"\npassword_file = "missing"'))
    found.fails("secret", "missing cannot be read", "write the file that is named there")


def test_a_key_that_the_server_repeats_in_its_refusal_is_masked(
    check: Check, search: CheckedSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    search.answer(
        401, b'{"error": {"type": "security_exception", "reason": "no such key: \\u001b[2J%s"}}' % KEY.encode(), times=None, path="/"
    )
    found = check(table(search.url, more='api_key_env = "TEST_KEY"'))
    found.fails("authentication", "no such key", "api_key_env")
    assert "\x1b" not in found.steps["authentication"]["detail"]


@pytest.mark.parametrize(
    ("lost", "detail", "fix"),
    [
        ("manage_index_templates", "the cluster privilege manage_index_templates", "manage_template = false"),
        ("create_doc", f"the index privilege create_doc on {TARGET}", f"create_doc and auto_configure on {TARGET}"),
        ("auto_configure", f"the index privilege auto_configure on {TARGET}", f"create_doc and auto_configure on {TARGET}"),
    ],
)
def test_a_privilege_that_is_missing(check: Check, search: CheckedSearch, lost: str, detail: str, fix: str) -> None:
    search.distribution, search.version, search.privileges = "elasticsearch", "8.19.0", ALL - {lost}
    check(table(search.url)).fails("authorization", detail, fix)


def test_a_role_that_may_not_even_see_the_server(check: Check, search: CheckedSearch) -> None:
    search.answer(403, b'{"error": {"type": "security_exception", "reason": "unauthorized"}}', times=None, path="/")
    found = check(table(search.url))
    found.says("authentication", "ok", "knows these credentials")
    found.fails("authorization", "missing the cluster privilege monitor", "Grant its role the cluster privileges monitor")


def test_opensearch_refuses_the_templates(check: Check, search: CheckedSearch) -> None:
    search.refuses.add("/_index_template")
    check(table(search.url)).fails("authorization", "may not see index templates", "cluster_manage_index_templates")


def test_something_else_answers_there(check: Check, search: CheckedSearch) -> None:
    search.answer(200, b"<html>welcome</html>", times=None, path="/")
    check(table(search.url)).fails("authentication", "neither Elasticsearch nor OpenSearch", "Look at the sink's hosts")


def test_an_index_that_is_closed(check: Check, search: CheckedSearch) -> None:
    today = f"okta-{datetime.now(UTC):%Y-%m-%d}"
    search.indices |= {"okta-2020-01-01": {}, today: {}}
    search.closed |= {"okta-2020-01-01", today}
    found = check(table(search.url, target="okta-{date}"))
    found.fails("target", f"{today} is closed", f"POST /{today}/_open")


def test_an_old_day_that_is_closed_is_no_fault(check: Check, search: CheckedSearch) -> None:
    search.indices["okta-2020-01-01"] = {}
    search.closed.add("okta-2020-01-01")
    assert check(table(search.url, target="okta-{date}")).status == 0


@pytest.mark.parametrize(
    ("block", "fix"), [("write", "Take the block away"), ("read_only", "Take the block away"), ("read_only_allow_delete", "Free space")]
)
def test_an_index_that_is_read_only(check: Check, search: CheckedSearch, block: str, fix: str) -> None:
    there(search, **{f"index__blocks__{block}": "true"})
    check(table(search.url)).fails("target", f"read-only (index.blocks.{block})", fix)


def test_an_index_where_a_data_stream_should_be(check: Check, search: CheckedSearch) -> None:
    search.indices[TARGET] = {}
    check(table(search.url)).says("target", "warning", "is an index and no data stream", "let the first event make the data stream")


def test_a_foreign_template_of_the_same_priority(check: Check, search: CheckedSearch) -> None:
    search.templates["theirs"] = foreign(500)
    check(table(search.url)).fails("template", "theirs (logs-*) has the priority 500", "Change the priority of theirs")


def test_a_foreign_template_that_stands_before_ours(check: Check, search: CheckedSearch) -> None:
    search.templates["theirs"] = foreign(900, (f"{TARGET}-of-somebody", TARGET))
    search.templates["okta-system-log-one"] = foreign(500, (TARGET,))
    found = check(table(search.url))
    found.says("template", "warning", "stands before this sink's own (500): its mapping decides", "Lower the priority of theirs")
    assert found.status == 0


def test_a_target_that_is_somebody_elses_is_refused_as_a_run_refuses_it(check: Check, search: CheckedSearch) -> None:
    search.templates["theirs"] = foreign(900)
    check(table(search.url)).fails("template", "belongs to the index template theirs (priority 900), whose priority is higher", "own")
    search.templates["theirs"] = foreign(200) | {"_meta": {"managed_by": "fleet"}}
    check(table(search.url)).fails("template", "which is managed by fleet: nothing was installed", "manage_template = false")


def test_elastics_own_integration_is_the_right_template_for_ecs(check: Check, search: CheckedSearch) -> None:
    search.templates["logs-okta.system"] = foreign(200, ("logs-okta.system-*",)) | {"_meta": {"managed_by": "fleet"}}
    ecs = table(search.url, more='format = "ecs"').replace(TARGET, "logs-okta.system-default")
    check(ecs).says("template", "ok", "logs-okta.system of Elastic's own Okta integration", "")


def test_a_foreign_template_that_stands_behind_ours_is_no_fault(check: Check, search: CheckedSearch) -> None:
    search.templates["theirs"] = foreign(100)
    check(table(search.url)).says("template", "ok", "okta-system-log-one is not there yet")


def test_no_template_where_none_is_managed(check: Check, search: CheckedSearch) -> None:
    found = check(table(search.url, more="manage_template = false"))
    found.says("template", "warning", "the first event decides the mapping", "leave manage_template out")


def test_a_pipeline_that_drops(check: Check, search: CheckedSearch) -> None:
    there(search, index__default_pipeline="thrifty")
    search.pipelines["thrifty"] = lambda _: None
    check(table(search.url)).fails("pipelines", "index.default_pipeline thrifty drops the test event", "Take the drop out of the pipeline")


def test_a_pipeline_that_is_not_there(check: Check, search: CheckedSearch) -> None:
    there(search, index__final_pipeline="gone")
    check(table(search.url)).fails("pipelines", "index.final_pipeline gone is named, and there is no such pipeline", "Make the pipeline")


def test_a_pipeline_that_fails(check: Check, search: CheckedSearch) -> None:
    def fail(_: dict[str, Any]) -> None:
        raise ValueError("field [message] not present")

    there(search, index__default_pipeline="strict")
    search.pipelines["strict"] = fail
    check(table(search.url)).fails("pipelines", "strict fails over the test event: field [message] not present", "Correct the pipeline")


def test_a_pipeline_of_a_template_that_moves(check: Check, search: CheckedSearch) -> None:
    search.templates["theirs"] = foreign(100, settings={"index": {"default_pipeline": "mover"}})
    search.pipelines["mover"] = lambda doc: doc | {"_index": "elsewhere"}
    check(table(search.url)).says("pipelines", "warning", "mover moves the test event to elsewhere", "an audit finds nothing there")


def test_a_pipeline_that_changes_nothing_is_no_fault(check: Check, search: CheckedSearch) -> None:
    there(search, index__default_pipeline="quiet")
    search.pipelines["quiet"] = lambda doc: doc
    check(table(search.url)).says("pipelines", "ok", "the test event passes unchanged")


def test_a_lifecycle_that_is_stuck(check: Check, search: CheckedSearch) -> None:
    search.distribution, search.version, search.privileges = "elasticsearch", "8.19.0", ALL
    there(search, index__lifecycle__name="ninety-days")
    stuck = {"step": "ERROR", "step_info": {"reason": "no rollover alias"}}
    search.explained = {"indices": {f".ds-{TARGET}-000001": stuck}}
    check(table(search.url)).says("lifecycle", "warning", "is stuck: no rollover alias", "_ilm/retry")


@pytest.mark.parametrize(("percent", "status"), [("40", "ok"), ("86", "warning"), ("96", "failed")])
def test_disks_by_the_servers_own_watermarks(check: Check, search: CheckedSearch, percent: str, status: str) -> None:
    search.disk_percent = percent
    found = check(table(search.url))
    found.says("disk", status, f"the fullest node, one, is at {percent}%", "" if status == "ok" else "Free space")
    search.watermarks |= {"low": "97%", "flood_stage": "99%"}
    check(table(search.url)).says("disk", "ok", f"{percent}%")


def test_a_marked_event_is_delivered_found_and_deleted(check: Check, search: CheckedSearch) -> None:
    found = check(table(search.url), "--send")
    assert found.status == 0
    found.says("send", "ok", f"was delivered to {TARGET}, found there, and deleted")
    assert search.documents(TARGET) == {}
    sent = json.loads(search.created)
    assert (sent["eventType"], sent["_okta_event_type"], sent["_okta_source"]) == ("system.pipeline.test", "pipelineTest", "check")
    assert sent["uuid"].startswith("check-")
    assert sent["uuid"] in found.steps["send"]["detail"]


def test_what_can_not_be_deleted_is_told_with_how_to_remove_it(check: Check, search: CheckedSearch) -> None:
    search.keeps = True
    found = check(table(search.url), "--send")
    [uuid] = search.documents(TARGET)
    found.says(
        "send", "warning", "could not be deleted (HTTP 403)", f'_delete_by_query with {{"query": {{"ids": {{"values": ["{uuid}"]}}}}}}'
    )


def test_what_the_server_drops_moves_or_refuses_fails_the_sending(check: Check, search: CheckedSearch) -> None:
    search.drops = lambda _: True
    check(table(search.url), "--send").fails("send", "doesn't keep them (noop)", "index.default_pipeline")
    search.drops = lambda _: False
    search.forgets = True
    check(table(search.url), "--send").fails("send", f"but it is not in {TARGET}", "ingest pipelines")
    search.forgets = False
    search.verdict = lambda _: ItemError(400, "mapper_parsing_exception", "object mapping for [client]")
    check(table(search.url), "--send").fails("send", "object mapping for [client]", "dead letters")


@pytest.mark.parametrize("document_format", ["ecs", "ocsf"])
def test_the_marked_event_has_the_sinks_format(check: Check, search: CheckedSearch, document_format: str) -> None:
    assert check(table(search.url, more=f'format = "{document_format}"'), "--send").status == 0
    sent = json.loads(search.created)
    assert "_okta_mapping_error" not in sent
    assert ("ecs" if document_format == "ecs" else "class_uid") in sent


def test_nothing_is_sent_to_a_sink_that_has_failed(check: Check, search: CheckedSearch) -> None:
    search.disk_percent = "99"
    check(table(search.url), "--send").says("send", "not_reached", "disk failed before")
    assert not search.sent_to("/_bulk")


def test_secrets_of_the_tests_are_long_enough_to_be_looked_for() -> None:
    assert all(any(len(part) > 8 for part in value.split()) for value in SECRETS.values())
