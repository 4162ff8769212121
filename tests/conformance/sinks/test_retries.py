"""A target fails for a while and is tried again; nothing is lost, and nothing is there twice where the target knows events by their id.

No case is for files: one that can't be written stops the run (test_deliver).
"""

import pytest

from tests.conformance.sinks.kinds import HOOKS, SEARCHES, SENDERS, HookKind, for_each
from tests.conformance.sinks.pages import content, page, tenant_in, uuid_in, uuids
from tests.conformance.sinks.run import TENANTS, Bench, failures

PAGE = page("acme", range(9))


def assert_all_arrived(bench: Bench) -> None:
    """Each event is there as it was given, and in no letter; a webhook's batch that came twice had the same id."""
    assert bench.kind.by_uuid() == content(PAGE)
    assert bench.letters() == []
    if isinstance(bench.kind, HookKind):
        assert_ids_tell_batches(bench)
        assert list(dict.fromkeys(bench.kind.arrived())) == uuids(PAGE)
    else:
        assert sorted(bench.kind.arrived()) == uuids(PAGE)


def assert_ids_tell_batches(bench: Bench) -> None:
    """The same events have the same id, others another one."""
    pairs = set(bench.kind.message_ids())
    assert len({identity for identity, _ in pairs}) == len({events for _, events in pairs}) == len(pairs)


@for_each(*SENDERS)
@pytest.mark.parametrize("status", [503, 429])
def test_a_failure_is_followed_by_success(bench: Bench, status: int) -> None:
    error_type = {503: "server", 429: "rate_limited"}[status]
    before = failures(error_type)
    bench.kind.server.answer(status, times=2)
    run = bench.start(max_in_flight=1)
    run.epoch(PAGE)
    assert_all_arrived(bench)
    assert sorted(bench.kind.arrived()) == uuids(PAGE)
    sent = [tuple(request) for request in bench.kind.sent()]
    assert (len(sent), len(set(sent))) == (5, 3)
    assert (bench.count("delivered"), bench.count("duplicate")) == (9, 0)
    assert (bench.value("okta_sink_retries_total"), failures(error_type) - before) == (2, 2)
    assert [bench.value("okta_sink_batches_total", result=result) for result in ("delivered", "failed")] == [3, 2]
    run.close()


@for_each(*SENDERS)
def test_an_answer_that_comes_too_late(bench: Bench) -> None:
    before = failures("timeout")
    run = bench.start(request_timeout_seconds=1.0)
    run.epoch(page("globex", range(3)))  # so that a search server has its template
    bench.kind.server.hang(times=1)
    run.epoch(PAGE)
    bench.kind.server.release()
    bench.kind.wait_for_requests(5)
    run.close()
    assert {**content(page("globex", range(3))), **content(PAGE)} == bench.kind.by_uuid()
    assert bench.letters() == []
    assert failures("timeout") > before
    if isinstance(bench.kind, HookKind):
        # A search server, which knows events by their ids, may have been asked with the first of those that hung.
        assert len({tuple(request) for request in bench.kind.sent()}) == 4
        assert_ids_tell_batches(bench)


@for_each(*SENDERS)
@pytest.mark.parametrize("taken", [False, True], ids=["before-its-effect", "after-its-effect"])
def test_a_connection_that_breaks_in_mid_request(bench: Bench, *, taken: bool) -> None:
    before = failures("connection")
    bench.kind.server.reset(taken=taken)
    run = bench.start(max_in_flight=1)
    run.epoch(PAGE)
    assert_all_arrived(bench)
    assert failures("connection") - before == 1
    search = not isinstance(bench.kind, HookKind)
    # What a search server had taken it knows again; a receiver of webhooks may, by the id.
    assert bench.count("duplicate") == (3 if taken and search else 0)
    assert bench.count("delivered") + bench.count("duplicate") == 9
    if taken and not search:
        (first, second, *_) = bench.kind.message_ids()
        assert first == second
    run.close()


@for_each(*HOOKS)  # a search index knows no order
def test_order_survives_trouble(bench: Bench) -> None:
    server = bench.kind.server
    server.answer(503)
    server.reset()
    server.answer(200)
    server.reset(taken=True)
    server.answer(429, headers={"Retry-After": "0"}, times=3)
    server.answer(200)
    server.answer(408)
    run = bench.start()
    for start in range(0, 24, 12):
        run.epoch(*(page(tenant, range(start, start + 12)) for tenant in TENANTS))
    run.close()
    for tenant in TENANTS:
        arrived = [uuid_in(document) for document in bench.kind.documents() if tenant_in(document) == tenant]
        assert list(dict.fromkeys(arrived)) == [f"{tenant}-{number}" for number in range(24)]


@for_each(*SEARCHES)  # what a receiver of webhooks remembers is its own affair
def test_what_was_there_already_is_a_duplicate(bench: Bench) -> None:
    run = bench.start()
    run.epoch(page("acme", (0, 4, 8)))
    run.epoch(PAGE)
    assert_all_arrived(bench)
    assert (bench.count("delivered"), bench.count("duplicate"), bench.count("dead_letter")) == (9, 3, 0)
    run.close()
