"""A target is down, hangs, or the run stops meanwhile: nobody waits for it, and every event is in the outbox until it is somewhere else.

No case is for files: one that can't be written stops the run (test_deliver), and none waits for anybody.
"""

import pytest

from sinks.errors import SinkStopped
from tests.conformance.sinks.kinds import HOOKS, SENDERS, HookKind, for_each
from tests.conformance.sinks.pages import content, page, tenant_in, uuid_in, uuids
from tests.conformance.sinks.run import TENANTS, Bench, eventually
from tests.unit.sinks.search_server import ItemError

# Whoever waits for the end of retry_for_seconds where he mustn't waits longer than that.
pytestmark = pytest.mark.timeout(60)

FIRST, SECOND, THIRD, FOURTH = (page("acme", range(start, start + 6)) for start in range(0, 24, 6))
WAYS = ["answers-503", "is-gone", "hangs"]
RETRY_FOR_SECONDS = 600.0


def break_down(bench: Bench, way: str) -> None:
    """From now on nothing gets through."""
    if way == "is-gone":
        bench.kind.server.down()
    elif way == "hangs":
        bench.kind.server.hang()
    else:
        bench.kind.server.answer(503, b"under repair", times=None)


def let_its_time_be_over(bench: Bench, way: str) -> None:
    """As soon as it is known that nothing gets through, the time for which it is tried is over."""
    retried, asked = bench.value("okta_sink_retries_total"), len(bench.kind.sent())
    bench.jump(
        RETRY_FOR_SECONDS,
        when=lambda: len(bench.kind.sent()) > asked if way == "hangs" else bench.value("okta_sink_retries_total") > retried,
    )


def mend(bench: Bench, way: str) -> None:
    bench.kind.server.clear()
    if way == "is-gone":
        bench.kind.server.up()


@for_each(*SENDERS)
@pytest.mark.parametrize("way", WAYS)
def test_nobody_waits_for_a_target_and_all_of_it_arrives_without_a_replay(bench: Bench, way: str) -> None:
    run = bench.start(request_timeout_seconds=30 if way != "hangs" else 1)
    run.epoch(FIRST)
    break_down(bench, way)
    for documents in (SECOND, THIRD):
        # Both return while nothing gets through.
        run.write(documents)
        run.end_epoch()
    assert bench.waiting_bytes() > 0
    assert bench.oldest_at() is not None
    mend(bench, way)
    run.epoch(FOURTH)
    run.close()
    assert bench.kind.by_uuid() == content(FIRST, SECOND, THIRD, FOURTH)
    assert bench.letters() == []
    if isinstance(bench.kind, HookKind):
        assert list(dict.fromkeys(bench.kind.arrived())) == uuids(FIRST, SECOND, THIRD, FOURTH)
    assert bench.files_left() == []


@for_each(*SENDERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_stop_leaves_the_rest_and_the_next_run_sends_it(bench: Bench, way: str) -> None:
    run = bench.start(request_timeout_seconds=60)
    run.epoch(FIRST)
    break_down(bench, way)
    run.write(SECOND, THIRD)
    bench.kind.wait_for_requests(2 if way == "is-gone" else 3)
    run.end_epoch()
    run.close()
    (left,) = bench.control.left()
    assert "the next run sends them" in left
    assert bench.letters() == []
    mend(bench, way)
    again = bench.start(after=run)
    again.settle()
    again.close()
    assert bench.kind.by_uuid() == content(FIRST, SECOND, THIRD)
    assert bench.letters() == []
    assert bench.files_left() == []


@for_each(*SENDERS)
@pytest.mark.parametrize("is_snapshotted", [True, False])
def test_killed_with_a_full_outbox(bench: Bench, *, is_snapshotted: bool) -> None:
    run = bench.start()
    run.epoch(FIRST)
    break_down(bench, "is-gone")
    run.write(SECOND)
    run.end_epoch()
    run.write(THIRD)
    if is_snapshotted:
        run.end_epoch()
    run.kill()
    mend(bench, "is-gone")
    again = bench.start(after=run)
    if not is_snapshotted:
        again.write(THIRD)
    again.epoch(FOURTH)
    again.close()
    # A request that was on its way at the kill may have arrived: then its batch is repeated, by the same identity.
    arrived = list(dict.fromkeys(bench.kind.arrived()))
    assert sorted(arrived) == sorted(uuids(FIRST, SECOND, THIRD, FOURTH))
    assert bench.kind.by_uuid() == content(FIRST, SECOND, THIRD, FOURTH)
    if isinstance(bench.kind, HookKind):
        assert arrived == uuids(FIRST, SECOND, THIRD, FOURTH)


@for_each(*HOOKS)  # a search index knows no order
def test_more_than_there_is_room_for_keeps_order_and_batches(bench: Bench) -> None:
    keys = {"batch_bytes": 100_000, "batch_events": 4}
    pages = [page(tenant, range(start, start + 10), big=[start, start + 5]) for start in range(0, 60, 10) for tenant in TENANTS]
    run = bench.start(**keys)
    break_down(bench, "is-gone")
    for documents in pages:
        run.write(documents)
    run.end_epoch()
    mend(bench, "is-gone")
    run.settle()
    run.close()
    assert bench.kind.by_uuid() == content(*pages)
    for tenant in TENANTS:
        arrived = [uuid_in(document) for document in bench.kind.documents() if tenant_in(document) == tenant]
        assert arrived == [f"{tenant}-{number}" for number in range(60)]
    # As if it had never been away: a page is cut at the same places, whether it was read again or not.
    ids = [identity for identity, _ in bench.kind.message_ids()]
    other = bench.start(**keys)
    for documents in pages:
        other.epoch(documents)
    other.close()
    assert sorted(identity for identity, _ in bench.kind.message_ids()[len(ids) :]) == sorted(ids)


@for_each("elasticsearch-dated", "opensearch-dated")  # an index for each tenant
def test_a_blocked_index_holds_up_no_other_however_much_waits_for_it(bench: Bench) -> None:
    run = bench.start(batch_bytes=100_000)
    for day in ("2026-05-01", "2026-05-02"):
        bench.kind.server.blocks[f"okta-acme-{day}"] = ItemError(403, "cluster_block_exception", f"index [okta-acme-{day}] blocked by: [x]")
    mine = [page("acme", [number], big=[number]) for number in range(30)]  # several times the room
    for documents in mine:
        run.write(documents)
    others = [page("globex", [number]) for number in range(20)]
    for documents in others:
        run.write(documents)
        run.sink.flush()
        eventually(lambda documents=documents: set(uuids(documents)) <= set(bench.kind.arrived()), "the others' events")
    run.end_epoch()
    assert bench.letters() == []
    bench.kind.server.blocks.clear()
    run.settle()
    run.close()
    assert bench.kind.by_uuid() == content(*mine, *others)


@for_each("webhook-json")  # who sends it is the same for all
def test_two_processes_do_not_send_the_same(bench: Bench) -> None:
    (bench.folder / "outbox" / bench.name).mkdir(parents=True)
    with bench.locked_elsewhere("globex"), pytest.raises(SinkStopped, match="another process sends what is in"):
        bench.start()


@for_each(*SENDERS)
def test_an_outbox_that_cannot_be_written_stops_the_run_and_the_next_one_goes_on(bench: Bench) -> None:
    run = bench.start()
    run.epoch(FIRST)
    run.close()
    folder = bench.folder / "outbox" / bench.name / "globex"
    folder.write_text("in the way")
    with pytest.raises(SinkStopped, match=r"can't write the events to .*outbox.*globex: .*nothing is lost"):
        bench.start(after=run)
    folder.unlink()
    again = bench.start(after=run)
    again.epoch(page("globex", range(3)))
    again.close()
    assert bench.kind.by_uuid() == content(FIRST, page("globex", range(3)))


@for_each(*SENDERS)
@pytest.mark.parametrize("way", WAYS)
def test_when_its_time_is_over_its_events_are_letters_until_something_gets_through(bench: Bench, way: str) -> None:
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS, request_timeout_seconds=1.0 if way == "hangs" else 30)
    run.epoch(FIRST)
    break_down(bench, way)
    let_its_time_be_over(bench, way)
    run.epoch(SECOND)
    assert bench.lost() == sorted(uuids(SECOND))
    assert any(letter.attempts for letter in bench.letters())
    assert all(f"127.0.0.1:{bench.kind.server.port}" in letter.reason for letter in bench.letters())
    assert bench.value("okta_sink_breakers_open") == 1
    mend(bench, way)
    bench.jump(120.0, when=lambda: True)
    run.epoch(FOURTH)
    run.close()
    assert set(uuids(FIRST, FOURTH)) <= set(bench.kind.arrived())
    assert bench.value("okta_sink_breakers_open") == 0
    assert bench.count("dead_letter") == 6


@for_each(*SENDERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_sink_that_may_stop_the_run(bench: Bench, way: str) -> None:
    timeout_seconds = 1.0 if way == "hangs" else 30
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS, on_exhausted="stop", request_timeout_seconds=timeout_seconds)
    run.epoch(FIRST)
    break_down(bench, way)
    let_its_time_be_over(bench, way)
    run.write(SECOND)
    eventually(lambda: bench.has_stopped(run), "the end of its time")
    with pytest.raises(SinkStopped, match='on_exhausted is "stop"'):
        run.write(THIRD)
    with pytest.raises(SinkStopped):
        run.end_epoch()
    run.kill()
    assert bench.letters() == []
    assert bench.count("dead_letter") == 0
    mend(bench, way)
    again = bench.start(after=run, on_exhausted="stop")
    again.epoch(SECOND, THIRD)
    again.close()
    assert bench.kind.by_uuid() == content(FIRST, SECOND, THIRD)


@for_each(*SENDERS)
def test_letters_that_cannot_be_written_stop_the_run(bench: Bench) -> None:
    bench.dead.write_text("in the way")
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS)
    run.epoch(FIRST)
    break_down(bench, "answers-503")
    let_its_time_be_over(bench, "answers-503")
    run.write(SECOND)
    eventually(lambda: bench.has_stopped(run), "letters that can't be written")
    with pytest.raises(SinkStopped, match=r"a part of the path is a file.* nothing is lost"):
        run.end_epoch()
    run.kill()
    bench.dead.unlink()
    mend(bench, "answers-503")
    again = bench.start(after=run)
    again.epoch(SECOND)
    again.close()
    assert bench.kind.by_uuid() == content(FIRST, SECOND)
    assert bench.letters() == []


@for_each(*SENDERS)
def test_a_stop_leaves_a_healthy_target_its_time(bench: Bench) -> None:
    run = bench.start()
    run.write(FIRST)
    run.end_epoch()
    run.close()
    assert bench.kind.by_uuid() == content(FIRST)
    assert bench.letters() == []
    assert bench.control.left() == []
