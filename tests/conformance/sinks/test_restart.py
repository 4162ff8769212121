"""The process dies, and the next one begins at the last snapshot with the same pages: each sink keeps its guarantee.

| sink | guarantee |
|---|---|
| file | exactly once |
| elasticsearch | effectively once |
| webhook | at least once; the same batch has the same `webhook-id` |
"""

import pytest

from tests.conformance.sinks.kinds import FILE, HOOKS, KINDS, SENDERS, HookKind, for_each
from tests.conformance.sinks.pages import content, page, tenant_in, uuid_in, uuids
from tests.conformance.sinks.run import TENANTS, Bench

BEFORE = [page(tenant, range(6)) for tenant in TENANTS]
DURING = [page(tenant, numbers) for numbers in (range(6, 13), range(13, 20)) for tenant in TENANTS]
AFTER = [page(tenant, range(20, 24)) for tenant in TENANTS]
ALL = [*BEFORE, *DURING, *AFTER]


def assert_guarantee(bench: Bench) -> None:
    assert bench.kind.by_uuid() == content(*ALL)
    assert bench.letters() == []
    if not isinstance(bench.kind, HookKind):
        assert sorted(bench.kind.arrived()) == sorted(uuids(*ALL))
        return
    pairs = set(bench.kind.message_ids())
    assert len({identity for identity, _ in pairs}) == len({events for _, events in pairs}) == len(pairs)
    for tenant in TENANTS:
        arrived = [uuid_in(document) for document in bench.kind.documents() if tenant_in(document) == tenant]
        assert list(dict.fromkeys(arrived)) == [f"{tenant}-{number}" for number in range(24)]


@for_each(*SENDERS)  # a file has nothing in flight: see the next case
@pytest.mark.parametrize("effect", [False, True], ids=["lost-with-it", "taken-all-the-same"])
def test_killed_in_mid_batch(bench: Bench, *, effect: bool) -> None:
    run = bench.start()
    run.epoch(*BEFORE)
    known = len(bench.kind.sent())
    bench.kind.server.hang()
    run.write(*DURING)
    # As many as may be under way at once: where order is kept one of each tenant.
    bench.kind.wait_for_requests(known + (3 if isinstance(bench.kind, HookKind) else 4))
    run.kill()
    sent = bench.kind.sent()[known:]
    ids = bench.kind.message_ids()[known:] if isinstance(bench.kind, HookKind) else []
    if effect:
        bench.kind.server.release()
        bench.kind.server.wait_for(lambda server: all(request.status for request in server.requests))
    else:
        bench.kind.server.down()
        bench.kind.server.clear()
        bench.kind.server.up()
    again = bench.start(after=run)
    again.epoch(*DURING)
    again.epoch(*AFTER)
    again.close()
    assert_guarantee(bench)
    assert (bench.count("duplicate") > 0) == (effect and not isinstance(bench.kind, HookKind))
    repeated = bench.kind.message_ids()[known + len(sent) :] if ids else []
    assert set(ids) <= set(repeated)


@for_each(*KINDS)
def test_killed_before_the_snapshot(bench: Bench) -> None:
    run = bench.start()
    run.epoch(*BEFORE)
    states = dict(run.states)
    run.epoch(*DURING)
    run.states = states
    run.kill()
    again = bench.start(after=run)
    again.epoch(*DURING)
    again.epoch(*AFTER)
    again.close()
    assert_guarantee(bench)


@for_each(*KINDS)
def test_an_epoch_is_replayed_in_other_portions(bench: Bench) -> None:
    keys = {"batch_events": 20} if bench.kind_name not in FILE else {}  # more than a page
    run = bench.start(**keys)
    run.epoch(*BEFORE)
    states = dict(run.states)
    run.epoch(*DURING, *AFTER)
    asked = len(bench.kind.sent()) if bench.kind_name not in FILE else 0
    run.close()
    run.states = states
    again = bench.start(after=run, **keys)
    # Bytewax makes epochs by the clock: the same pages come in others than before.
    for documents in (*DURING, *AFTER):
        again.epoch(documents)
    again.close()
    assert_guarantee(bench)
    if bench.kind_name in HOOKS:
        ids = bench.kind.message_ids()
        assert set(ids[asked:]) < set(ids[:asked])


@for_each(*HOOKS)  # the others need no ids of batches
def test_events_that_are_fetched_anew_go_under_the_same_id(bench: Bench) -> None:
    run = bench.start()
    run.epoch(page("acme", range(10)))
    run.kill()
    asked = len(bench.kind.sent())
    again = bench.start(after=run)
    again.epoch(page("acme", range(10), second=30))
    again.close()
    assert bench.kind.message_ids()[asked:] == bench.kind.message_ids()[:asked]
    assert bench.kind.documents()[10:] != bench.kind.documents()[:10]


@for_each(*KINDS)
def test_a_run_from_the_beginning(bench: Bench) -> None:
    run = bench.start()
    run.write(*BEFORE, *DURING)
    run.kill()
    again = bench.start()
    again.epoch(*BEFORE, *DURING)
    again.epoch(*AFTER)
    again.close()
    assert_guarantee(bench)
