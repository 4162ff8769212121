"""What a tenant's partition makes of deliveries."""

import json
import pickle
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from okta_source.hooks.push import PushState
from tests.unit.okta_source.fakes import NOW, ORG
from tests.unit.okta_source.hooks.life import HOOK, Life, bridge, envelope, make_event, okta_uuid

HOUR = 3600.0


def results(life: Life) -> dict[str, int]:
    hooks = life.metrics.counts.hooks
    assert hooks is not None
    return hooks.events


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["uuid"] for event in events]


def backlog(life: Life, count: int, days: float = 7.0) -> list[dict[str, Any]]:
    """Events that happened evenly over the last days."""
    step = timedelta(days=days) / count
    return [make_event(okta_uuid(500_000 + number), NOW - timedelta(days=days) + (number + 1) * step) for number in range(count)]


def test_hooks_flow_while_polling_is_seven_days_behind(tmp_path: Path) -> None:
    life = Life(tmp_path, start_from="8d")
    old = backlog(life, 400)
    life.persist(old)
    pushed = []
    for _ in range(30):
        made = life.happen(2)
        life.persist(made)
        life.hook(made)
        life.run(0.5, step_seconds=0.25)
        pushed += made
        assert set(ids(made)) <= set(life.uuids)  # at once, though polling is days behind
    life.run(200.0, step_seconds=0.5)
    assert Counter(life.uuids) == Counter(ids(old + pushed))
    assert all(source == "hook" for uuid, source in life.output if uuid in ids(pushed))


def test_polling_down_for_three_hours_and_back(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.run(1.0)
    life.okta.down = True
    everything = []
    for minute in range(180):
        made = life.happen(2)
        everything += made
        life.persist(made)
        if minute % 3:
            life.hook(made)
        life.run(60.0, step_seconds=15.0)
        if minute in (50, 120):
            life.snapshot()
            life.crash()
    assert len(life.output) == 240
    life.okta.down = False
    life.run(400.0, step_seconds=0.5)
    assert Counter(life.uuids) == Counter(ids(everything))


def test_a_refused_cursor_right_after_hooks_skips_nothing(tmp_path: Path) -> None:
    life = Life(tmp_path)
    first = life.happen(3)
    life.persist(first)
    life.run(1.0)
    life.okta.down = True
    life.run(5.0)
    missed = life.happen(4)  # in the log, and by no hook
    life.persist(missed)
    life.run(1500.0, step_seconds=10.0)
    pushed = life.happen(3)
    life.persist(pushed)
    life.hook(pushed)
    life.run(1.0)
    assert set(ids(pushed)) <= set(life.uuids)
    assert life.saved_state()["high_water"] == first[0]["published"].replace("Z", "000+00:00").replace(".000000", "")
    life.okta.down, life.okta.refuses_cursor = False, True
    life.run(400.0, step_seconds=1.0)
    assert Counter(life.uuids) == Counter(ids(first + missed + pushed))
    assert life.metrics.counts.cursor_resets == 1


def test_events_from_before_the_start_are_left_out_as_polling_leaves_them_out(tmp_path: Path) -> None:
    life = Life(tmp_path, start_from="now")
    life.run(1.0)
    life.hook(life.happen(1, ago_seconds=30.0))
    life.run(1.0)
    assert life.output == []
    assert results(life) == {"too_old": 1}


def test_what_the_window_may_have_forgotten_is_left_to_polling(tmp_path: Path) -> None:
    life = Life(tmp_path, window_seconds=60.0)
    first = life.happen(1)
    life.persist(first)
    life.run(11.0, step_seconds=1.0)
    for _ in range(4):
        life.clock.advance(50.0)
        life.persist(life.happen(1))
        life.run(11.0, step_seconds=1.0)
    assert first[0]["uuid"] not in str(life.saved_state()["window"])
    before = len(life.output)
    life.hook(first)
    life.run(1.0)
    assert len(life.output) == before
    assert results(life) == {"too_old": 1}


@pytest.mark.parametrize("mode", ["merge", "wake"])
def test_what_the_console_makes_up_is_left_to_polling(tmp_path: Path, mode: str) -> None:
    life = Life(tmp_path, mode)
    life.run(1.0)
    made_up = make_event("0f8fad5b-d9cb-469f-a165-70867728950e", life.clock.now(), actor=None, target=None)
    odd = make_event("not-a-uuid", life.clock.now())
    future = make_event(okta_uuid(77), life.clock.now() + timedelta(seconds=90))
    life.hook([made_up, odd, future])
    life.run(30.0, step_seconds=1.0)
    assert life.output == []
    assert life.letters == []
    assert results(life) == {"doubtful": 3}
    # Real all the same: polling brings it.
    life.persist([made_up])
    life.run(11.0, step_seconds=1.0)
    assert life.output == [(made_up["uuid"], "poll")]


def test_a_minute_ahead_of_our_clock_is_no_future(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.run(1.0)
    life.hook([make_event(okta_uuid(77), life.clock.now() + timedelta(seconds=59))])
    life.run(1.0)
    assert len(life.output) == 1


def test_events_come_by_eventbridge_too(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.run(1.0)
    [event] = life.happen(1)
    life.deliver(bridge(event))
    life.hook([event])
    life.run(1.0)
    life.persist([event])
    life.run(11.0, step_seconds=1.0)
    assert life.output == [(event["uuid"], "eventbridge")]


CROSSED = {
    "hook": envelope([make_event(okta_uuid(1), NOW)], "https://globex.okta.com/api/v1/eventHooks/who1"),
    "other host": envelope([make_event(okta_uuid(1), NOW)], "https://acme.okta.com.evil.example/api/v1/eventHooks/who1"),
    "eventbridge": bridge(make_event(okta_uuid(1), NOW), "aws.partner/okta.com/globex/stream"),
}


@pytest.mark.parametrize("case", CROSSED)
def test_a_delivery_of_another_organisation_is_a_dead_letter(tmp_path: Path, case: str) -> None:
    life = Life(tmp_path)
    life.deliver(CROSSED[case])
    life.run(1.0)
    assert life.output == []
    assert [letter.raw for letter in life.letters] == [CROSSED[case]]
    assert "crossed" in life.letters[0].reason
    assert results(life) == {"malformed": 1}
    assert life.metrics.counts.events_malformed == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b'{"data":5}',
        b'{"data":{"events":{}}}',
        b'{"detail":{}}',
        b'{"data":{"events":["\xff"]}}',
    ],
)
def test_what_is_no_delivery_is_a_dead_letter_as_it_came(tmp_path: Path, body: bytes) -> None:
    life = Life(tmp_path)
    life.deliver(body)
    life.run(1.0)
    assert [letter.raw for letter in life.letters] == [body]
    assert results(life) == {"malformed": 1}
    good = life.happen(1)
    life.hook(good)
    life.run(1.0)
    assert life.uuids == ids(good)


def test_one_bad_event_of_a_delivery_doesnt_cost_the_others(tmp_path: Path) -> None:
    life = Life(tmp_path)
    good = life.happen(2)
    life.deliver(envelope([good[0], {"uuid": okta_uuid(9)}, "no event", good[1]]))
    life.run(1.0)
    assert life.uuids == ids(good)
    assert [json.loads(letter.raw) for letter in life.letters] == [{"uuid": okta_uuid(9)}, "no event"]
    assert results(life) == {"malformed": 2, "delivered": 2}


def test_an_event_passes_through_byte_for_byte(tmp_path: Path) -> None:
    life = Life(tmp_path)
    event = (
        b'{ "uuid" : "' + okta_uuid(5).encode() + b'","published":"2026-03-01T11:59:59.000Z",\n  "eventType":"user.session.start",'
        b'"n":1.50e3,"caf\\u00e9":"\xc3\xa9","request":null,"insertionTimestamp":null}'
    )
    life.deliver(b'{"source":"%s/api/v1/eventHooks/who1","data":{"events":[ %s ]}}' % (ORG.encode(), event))
    [batch] = life.partition.next_batch()
    assert bytes(batch.bodies[0]) == event[1:].replace(b"\n", b" ")  # type: ignore[union-attr]


def test_a_forged_event_is_told_once_and_only_when_polling_should_have_brought_it(tmp_path: Path) -> None:
    life = Life(tmp_path, window_seconds=60.0)
    life.run(1.0)
    hooks = life.metrics.counts.hooks
    assert hooks is not None
    [forged, real] = life.happen(2)
    life.hook([forged, real])
    life.persist([real])
    life.run(60.0, step_seconds=1.0)
    assert hooks.unconfirmed == 0
    life.snapshot()
    life.crash()
    life.run(200.0, step_seconds=1.0)
    assert hooks.unconfirmed == 1  # an organisation without further events: the end of a later poll tells
    life.persist(life.happen(1))
    life.run(11.0, step_seconds=1.0)
    assert hooks.unconfirmed == 1
    assert PushState.from_plain(life.saved_state()["push"]).hooked == ()  # polling can't bring it any more
    assert len(life.output) == 3


def test_nothing_is_unconfirmed_while_polling_is_down_or_behind(tmp_path: Path) -> None:
    life = Life(tmp_path, window_seconds=60.0, start_from="8d")
    life.persist(backlog(life, 50))
    life.okta.down = True
    made = life.happen(3)
    life.persist(made)
    life.hook(made)
    life.run(4 * HOUR, step_seconds=20.0)
    life.okta.down = False
    life.run(400.0, step_seconds=0.5)
    hooks = life.metrics.counts.hooks
    assert hooks is not None
    assert hooks.unconfirmed == 0
    assert len(set(life.uuids)) == len(life.uuids) == 53


def test_hooks_that_never_came_are_missed(tmp_path: Path) -> None:
    life = Life(tmp_path)
    named = {"debugContext": {"debugData": {"targetEventHookIds": f"who0, {HOOK}"}}}
    other = {"debugContext": {"debugData": {"targetEventHookIds": "who0"}}}
    hooks = life.metrics.counts.hooks
    assert hooks is not None
    silent = life.happen(2, **named)
    life.persist(silent)
    life.run(290.0, step_seconds=5.0)
    assert hooks.missed == 0
    life.run(30.0, step_seconds=5.0)
    assert hooks.missed == 2
    # Ours has delivered once, so what other hooks miss is not ours to tell.
    [first, late, gone, foreign] = [*life.happen(3, **named), *life.happen(1, **other)]
    life.hook([first])
    life.run(1.0)
    life.persist([first, late, gone, foreign])
    life.run(30.0, step_seconds=5.0)
    life.hook([late])
    life.run(400.0, step_seconds=5.0)
    assert hooks.missed == 3
    old = life.happen(1, ago_seconds=1000.0, **named)
    life.persist(old)
    life.run(400.0, step_seconds=5.0)
    assert hooks.missed == 3  # in a backlog nobody can tell


def test_failed_deliveries_of_oktas_own_log_are_counted(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.persist([make_event(okta_uuid(1), NOW) | {"eventType": "event_hook.delivery"}])
    life.run(1.0)
    assert life.metrics.counts.hooks is not None
    assert life.metrics.counts.hooks.delivery_failures == 1


def test_wake_polls_at_once_and_delivers_polls_copy(tmp_path: Path) -> None:
    life = Life(tmp_path, "wake", poll_interval_seconds=3600.0)
    life.run(5.0)
    asked = len(life.okta.urls)
    made = life.happen(2)
    life.persist(made)
    life.hook(made)
    life.run(0.75)
    assert life.output == [(uuid, "poll") for uuid in ids(made)]
    life.run(30.0)
    assert len(life.okta.urls) == asked + 1
    assert results(life) == {"woke": 2}


def test_wake_asks_again_while_events_have_not_come_and_then_leaves_it(tmp_path: Path) -> None:
    life = Life(tmp_path, "wake", poll_interval_seconds=3600.0)
    life.run(5.0)
    asked = len(life.okta.urls)
    made = life.happen(1)
    life.hook(made)
    life.run(4.0)
    assert len(life.okta.urls) == asked + 2
    life.persist(made)
    life.run(2.0)
    assert life.uuids == ids(made)
    life.run(60.0)
    assert len(life.okta.urls) == asked + 3


def test_wake_polls_every_two_seconds_at_most_and_not_for_what_is_there(tmp_path: Path) -> None:
    life = Life(tmp_path, "wake", poll_interval_seconds=3600.0)
    life.okta._limit = 1000
    life.run(5.0)
    asked = len(life.okta.urls)
    for _ in range(100):
        made = life.happen(1)
        life.persist(made)
        life.hook(made)
        life.run(0.25)
    assert 12 <= len(life.okta.urls) - asked <= 13
    life.run(10.0)
    assert len(life.output) == 100
    asked = len(life.okta.urls)
    life.hook(made)
    life.run(10.0)
    assert len(life.okta.urls) == asked
    assert results(life)["duplicate"] == 1


def test_wake_neither_shortens_a_back_off_nor_breaks_the_cadence(tmp_path: Path) -> None:
    life = Life(tmp_path, "wake", poll_interval_seconds=60.0)
    life.run(5.0)
    life.okta.down = True
    life.run(300.0, step_seconds=1.0)
    asked = len(life.okta.urls)
    life.hook(life.happen(1))
    life.run(3.0)
    assert len(life.okta.urls) == asked
    life.okta.down = False
    life.run(400.0, step_seconds=1.0)
    asked = len(life.okta.urls)
    life.run(600.0, step_seconds=1.0)
    assert len(life.okta.urls) - asked == 10


def test_a_run_until_drained_ignores_the_spool_and_keeps_what_it_needs(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.run(1.0)
    pushed = life.happen(2)
    life.hook(pushed)
    life.run(1.0)
    position = life.saved_state()["push"]["spool"]
    unread = life.happen(2)
    life.hook(unread)
    life.snapshot()
    life.persist(pushed)
    life.start(until_drained=True)
    for _ in range(200):
        try:
            life.step()
        except StopIteration:
            break
    assert life.uuids == ids(pushed)
    assert life.saved_state()["push"]["spool"] == position
    assert life.saved_state()["push"]["hooked"] == ()


def test_a_tenant_whose_hooks_were_taken_away_gets_nothing_twice(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.run(1.0)
    pushed = life.happen(2)
    life.hook(pushed)
    life.run(1.0)
    life.snapshot()
    life.mode = None
    life.crash()
    life.persist(pushed)
    life.hook(life.happen(1))
    life.run(30.0, step_seconds=1.0)
    assert life.uuids == ids(pushed)


def test_a_tenant_without_hooks_has_no_push_in_its_snapshot_and_no_series(tmp_path: Path) -> None:
    life = Life(tmp_path, None)
    life.run(1.0)
    assert life.saved_state()["push"] is None
    assert REGISTRY.get_sample_value("okta_hook_spool_bytes", {"tenant": "acme"}) is None


def test_a_snapshot_that_knows_no_push_is_resumed(tmp_path: Path) -> None:
    life = Life(tmp_path)
    made = life.happen(3)
    life.persist(made)
    life.run(20.0)
    plain = life.saved_state()
    del plain["push"], plain["forgotten"]
    life._saved, life._saved_length = pickle.dumps(plain), len(life.output)
    life.crash()
    life.hook(made)
    more = life.happen(2, ago_seconds=-65.0)
    life.clock.advance(65.0)
    life.hook(more)
    life.run(5.0)
    life.persist(more)
    life.run(30.0, step_seconds=1.0)
    assert Counter(life.uuids) == Counter(ids(made + more))


def test_the_snapshot_stays_small_with_400000_events_a_day(tmp_path: Path) -> None:
    """4.6 events a second, and a poll every five minutes: 1,400 uuids are open at most."""
    life = Life(tmp_path, poll_interval_seconds=300.0)
    life.okta._limit = 1000
    life.run(1.0)
    for _ in range(60):
        made = life.happen(23)
        life.hook(made)
        life.persist(made)
        life.run(5.0, step_seconds=5.0)
    push = pickle.dumps(life.saved_state()["push"])
    assert life.metrics.counts.hooks is not None
    assert life.metrics.counts.hooks.events["delivered"] == 1380
    assert len(push) < 25_000


def test_the_spools_size_and_the_delay_are_told(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.hook(life.happen(2, ago_seconds=10.5))
    life.run(12.0)
    size = sum(path.stat().st_size for path in (tmp_path / "acme").glob("*.hooks"))
    assert REGISTRY.get_sample_value("okta_hook_spool_bytes", {"tenant": "acme"}) == size > 0
    buckets = {
        le: REGISTRY.get_sample_value("okta_hook_delay_seconds_bucket", {"tenant": "acme", "le": le}) for le in ("10.0", "15.0", "+Inf")
    }
    assert buckets == {"10.0": 0.0, "15.0": 2.0, "+Inf": 2.0}
    assert REGISTRY.get_sample_value("okta_hook_delay_seconds_sum", {"tenant": "acme"}) == 21.0
    assert REGISTRY.get_sample_value("okta_hook_events_total", {"tenant": "acme", "result": "delivered"}) == 2.0


def test_no_body_however_odd_stops_a_tenant(tmp_path: Path) -> None:
    rng = random.Random(3)
    life = Life(tmp_path)
    event = make_event(okta_uuid(1), NOW)
    odd: list[Any] = [
        None,
        True,
        5,
        -1e300,
        "",
        "x" * 3000,
        [],
        {},
        [[]],
        "https://[::1",
        "https://a:b/",
        "aws.partner/okta.com/",
        "\u0000",
    ]
    odd += ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", {"events": [event]}]
    bodies = [
        b"[" * 100_000,
        b'{"data":{"events":' + b"[" * 100_000,
        b'{"source":' + b"[" * 5000 + b"]" * 5000 + b',"data":{"events":[]}}',
        b"\xef\xbb\xbf{}",
    ]
    for _ in range(1500):
        members: dict[str, Any] = {"source": ORG, "data": {"events": [dict(event)]}, "detail-type": "SystemLog", "detail": dict(event)}
        target = rng.choice([members, members["data"], members["detail"], members["data"]["events"][0]])
        target[rng.choice(["source", "data", "events", "detail", "detail-type", "uuid", "published", "eventType"])] = rng.choice(odd)
        if rng.random() < 0.3:
            members.pop(rng.choice(list(members)))
        data = json.dumps(members).encode()
        bodies.append(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)
    for body in bodies:
        life.deliver(body)
    life.run(5.0)
    good = life.happen(1)
    life.hook(good)
    life.run(1.0)
    assert life.uuids[-1] == good[0]["uuid"]
    assert len(life.letters) > 200
