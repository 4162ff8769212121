"""A target is down, hangs, or the run stops meanwhile: nothing waits for longer than it may, and every event is in one of two places.

No case is for files: one that can't be written stops the run (test_deliver), and none waits for anybody.
"""

import pytest

from sinks.errors import SinkStopped
from tests.conformance.sinks.kinds import SENDERS, for_each
from tests.conformance.sinks.pages import content, page, uuids
from tests.conformance.sinks.run import Bench, eventually

# Whoever waits for the end of retry_for_seconds where he mustn't waits longer than that.
pytestmark = pytest.mark.timeout(60)

FIRST, SECOND, THIRD, FOURTH = (page("acme", range(start, start + 6)) for start in range(0, 24, 6))
WAYS = ["answers-503", "is-gone", "hangs"]
RETRY_FOR_SECONDS = 600.0


def break_down(bench: Bench, way: str) -> None:
    """From now on nothing gets through; once that is known, the time for which it is tried is over."""
    retried, asked = bench.value("okta_sink_retries_total"), len(bench.kind.sent())
    if way == "is-gone":
        bench.kind.server.down()
    elif way == "hangs":
        bench.kind.server.hang()
    else:
        bench.kind.server.answer(503, b"under repair", times=None)
    bench.jump(
        RETRY_FOR_SECONDS,
        when=lambda: len(bench.kind.sent()) > asked if way == "hangs" else bench.value("okta_sink_retries_total") > retried,
    )


def mend(bench: Bench, way: str) -> None:
    bench.kind.server.clear()
    if way == "is-gone":
        bench.kind.server.up()


def assert_in_one_of_two_places(bench: Bench, given: list[str]) -> None:
    """Each event arrived or is a letter; as it was given."""
    assert set(bench.kind.arrived()) | set(bench.lost()) == set(given)
    assert set(bench.kind.by_uuid().items()) <= set(content(FIRST, SECOND, THIRD, FOURTH).items())


@for_each(*SENDERS)
@pytest.mark.parametrize("way", WAYS)
def test_the_breaker_opens_and_closes(bench: Bench, way: str) -> None:
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS)
    run.epoch(FIRST)
    break_down(bench, way)
    run.epoch(SECOND)
    assert bench.lost() == sorted(uuids(SECOND))
    assert any(letter.attempts for letter in bench.letters())
    assert bench.value("okta_sink_breakers_open") == 1
    run.epoch(THIRD)
    # Nothing waited: it wasn't even tried. And all of this while the target is down.
    skipped = [letter for letter in bench.letters() if letter.uuid in uuids(THIRD)]
    assert [letter.attempts for letter in skipped] == [0] * 6
    assert all(letter.reason.startswith("Not sent, since the target is down: ") for letter in skipped)
    assert all(f"127.0.0.1:{bench.kind.server.port}" in letter.reason for letter in bench.letters())
    assert bench.lost() == sorted(uuids(SECOND, THIRD))
    mend(bench, way)
    eventually(lambda: len(bench.lost()) < 12, "a probe that takes its letters back")
    eventually(lambda: bench.value("okta_sink_breakers_open") == 0, "the breaker")
    assert_in_one_of_two_places(bench, uuids(FIRST, SECOND, THIRD))
    if way != "hangs":  # what was taken without an answer is in both
        assert set(bench.kind.arrived()).isdisjoint(bench.lost())
    run.epoch(FOURTH)
    assert set(uuids(FIRST, FOURTH)) < set(bench.kind.arrived())
    assert bench.count("dead_letter") == 12
    run.close()


@for_each(*SENDERS)
def test_a_target_that_is_not_there_at_the_start(bench: Bench) -> None:
    break_down(bench, "is-gone")
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS)
    run.epoch(FIRST)
    assert bench.lost() == sorted(uuids(FIRST))
    mend(bench, "is-gone")
    eventually(lambda: len(bench.lost()) < 6, "a probe")
    eventually(lambda: bench.value("okta_sink_breakers_open") == 0, "the breaker")
    run.epoch(SECOND)
    assert_in_one_of_two_places(bench, uuids(FIRST, SECOND))
    assert set(uuids(SECOND)) < set(bench.kind.arrived())
    run.close()


@for_each(*SENDERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_sink_that_may_stop_the_run(bench: Bench, way: str) -> None:
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS, on_exhausted="stop")
    run.epoch(FIRST)
    break_down(bench, way)
    with pytest.raises(SinkStopped, match='on_exhausted is "stop"'):
        run.epoch(SECOND)
    with pytest.raises(SinkStopped):
        run.epoch(THIRD)
    run.close()
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
    with pytest.raises(SinkStopped, match=r"a part of the path is a file.* nothing is lost"):
        run.epoch(SECOND)
    run.close()
    bench.dead.unlink()
    mend(bench, "answers-503")
    again = bench.start(after=run)
    again.epoch(SECOND)
    again.close()
    assert bench.kind.by_uuid() == content(FIRST, SECOND)
    assert bench.letters() == []


@for_each(*SENDERS)
@pytest.mark.parametrize("way", ["answers-503", "hangs"])
def test_a_stop_while_it_is_tried_again(bench: Bench, way: str) -> None:
    deadline: list[float | None] = [None]
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS, request_timeout_seconds=60, stop_deadline=lambda: deadline[0])
    run.epoch(FIRST)
    break_down(bench, way)
    bench.jump(0.0, when=lambda: False)
    run.write(SECOND, THIRD)
    bench.kind.wait_for_requests(3)
    deadline[0] = 0.0
    run.end_epoch()
    run.close()
    assert bench.lost() == sorted(uuids(SECOND, THIRD))
    assert all(letter.reason.startswith("The run was stopped before the target took it.") for letter in bench.letters())
    assert sorted(bench.kind.arrived()) == sorted(uuids(FIRST))


@for_each(*SENDERS)
def test_a_stop_of_a_sink_that_may_stop_the_run(bench: Bench) -> None:
    deadline: list[float | None] = [None]
    run = bench.start(retry_for_seconds=RETRY_FOR_SECONDS, on_exhausted="stop", stop_deadline=lambda: deadline[0])
    bench.kind.server.answer(503, times=None)
    run.write(FIRST)
    bench.kind.wait_for_requests(1)
    deadline[0] = 0.0
    with pytest.raises(SinkStopped):
        run.end_epoch()
    run.close()
    assert bench.letters() == []
    bench.kind.server.clear()
    again = bench.start(after=run)
    again.epoch(FIRST)
    again.close()
    assert bench.kind.by_uuid() == content(FIRST)


@for_each(*SENDERS)
def test_a_stop_leaves_a_healthy_target_its_time(bench: Bench) -> None:
    run = bench.start(stop_deadline=lambda: 0.0)
    run.epoch(FIRST)
    run.close()
    assert bench.kind.by_uuid() == content(FIRST)
    assert bench.letters() == []
