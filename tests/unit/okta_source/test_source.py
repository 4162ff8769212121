"""The Bytewax input as a whole: its partitions, its two streams, and what it makes of a saved state."""

import logging
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, cluster_main, run_main
from prometheus_client import REGISTRY

from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.http.client import HttpClient
from okta_source.metrics import TenantMetrics
from okta_source.partition import RetiredPartition, TenantPartition
from okta_source.polling.event import Batch, Malformed
from okta_source.polling.state import StateError
from okta_source.source import OktaSource, okta_input
from tests.unit.okta_source.fakes import NOW, Answer, FakeTransport, answer, event, events, link_to, uuid

WAIT = 10.0


def tenant(name: str, **settings: Any) -> TenantConfig:
    auth = {"method": "ssws", "token_env": "UNUSED"}
    return TenantConfig.model_validate({"name": name, "org_url": "https://acme.okta.com", "auth": auth, "page_limit": 3, **settings})


class Source:
    """A source with a scripted transport for each tenant."""

    def __init__(self, scripts: Mapping[str, list[Answer]], *, until_drained: bool = True, settings: Any = None, **more: Any) -> None:
        self.control = RunControl(until_drained=until_drained)
        self.transports = {name: FakeTransport(*script) for name, script in scripts.items()}
        self.source = OktaSource(
            [tenant(name, **(settings or {})) for name in scripts], control=self.control, transport=self._transport, now=lambda: NOW, **more
        )

    def _transport(self, config: TenantConfig, _metrics: TenantMetrics) -> FakeTransport:
        return self.transports[config.name]


def pages(first: int, count: int) -> list[Answer]:
    """Full pages of three events, then an empty one."""
    full: list[Answer] = [answer(events(first + 3 * number, 3), link_to(f"{first}-{number}")) for number in range(count)]
    return [*full, answer([], link_to(f"{first}-end"))]


def run(source: Source, *, cluster: int = 0) -> tuple[list[Batch], list[Malformed]]:
    oks: list[Batch] = []
    errs: list[Malformed] = []
    flow = Dataflow("flow")
    out = okta_input("okta", flow, source.source)
    op.output("oks", out.oks, TestingSink(oks))
    op.output("errs", out.errs, TestingSink(errs))
    if cluster:
        cluster_main(flow, [], 0, worker_count_per_proc=cluster, epoch_interval=timedelta(seconds=1))
    else:
        run_main(flow, epoch_interval=timedelta(seconds=1))
    return oks, errs


def uuids(batches: list[Batch], name: str) -> list[str]:
    return [head.uuid for batch in batches if batch.tenant == name for head in batch.heads]


@pytest.mark.parametrize("cluster", [0, 2])
def test_every_tenant_is_drained_once_and_in_order(cluster: int) -> None:
    source = Source({"src-a": pages(0, 5), "src-b": pages(100, 3), "src-c": pages(200, 0)})
    oks, errs = run(source, cluster=cluster)
    assert uuids(oks, "src-a") == [uuid(number) for number in range(15)]
    assert uuids(oks, "src-b") == [uuid(number) for number in range(100, 109)]
    assert uuids(oks, "src-c") == []
    assert errs == []
    assert source.control.undrained() == {}
    assert all(transport.closed for transport in source.transports.values())
    assert all(transport.most_in_flight == 1 for transport in source.transports.values())


@pytest.mark.parametrize("cluster", [0, 2])
def test_what_is_no_event_takes_the_other_stream(cluster: int) -> None:
    source = Source({"src-d": [answer([event(1), {"uuid": "broken"}], link_to("1"))]})
    oks, errs = run(source, cluster=cluster)
    assert uuids(oks, "src-d") == [uuid(1)]
    assert [(malformed.tenant, malformed.uuid) for malformed in errs] == [("src-d", "broken")]


def test_one_tenant_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("okta_source.polling.limits.Backoff.seconds", lambda *_: 0.01)
    source = Source({"src-e": [answer(status=401)], "src-f": pages(0, 2)})
    oks, _ = run(source)
    assert len(uuids(oks, "src-f")) == 6
    assert {name: failure.error_type for name, failure in source.control.undrained().items()} == {"src-e": "auth"}


def test_a_stop_ends_a_run_that_would_go_on_for_ever() -> None:
    drained = threading.Event()

    def last() -> Any:
        drained.set()
        return answer([], link_to("end"))

    source = Source({"src-g": [*pages(0, 2)[:2], last]}, until_drained=False)

    def stop() -> None:
        assert drained.wait(WAIT)
        source.control.request_stop()

    thread = threading.Thread(target=stop)
    thread.start()
    oks, _ = run(source)
    thread.join()
    assert len(uuids(oks, "src-g")) == 6


def test_partitions_are_listed_sorted_with_the_retired_ones_among_them() -> None:
    source = Source({"zeta": pages(0, 0), "acme": pages(0, 0)}, retired=["initech", "acme"]).source
    assert source.list_parts() == ["acme", "initech", "zeta"]
    assert source.partition_names == ("acme", "initech", "zeta")


def test_bytewax_asking_for_partitions_means_that_the_cluster_is_complete() -> None:
    source = Source({"src-h": pages(0, 0)})
    assert not source.control.running
    source.source.list_parts()
    assert source.control.running


def test_a_retired_tenant_gets_a_placeholder_that_keeps_its_state() -> None:
    source = Source({"src-i": pages(0, 0)}, retired=["gone"]).source
    partition = source.build_part("okta", "gone", {"version": 99})
    assert isinstance(partition, RetiredPartition)
    assert partition.snapshot() == {"version": 99}


def built(source: Source, name: str, state: Any = None) -> TenantPartition:
    partition = source.source.build_part("okta", name, state)
    assert isinstance(partition, TenantPartition)
    return partition


def test_a_new_tenant_starts_where_its_configuration_says() -> None:
    source = Source({"src-j": pages(0, 0)}, settings={"start_from": "24h", "filter": "x pr", "q": "word"})
    snapshot = built(source, "src-j").snapshot()
    assert snapshot["url"] == (
        "https://acme.okta.com/api/v1/logs?since=2026-02-28T12%3A00%3A00.000Z&sortOrder=ASCENDING&limit=3&filter=x%20pr&q=word"
    )
    assert snapshot["started_at"] == "2026-02-28T12:00:00+00:00"
    assert (snapshot["high_water"], snapshot["window"]) == (None, ())


def state_of(name: str) -> dict[str, Any]:
    """A snapshot behind two pages."""
    source = Source({name: pages(0, 2)})
    partition = built(source, name)
    while True:
        try:
            partition.next_batch()
        except StopIteration:
            return partition.snapshot()


def test_a_saved_state_is_resumed_whatever_start_from_says() -> None:
    state = state_of("src-k")
    source = Source({"src-k": pages(0, 3)}, settings={"start_from": "30d", "poll_interval_seconds": 60.0})
    partition = built(source, "src-k", state)
    assert partition.snapshot() == state
    assert state["url"] == link_to("0-end")


def test_a_changed_filter_restarts_with_an_overlap_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    state = state_of("src-l")
    source = Source({"src-l": pages(0, 2)}, settings={"filter": "x pr"})
    with caplog.at_level(logging.WARNING):
        snapshot = built(source, "src-l", state).snapshot()
    assert "since=2026-03-01T12%3A00%3A00.000Z" in snapshot["url"]  # never before what was asked for at first: `now`
    assert snapshot["window"] == state["window"]
    assert REGISTRY.get_sample_value("okta_cursor_resets_total", {"tenant": "src-l"}) == 1.0
    assert "src-l" in caplog.text


def test_the_overlap_is_shorter_than_the_window_of_seen_uuids() -> None:
    def since(window_seconds: float) -> str:
        state = state_of("src-m") | {"started_at": "2026-01-01T00:00:00+00:00", "query": "another"}
        source = Source({"src-m": pages(0, 2)}, dedupe_window_seconds=window_seconds)
        return str(built(source, "src-m", state).snapshot()["url"]).partition("since=")[2][:28]

    assert since(3600.0) == "2026-03-01T11%3A55%3A00.000Z"
    assert since(60.0) == "2026-03-01T11%3A59%3A30.000Z"


def test_an_unknown_state_stops_the_run() -> None:
    with pytest.raises(StateError):
        built(Source({"src-n": pages(0, 0)}), "src-n", {"version": 99})


def test_tenants_on_one_host_share_its_budget() -> None:
    source = Source({"src-o": pages(0, 0), "src-p": pages(0, 0)})
    one, other = built(source, "src-o"), built(source, "src-p")
    assert one._feed._limiter is other._feed._limiter


def test_the_shipped_transport_is_used_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Recorded(FakeTransport):
        def __init__(self, http: HttpClient, _authenticator: object, _on_retry: object) -> None:
            super().__init__(answer([], link_to("1")))
            made.append(http.org_url)

    monkeypatch.setattr("okta_source.source.OktaTransport", Recorded)
    OktaSource([tenant("src-q")]).build_part("okta", "src-q", None)
    assert made == ["https://acme.okta.com"]


def test_the_configuration_sends_a_thousand_events_a_page_unless_told_otherwise() -> None:
    source = Source({"src-r": pages(0, 0)}, settings={"page_limit": 1000})
    assert "limit=1000" in built(source, "src-r").snapshot()["url"]
