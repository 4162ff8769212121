import threading
import time

import pytest
from prometheus_client import REGISTRY

from sinks.delivery.patient import PatientWriter
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Again, Outcome, Refused
from sinks.delivery.writer import Writer
from sinks.errors import SinkStopped
from tests.unit.sinks.scripted_target import CollectedLetters, ScriptedTarget, fail_all, make_page, take_all


def never():
    return None


@pytest.fixture
def make_writer():
    writers = []

    def make(target, letters=None, *, stop_deadline=never, on_failure=lambda tenants, error_type: None, **policy):
        settings = {"batch_events": 2, "batch_bytes": 1000, "max_in_flight": 2, "in_order": False, "retry_for_seconds": 30.0, **policy}
        letters = letters or CollectedLetters()
        writer = PatientWriter(
            "search",
            target,
            DeliveryPolicy(**settings),
            letters,
            document_format="raw",
            stop_deadline=stop_deadline,
            on_failure=on_failure,
        )
        writer.start()
        writers.append(writer)
        return writer

    yield make
    for writer in writers:
        writer.close()


def test_drain_waits_for_everything(make_writer):
    target = ScriptedTarget()
    writer = make_writer(target)
    writer.add(make_page("acme", "abc"))
    writer.add(make_page("acme", ""))
    writer.drain()
    assert sorted(target.taken) == ["a", "b", "c"]
    writer.drain()


def test_a_retry_delivers(make_writer):
    answers = iter([fail_all, take_all])
    failures = []

    def answer(batch):
        return next(answers)(batch)

    target = ScriptedTarget(answer)
    writer = make_writer(target, on_failure=lambda tenants, error_type: failures.append((set(tenants), error_type)))
    writer.add(make_page("acme", "ab"))
    writer.drain()
    assert target.taken == ["a", "b"]
    assert failures == [({"acme"}, "server")]


def test_nothing_is_sent_before_the_target_is_ready(make_writer):
    target = ScriptedTarget()
    target.ready = Again((), "No template.", "Let it manage index templates.")
    letters = CollectedLetters()
    writer = make_writer(target, letters, retry_for_seconds=0.3)
    writer.add(make_page("acme", "ab"))
    writer.drain()
    assert target.sent == []
    assert letters.uuids == ["a", "b"]
    assert letters.letters[0].reason == "No template."


def test_letters_are_durable_before_drain_returns(make_writer):
    letters = CollectedLetters()
    writer = make_writer(ScriptedTarget(fail_all), letters, retry_for_seconds=0.2)
    writer.add(make_page("acme", "ab"))
    writer.drain()
    assert letters.uuids == ["a", "b"]


def test_letters_that_cant_be_written_stop_the_run(make_writer):
    letters = CollectedLetters()
    letters.error = SinkStopped("disk full")
    writer = make_writer(ScriptedTarget(fail_all), letters, retry_for_seconds=0.2)
    writer.add(make_page("acme", "ab"))
    with pytest.raises(SinkStopped, match="disk full"):
        writer.drain()
    with pytest.raises(SinkStopped, match="disk full"):
        writer.add(make_page("acme", "c"))


def test_exhaustion_stops_the_run_where_that_is_the_policy(make_writer):
    letters = CollectedLetters()
    writer = make_writer(ScriptedTarget(fail_all), letters, retry_for_seconds=0.2, on_exhausted="stop")
    writer.add(make_page("acme", "ab"))
    with pytest.raises(SinkStopped, match=r"sink 'search' stopped the run: It is down\. Start it\."):
        writer.drain()
    assert letters.letters == []


def test_an_event_that_cant_even_be_encoded_is_a_letter_and_the_others_are_delivered(make_writer):
    def send(batch):
        names = [head.uuid for part in batch.parts for head in part.heads]
        if "X" in names:
            message = "no such character"
            raise UnicodeError(message)
        return take_all(batch)

    target, letters = ScriptedTarget(send), CollectedLetters()
    writer = make_writer(target, letters, batch_events=4)
    writer.add(make_page("acme", "abXc"))
    writer.drain()
    assert sorted(target.taken) == ["a", "b", "c"]
    assert letters.uuids == ["X"]
    assert "no such character" in letters.letters[0].reason


@pytest.mark.parametrize("hangs", [True, False])
def test_a_stop_waits_no_longer_than_its_deadline(make_writer, hangs):
    released = threading.Event()

    def hang(batch):
        released.wait(30)
        return take_all(batch)

    deadlines = [None]
    letters = CollectedLetters()
    target = ScriptedTarget(hang if hangs else fail_all)
    writer = make_writer(target, letters, stop_deadline=lambda: deadlines[0])
    writer.add(make_page("acme", "abcde"))
    target.wait_until(lambda: bool(target.sent))
    deadlines[0] = time.monotonic()
    writer.drain()
    released.set()
    assert sorted(letters.uuids) == list("abcde")
    assert "The run was stopped" in letters.letters[0].reason


def test_a_thread_that_is_late_writes_no_letters_after_the_end(make_writer):
    released = threading.Event()

    def refuse(batch):
        if batch.parts[0].heads[0].uuid == "late":
            released.wait(30)
        return Outcome(refused=[Refused(0, "Odd.")])

    others = set(threading.enumerate())
    target, letters = ScriptedTarget(refuse), CollectedLetters()
    letters.error = SinkStopped("No room.", sink="search", tenant="acme", path="dead", reason="it is full", fix="make room")
    writer = make_writer(target, letters, batch_events=1)
    writer.add(make_page("acme", ["late"]))
    target.wait_until(lambda: len(target.sent) == 1)
    writer.add(make_page("acme", ["early"]))
    with pytest.raises(SinkStopped):
        writer.drain()
    letters.error = None
    released.set()
    for thread in set(threading.enumerate()) - others:
        thread.join(10)
    assert letters.letters == []


def test_add_waits_for_room_and_a_slow_target_gets_no_more_than_it_can_take(make_writer):
    room = threading.Semaphore(0)

    def slow(batch):
        room.acquire(timeout=10)
        return take_all(batch)

    target = ScriptedTarget(slow)
    writer = make_writer(target, max_in_flight=1, batch_bytes=100)

    def add_all():
        for number in range(100):
            writer.add(make_page("acme", [f"{number}"], 100))
        writer.drain()

    adding = threading.Thread(target=add_all)
    adding.start()
    target.wait_until(lambda: len(target.sent) == 1)
    assert adding.is_alive()
    room.release(100)
    adding.join(10)
    assert not adding.is_alive()
    assert len(target.taken) == 100


def test_a_thread_that_hangs_for_ever_is_replaced(make_writer, monkeypatch):
    monkeypatch.setattr("sinks.delivery.job._OVERDUE_SECONDS", 0.0)
    released = threading.Event()
    hang_once = iter([True])

    def send(batch):
        if next(hang_once, False):
            released.wait(30)
        return take_all(batch)

    target, letters = ScriptedTarget(send), CollectedLetters()
    writer = make_writer(target, letters, max_in_flight=1, request_timeout_seconds=0.1)
    writer.add(make_page("acme", "ab"))
    writer.drain()
    writer.add(make_page("acme", "cd"))
    writer.drain()
    released.set()
    assert sorted(target.taken)[:4] == ["a", "b", "c", "d"]


def test_several_workers_share_a_writer(make_writer):
    target = ScriptedTarget()
    writer = make_writer(target, batch_events=7)

    def work(tenant):
        for number in range(50):
            writer.add(make_page(tenant, [f"{tenant}{number}"]))
            if number % 10 == 0:
                writer.drain()
        writer.drain()

    workers = [threading.Thread(target=work, args=(tenant,)) for tenant in "xyz"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert sorted(target.taken) == sorted(f"{tenant}{number}" for tenant in "xyz" for number in range(50))


def test_closing_closes_the_target(make_writer):
    target = ScriptedTarget()
    make_writer(target).close()
    assert target.closed


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (Outcome(delivered=[0, 1]), 0),
        (Outcome(duplicates=[0, 1]), 0),
        (Outcome(delivered=[0], refused=[Refused(1, "Odd.")]), 0),
        (Outcome(delivered=[0], again=[Again([1], "Busy.")]), 1),
        (Outcome(refused=[Refused(0, "Gone."), Refused(1, "Gone.")]), 1),
        (Outcome(split=Refused(0, "Large.", 413), too_large=True), 1),
    ],
)
def test_a_batch_of_which_nothing_got_through_has_failed(make_writer, outcome, failed):
    def value(result):
        return REGISTRY.get_sample_value("okta_sink_batches_total", {"sink": "search", "result": result}) or 0.0

    before = value("failed")
    target = ScriptedTarget()
    target.answer = lambda batch: outcome if len(target.sent) == 1 else take_all(batch)
    writer = make_writer(target, linger_seconds=0.0)
    writer.add(make_page("acme", "ab"))
    writer.drain()
    assert value("failed") - before == failed


def test_what_settled_is_counted(make_writer):
    def value(result):
        return REGISTRY.get_sample_value("okta_sink_events_total", {"sink": "search", "tenant": "counted", "result": result}) or 0.0

    writer = make_writer(ScriptedTarget(lambda batch: Outcome(delivered=[0], duplicates=[1])))
    writer.add(make_page("counted", "ab"))
    writer.drain()
    assert (value("delivered"), value("duplicate")) == (1.0, 1.0)


def test_whoever_is_told_what_is_done_with_finds_the_room_that_it_leaves():
    room = []
    settings = DeliveryPolicy(batch_events=1, batch_bytes=1000, max_in_flight=1, in_order=True)
    target = ScriptedTarget()
    writer = Writer(
        "search",
        target,
        settings,
        CollectedLetters(),
        document_format="raw",
        on_done=lambda _done: room.append(writer.longest_page_bytes()),
    )
    assert writer.offer(make_page("acme", ["a"], 17_000_000))
    assert not writer.offer(make_page("acme", ["b"]))
    assert (writer.longest_page_bytes(), writer.wait_for_room(0.0)) == (0.0, False)
    writer.start()
    assert writer.wait_for_room(10.0)
    writer.close()
    target.wait_until(lambda: bool(target.taken))
    for _ in range(1000):
        if room:
            break
        time.sleep(0.01)
    assert room == [float("inf")]
