"""A target will never take some events: they are dead letters with its words, and all others are delivered.

No case is for files, which take any event of any size (test_deliver).
"""

import itertools

import orjson

from sinks.documents import Documents
from tests.conformance.sinks.kinds import HOOKS, SEARCHES, SENDERS, for_each
from tests.conformance.sinks.pages import content, page, uuids
from tests.conformance.sinks.run import Bench, eventually


def assert_exactly_as_given(bench: Bench, given: Documents) -> None:
    """Each letter's line ends in the event's own bytes."""
    documents = content(given)
    for line in bench.letter_lines():
        assert line.endswith(b',"event":' + documents[orjson.loads(line)["uuid"]] + b"}")


@for_each(*SENDERS)
def test_a_refused_event_is_a_letter_with_the_targets_words(bench: Bench) -> None:
    given = page("acme", range(5))
    bench.kind.refuse(["acme-1", "acme-3"])
    run = bench.start(batch_events=1)  # an event is a request, since some receivers refuse only requests
    run.epoch(given)
    assert sorted(bench.kind.arrived()) == ["acme-0", "acme-2", "acme-4"]
    assert bench.lost() == ["acme-1", "acme-3"]
    assert_exactly_as_given(bench, given)
    for letter in bench.letters():
        assert (letter.tenant, letter.sink, letter.status, letter.format) == ("acme", bench.name, 400, "raw")
        assert "oison" in letter.reason or "nvalid data format" in letter.reason
        # Who names the event is believed at once; who refuses a request is asked again, between others that get through.
        assert (letter.attempts == 1) == (letter.first_attempt_at == letter.last_attempt_at) == bench.kind.refuses_single_events
    assert (bench.count("delivered"), bench.count("dead_letter")) == (3, 2)
    assert (bench.value("okta_sink_retries_total") == 0) == bench.kind.refuses_single_events
    run.close()


@for_each(*SENDERS)
def test_part_of_a_batch_is_refused(bench: Bench) -> None:
    given = page("acme", range(9))
    bench.kind.refuse(["acme-1", "acme-7"])
    run = bench.start()
    run.epoch(given)
    run.close()
    assert bench.lost() == ["acme-1", "acme-7"]
    assert bench.kind.by_uuid() == content(page("acme", (0, 2, 3, 4, 5, 6, 8)))
    assert_exactly_as_given(bench, given)


@for_each(*SEARCHES)  # a receiver of webhooks asks for whole requests again: see test_retries
def test_only_what_failed_goes_again(bench: Bench) -> None:
    once = iter([429, 503])
    bench.kind.server.verdict = lambda event: next(once, None) if b'"acme-1"' in event or b'"acme-2"' in event else None
    run = bench.start()
    run.epoch(page("acme", range(3)))
    run.close()
    assert bench.kind.by_uuid() == content(page("acme", range(3)))
    assert bench.kind.sent()[0] == ["acme-0", "acme-1", "acme-2"]
    assert sorted(uuid for request in bench.kind.sent()[1:] for uuid in request) == ["acme-1", "acme-2"]
    assert bench.letters() == []


@for_each(*HOOKS)  # a search server names the events
def test_an_order_is_kept_around_a_refused_event(bench: Bench) -> None:
    bench.kind.refuse(["acme-4"])
    run = bench.start(batch_events=9)
    run.epoch(page("acme", range(9)), page("acme", range(9, 20)))
    run.close()
    assert bench.lost() == ["acme-4"]
    assert bench.kind.arrived() == [f"acme-{number}" for number in range(20) if number != 4]


@for_each(*SENDERS)
def test_an_event_that_is_too_large_is_alone_in_the_letters(bench: Bench) -> None:
    given = page("acme", range(9), big=[4])
    bench.kind.limit(50_000)
    run = bench.start(batch_events=9)
    run.epoch(given)
    assert bench.kind.by_uuid() == content(page("acme", (0, 1, 2, 3, 5, 6, 7, 8)))
    assert [(letter.uuid, letter.status) for letter in bench.letters()] == [("acme-4", 413)]
    assert_exactly_as_given(bench, given)
    run.close()


@for_each(*HOOKS)  # a search index knows no order
def test_what_is_cut_down_keeps_its_order(bench: Bench) -> None:
    bench.kind.limit(2000)
    run = bench.start(batch_events=20)
    run.epoch(page("acme", range(20)), page("acme", range(20, 25)))
    run.close()
    assert bench.kind.arrived() == [f"acme-{number}" for number in range(25)]


@for_each(*SENDERS)
def test_an_event_that_is_no_text_is_alone_in_the_letters(bench: Bench) -> None:
    run = bench.start()
    run.epoch(given := page("acme", range(5), broken=[1]))
    run.close()
    assert bench.kind.by_uuid() == content(page("acme", (0, 2, 3, 4)))
    (letter,) = bench.letters()
    # JSON holds no such bytes, so they are written as text, from which they can be told.
    assert (letter.uuid, letter.event) == ("acme-1", given.document(1).decode(errors="backslashreplace").encode())
    assert (letter.status, bool(letter.reason)) == (400 if "webhook" not in bench.kind_name else None, True)


@for_each(*SENDERS)
def test_refusals_of_one_tenant_hold_up_nobody(bench: Bench) -> None:
    given = [page("acme", range(6)), page("globex", range(6)), page("initech", range(6))]
    bench.kind.refuse(uuids(given[0]))
    run = bench.start(max_in_flight=1)
    run.write(*given)
    run.end_epoch()
    eventually(lambda: len(bench.kind.by_uuid()) == 12, "the others' events")
    # Whoever has nobody else to ask waits for the next events that get through.
    numbers = itertools.count(6)
    while bench.lost() != uuids(given[0]):
        number = next(numbers)
        run.write(page("globex", [number]))
        eventually(lambda number=number: f"globex-{number}" in bench.kind.by_uuid(), "an event of another tenant")
    run.end_epoch()
    run.settle()
    run.close()
    assert bench.kind.by_uuid() == content(*given[1:], page("globex", range(6, next(numbers))))
