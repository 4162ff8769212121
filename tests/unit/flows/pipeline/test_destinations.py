"""From a table to what delivers: the right policy, the right target, and credentials that are read at each request."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bytewax.outputs import FixedPartitionedSink
from prometheus_client import REGISTRY

from flows.pipeline import destinations
from flows.pipeline.destinations import build_sink
from okta_source import __version__
from okta_source.fetching.control import RunControl
from okta_source.polling.event import Head
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, SinkConfig, WebhookSinkConfig
from sinks.config.targets import make_target, policy_of
from sinks.dead_letters.sink import DeadLetterFile
from sinks.delivery.batch import Batch
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Outcome
from sinks.documents import Documents
from sinks.elasticsearch import ElasticsearchTarget
from sinks.file.sink import FileSink
from sinks.outbox.left import Left
from sinks.outbox.sink import KeyedSink
from sinks.webhook import WebhookTarget
from tests.unit.okta_source.wire import certificate
from tests.unit.sinks.receiver import Receiver

SECRET = "hunter2"


def search(**keys: Any) -> ElasticsearchSinkConfig:
    return ElasticsearchSinkConfig(
        **{"type": "elasticsearch", "hosts": ["http://127.0.0.1:1"], "target": "okta", "manage_template": False, **keys}
    )


def hook(**keys: Any) -> WebhookSinkConfig:
    return WebhookSinkConfig(**{"type": "webhook", "url": "http://127.0.0.1:1/", **keys})


def batch() -> Batch:
    head = Head(uuid="u1", published=datetime(2026, 1, 31, tzinfo=UTC), event_type="user.session.start")
    return Batch((Documents("acme", [head], [b'{"_okta_tenant":"acme",'], [b'"uuid":"u1"}']),))


def send(config: ElasticsearchSinkConfig | WebhookSinkConfig) -> Outcome:
    target = make_target("out", config)
    try:
        return target.send(batch(), 10.0)
    finally:
        target.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        server.answer(200, b'{"errors":false,"items":[{"create":{"status":201}}]}', {"Content-Type": "application/json"}, times=None)
        yield server


def header(receiver: Receiver, name: str) -> str | None:
    """What the last request said."""
    return receiver.requests[-1].headers.get(name)


def origin(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def test_a_search_index_knows_no_order() -> None:
    assert policy_of(search()) == DeliveryPolicy(
        batch_events=2000, batch_bytes=5_000_000, max_in_flight=4, in_order=False, linger_seconds=1.0, request_timeout_seconds=30.0,
        retry_for_seconds=604_800.0, on_exhausted="dead_letter",
    )  # fmt: skip


def test_a_webhook_keeps_order_and_the_tables_limits_hold() -> None:
    keys = {"batch_events": 7, "batch_bytes": 900, "max_in_flight": 2, "request_timeout_seconds": 3.5, "retry_for_seconds": 4.5}
    assert policy_of(hook(on_exhausted="stop", **keys)) == DeliveryPolicy(in_order=True, on_exhausted="stop", **keys)


def test_targets_by_type() -> None:
    search_target, hook_target = make_target("a", search()), make_target("b", hook())
    assert isinstance(search_target, ElasticsearchTarget)
    assert isinstance(hook_target, WebhookTarget)
    search_target.close()
    hook_target.close()


@pytest.mark.parametrize(
    ("config", "kind"), [(FileSinkConfig(type="file", path="/x/{tenant}"), FileSink), (search(), KeyedSink), (hook(), KeyedSink)]
)
def test_sinks_by_type_with_all_partitions(config: SinkConfig, kind: type, tmp_path: Path) -> None:
    letters = DeadLetterFile(tmp_path)
    sink = build_sink(
        "out", config, ["b", "a", "retired"], state_dir=tmp_path, letters=letters, outbox_dir=tmp_path / "outbox", control=RunControl()
    )
    assert isinstance(sink, FixedPartitionedSink)
    assert type(sink) is kind
    assert sink.list_parts() == ["a", "b", "retired"]


def test_a_keyed_sink_is_given_what_the_run_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(destinations, "KeyedSink", lambda name, tenants, **keys: given.update(keys, name=name))
    letters, config = DeadLetterFile(tmp_path), hook(retry_for_seconds=5)
    control = RunControl(clock=lambda: 100.0)
    build_sink("out", config, ["acme"], state_dir=None, letters=letters, outbox_dir=tmp_path / "outbox", control=control)
    assert (given["name"], given["letters"], given["document_format"]) == ("out", letters, "raw")
    assert given["outbox_dir"] == tmp_path / "outbox"
    assert given["wait_until"](False) == 160.0
    given["on_left"](Left("out", 2_500_000, 1_777_627_800.0, tmp_path))
    assert control.left() == [f"sink out: 2.5 MB of events wait since 2026-05-01T09:30:00.000Z in {tmp_path}; the next run sends them"]
    assert given["policy"] == policy_of(config)
    assert isinstance(given["make_target"](), WebhookTarget)


def test_failures_are_counted_for_each_tenant(tmp_path: Path) -> None:
    def count(tenant: str) -> float:
        labels = {"tenant": tenant, "error_type": "server", "stage": "deliver"}
        return REGISTRY.get_sample_value("okta_errors_total", labels) or 0.0

    before = count("dest-a")
    destinations._count_failures(["dest-a", "dest-b"], "server")
    destinations._count_failures(["dest-a"], "server")
    assert (count("dest-a") - before, count("dest-b")) == (2.0, 1.0)


def test_the_flow_says_who_it_is(receiver: Receiver) -> None:
    for config in (hook(url=receiver.url), search(hosts=[origin(receiver)])):
        assert send(config) == Outcome(delivered=range(1))
        assert header(receiver, "user-agent") == f"bytewax-okta/{__version__}"


def test_basic_authentication_is_read_anew_for_each_request(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"pä:{SECRET}\n")
    target = make_target("out", search(hosts=[origin(receiver)], username="elastic", password_file=str(file)))
    for password in (f"pä:{SECRET}", "rotated"):
        file.write_text(password + "\n")
        target.send(batch(), 10.0)
        assert header(receiver, "authorization") == "Basic " + base64.b64encode(f"elastic:{password}".encode()).decode()
    target.close()


@pytest.mark.parametrize("from_file", [True, False])
def test_an_api_key(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, from_file: bool) -> None:
    (tmp_path / "key").write_text("a2V5")
    monkeypatch.setenv("API_KEY", "a2V5")
    send(search(hosts=[origin(receiver)], **({"api_key_file": str(tmp_path / "key")} if from_file else {"api_key_env": "API_KEY"})))
    assert header(receiver, "authorization") == "ApiKey a2V5"


def test_an_api_key_as_people_have_it(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("id_1:key-1\n")
    target = make_target("out", search(hosts=[origin(receiver)], api_key_file=str(file)))
    target.send(batch(), 10.0)
    assert header(receiver, "authorization") == "ApiKey " + base64.b64encode(b"id_1:key-1").decode()
    file.write_text('"hunter2')  # rotated to something that is none
    [again] = target.send(batch(), 10.0).again
    assert again.error_type == "auth"
    assert f"file {file} begins with a quotation mark" in again.reason
    assert "hunter2" not in again.reason
    assert len(receiver.requests) == 1
    target.close()


def test_no_credentials_are_none(receiver: Receiver) -> None:
    send(search(hosts=[origin(receiver)]))
    assert header(receiver, "authorization") is None


def test_headers_and_signatures_are_read_anew_for_each_request(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("one\n")
    (tmp_path / "secret").write_text("whsec_" + base64.b64encode(b"x" * 32).decode())
    monkeypatch.setenv("TOKEN", "Splunk one")
    config = hook(
        url=receiver.url,
        headers={"X-Source": "okta"},
        headers_env={"Authorization": "TOKEN"},
        headers_file={"X-Key": str(tmp_path / "key")},
        secret_file=str(tmp_path / "secret"),
    )
    target = make_target("out", config)
    target.send(batch(), 10.0)
    assert [header(receiver, name) for name in ("x-source", "authorization", "x-key")] == ["okta", "Splunk one", "one"]
    assert str(header(receiver, "webhook-signature")).startswith("v1,")
    (tmp_path / "key").write_text("two\n")
    monkeypatch.setenv("TOKEN", "Splunk two")
    target.send(batch(), 10.0)
    assert [header(receiver, name) for name in ("x-source", "authorization", "x-key")] == ["okta", "Splunk two", "two"]
    target.close()


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    assert send(hook(url=receiver.url)) == Outcome(delivered=range(1))
    assert header(receiver, "webhook-signature") is None
    assert header(receiver, "webhook-id")


@pytest.mark.parametrize(
    "keys",
    [
        {"headers_env": {"X": "GONE"}},
        {"headers_file": {"X": "/gone"}},
        {"secret_env": "GONE"},
        {"username": "x", "password_env": "GONE"},
        {"api_key_file": "/gone"},
    ],
)
def test_a_secret_that_cant_be_read_is_a_failed_attempt(receiver: Receiver, keys: dict[str, Any]) -> None:
    is_search = "username" in keys or "api_key_file" in keys
    outcome = send(search(hosts=[origin(receiver)], **keys) if is_search else hook(url=receiver.url, **keys))
    [again] = outcome.again
    assert again.error_type == "auth"
    assert "environment variable GONE is not set" in again.reason or "file /gone cannot be read" in again.reason
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("document_format", "hec", "sourcetype"),
    [("raw", {}, "OktaIM2:log"), ("ecs", {}, "okta:ecs"), ("ocsf", {"index": "x"}, "okta:ocsf"), ("ecs", {"sourcetype": "mine"}, "mine")],
)
def test_the_source_type_follows_the_format(document_format: str, hec: dict[str, str], sourcetype: str) -> None:
    with Receiver() as receiver:
        send(hook(url=receiver.url, encoding="hec", hec=hec, format=document_format))
    assert receiver.requests[0].envelopes[0]["sourcetype"] == sourcetype


def test_hec_fields_reach_the_receiver() -> None:
    hec = {"index": "main", "sourcetype": "st", "source": "so", "host": "ho"}
    with Receiver() as receiver:
        send(hook(url=receiver.url, encoding="hec", hec=hec))
    [envelope] = receiver.requests[0].envelopes
    assert {key: envelope[key] for key in hec} == hec


def test_tls_settings_reach_the_connection(tmp_path: Path) -> None:
    cert_file, context = certificate(tmp_path, "siem.example.com")
    with Receiver(tls=context) as server:
        trusting = {"url": server.url, "ca_file": str(cert_file)}
        assert send(hook(url=server.url)).again[0].error_type == "tls"
        assert send(hook(**trusting)).again[0].error_type == "tls"
        assert send(hook(**trusting, verify_hostname=False)) == Outcome(delivered=range(1))
        assert send(hook(url=server.url, verify_hostname=False)).again[0].error_type == "tls"
        assert send(hook(url=server.url, verify=False)) == Outcome(delivered=range(1))


def test_no_secret_is_in_what_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    letters = DeadLetterFile(tmp_path)
    for config in (search(username="elastic", password_env="SECRET"), hook(headers_env={"X": "SECRET"})):
        target = make_target("out", config)
        sink = build_sink("out", config, ["acme"], state_dir=None, letters=letters, outbox_dir=tmp_path / "outbox", control=RunControl())
        for thing in (config, target, vars(target), sink, vars(sink), getattr(target, "_headers", None)):
            assert SECRET not in repr(thing)
        target.close()
