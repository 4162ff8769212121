"""All goes well: what was handed over is there when the snapshot returns, byte for byte, once."""

import threading

import pytest

from sinks.errors import SinkStopped
from tests.conformance.sinks.kinds import FILE, HOOKS, KINDS, SENDERS, Sender, for_each
from tests.conformance.sinks.pages import content, page, tenant_in, uuid_in, uuids
from tests.conformance.sinks.run import TENANTS, Bench, Run, failures


@for_each(*KINDS)
def test_every_event_is_there_once_when_the_snapshot_returns(bench: Bench) -> None:
    first, second = [page("acme", range(7)), page("globex", range(4))], [page("acme", range(7, 40))]
    run = bench.start()
    run.epoch(*first)
    assert sorted(bench.kind.arrived()) == sorted(uuids(*first))
    run.epoch(*second)
    run.close()
    assert sorted(bench.kind.arrived()) == sorted(uuids(*first, *second))
    assert bench.kind.by_uuid() == content(*first, *second)
    assert bench.letters() == []


@for_each(*KINDS)
def test_what_is_delivered_is_counted(bench: Bench) -> None:
    before = failures("server")
    run = bench.start()
    run.epoch(page("acme", range(7)), page("globex", range(4)))
    assert [bench.value("okta_sink_events_total", tenant=tenant, result="delivered") for tenant in TENANTS] == [7, 4, 0]
    assert (bench.count("duplicate"), bench.count("dead_letter"), failures("server") - before) == (0, 0, 0)
    assert bench.value("okta_delivery_latency_seconds_count") == 11
    assert bench.value("okta_sink_batches_total", result="delivered") == bench.value("okta_sink_write_duration_seconds_count") > 0
    assert (bench.value("okta_sink_batches_total", result="failed"), bench.value("okta_sink_retries_total")) == (0, 0)
    run.close()


@for_each(*KINDS)
def test_an_empty_batch_is_nothing(bench: Bench) -> None:
    run = bench.start()
    run.write_nothing("acme")
    run.epoch(page("acme", []), page("globex", []))
    if isinstance(bench.kind, Sender):
        assert bench.kind.sent() == []
    assert bench.kind.documents() == []
    run.epoch(page("acme", []), page("acme", range(2)), page("acme", []))
    run.close()
    assert bench.kind.by_uuid() == content(page("acme", range(2)))


@for_each(*FILE, *HOOKS)  # a search index knows no order
def test_a_tenants_events_keep_their_order(bench: Bench) -> None:
    pages = [page(tenant, range(start, start + 8)) for start in range(0, 24, 8) for tenant in TENANTS]
    run = bench.start()
    run.write(*pages[:5])
    run.epoch(*pages[5:])
    run.close()
    for tenant in TENANTS:
        arrived = [uuid_in(document) for document in bench.kind.documents() if tenant_in(document) == tenant]
        assert arrived == [f"{tenant}-{number}" for number in range(24)]


@for_each(*KINDS)
def test_the_workers_of_a_process_share_a_sink(bench: Bench) -> None:
    tenants = [f"t{number}" for number in range(12)]
    sink = bench.build(tenants)

    def work(own: list[str]) -> None:
        run = Run(sink, own)
        for start in range(0, 30, 10):
            run.epoch(*(page(tenant, range(start, start + 10)) for tenant in own))
        run.close()

    workers = [threading.Thread(target=work, args=(tenants[number::2],)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(bench.kind.arrived()) == sorted(f"{tenant}-{number}" for tenant in tenants for number in range(30))


@for_each(*SENDERS)  # a file has no requests
def test_no_request_is_larger_than_allowed(bench: Bench) -> None:
    run = bench.start(batch_events=4)
    run.epoch(page("acme", range(10)), page("globex", range(3)))
    run.close()
    assert max(map(len, bench.kind.sent())) <= 4
    size = len(page("initech", [11]).document(0))
    run = bench.start(batch_bytes=2 * size + 10)
    asked = len(bench.kind.sent())
    run.epoch(page("initech", range(12)))
    run.close()
    assert {len(request) for request in bench.kind.sent()[asked:]} == {2}
    assert len(bench.kind.arrived()) == 25


@for_each(*FILE)  # the others: see test_refusals
def test_a_file_takes_any_event(bench: Bench) -> None:
    pages = page("acme", range(5), big=[1], broken=[3])
    run = bench.start()
    run.epoch(pages)
    run.close()
    assert bench.kind.by_uuid() == content(pages)


@for_each(*FILE)  # the others: see test_outages
def test_a_file_that_cannot_be_written_stops_the_run_and_the_next_one_goes_on(bench: Bench) -> None:
    kept, missing = page("acme", range(5)), page("acme", range(30, 40))
    run = bench.start()
    run.epoch(kept)
    (in_the_way := bench.folder / "out/acme/2026-05-02.ndjson").mkdir()
    with pytest.raises(SinkStopped, match=r"sink 'battery.*' stopped the run"):
        run.epoch(missing)
    run.close()
    assert bench.letters() == []
    in_the_way.rmdir()
    run = bench.start(after=run)
    run.epoch(missing)
    run.close()
    assert bench.kind.arrived() == uuids(kept, missing)
