"""The log: positions, appended bytes, live growth, and pages that can be made again."""

import json
from datetime import UTC, datetime

from okta_source.simulator.blocks import BlockCache
from okta_source.simulator.cursor import Cursors
from okta_source.simulator.events import EventFactory
from okta_source.simulator.log import EventLog
from okta_source.simulator.organisation import Organisation

START_MS = 1_780_000_000_000


def make_log(count: int = 0) -> EventLog:
    log = EventLog(EventFactory("acme", 1, 30), 1, 0.0)
    log.fill(START_MS, START_MS + 1_000 * count, count)
    return log


def test_a_slice_is_the_same_whatever_was_asked_before() -> None:
    log = make_log(2500)
    everything = log.slice(0, 2500)
    assert len(everything) == 2500
    assert make_log(2500).slice(1990, 2010) == everything[1990:2010]
    assert log.slice(2490, 9999) == everything[2490:]
    assert log.slice(2500, 2600) == []


def test_uuid_and_published_agree_with_the_bytes() -> None:
    log = make_log(50)
    log.append_raw(START_MS + 60_000, [b'{"uuid":"u","published":"2026-01-02T03:04:05.678Z"}', b"not json", b"[]"])
    for position in range(50):
        event = json.loads(log.slice(position, position + 1)[0])
        assert log.uuid(position) == event["uuid"]
        assert log.published_ms(position) == round(datetime.fromisoformat(event["published"]).timestamp() * 1000)
    assert [log.uuid(position) for position in (50, 51, 52)] == ["u", "", ""]
    assert log.published_ms(50) == round(datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC).timestamp() * 1000)
    assert log.published_ms(51) == START_MS + 60_000


def test_appended_bytes_stand_as_they_are_between_live_events() -> None:
    log = make_log(10)
    log.start_live(START_MS + 20_000, 10.0)
    log.grow(START_MS + 21_000)
    before = len(log)
    assert before > 10
    assert log.append_raw(START_MS + 21_000, [b"{broken"]) == before
    log.grow(START_MS + 25_000)
    assert len(log) > before + 30
    assert log.slice(before, before + 1) == [b"{broken"]
    times = [log.persisted_ms(position) for position in range(len(log))]
    assert times == sorted(times)


def test_first_at_finds_the_first_event_persisted_since() -> None:
    log = make_log(100)
    times = [log.persisted_ms(position) for position in range(100)]
    assert log.first_at(0) == 0
    assert log.first_at(times[40]) == times.index(times[40])
    assert log.first_at(times[-1] + 1) == 100


def test_between_is_ordered_by_published_and_grows_with_the_log() -> None:
    log = make_log(200)
    positions = log.between(START_MS + 50_000, START_MS + 100_000)
    times = [log.published_ms(position) for position in positions]
    assert times == sorted(times)
    assert len(times) > 30
    assert all(START_MS + 50_000 <= time_ms < START_MS + 100_000 for time_ms in times)
    log.append_raw(START_MS + 300_000, [b'{"uuid":"late","published":"%s"}' % b"2026-05-28T20:27:20.000Z"])
    assert 200 in log.between(log.published_ms(200), log.published_ms(200) + 1)


def test_by_published_finds_what_between_finds_and_goes_on_anywhere() -> None:
    log = EventLog(EventFactory("acme", 1, 30), 1, 0.05)
    log.fill(START_MS, START_MS + 500_000, 2500)
    log.append_raw(START_MS + 600_000, [b'{"uuid":"x","published":"2026-05-28T20:27:40.000Z"}', b"no event"])
    log.append_generated(START_MS + 700_000, 40)
    spans = [(START_MS - 30_000_000, START_MS + 800_000), (START_MS + 100_000, START_MS + 100_500), (START_MS, START_MS)]
    for since_ms, until_ms in spans:
        expected = log.between(since_ms, until_ms)
        assert list(log.by_published(since_ms, until_ms)) == expected
        for place, position in list(enumerate(expected))[::97]:
            rest = log.by_published(since_ms, until_ms, (log.published_ms(position), position))
            assert list(rest) == expected[place + 1 :]
    assert len(list(log.by_published(*spans[0]))) == len(log)


def test_the_block_cache_is_bounded_and_makes_a_block_once() -> None:
    cache = BlockCache(capacity_bytes=100)
    made: list[int] = []

    def make(number: int) -> list[bytes]:
        made.append(number)
        return [b"x" * 60]

    for number in (1, 1, 2, 2, 1):
        cache.get((0, 0, number), lambda number=number: make(number))
    assert made == [1, 2, 1]


def test_cursors_come_back_to_their_position_in_every_form() -> None:
    for settings in (Organisation("a"), Organisation("a", cursor_form="encoded"), Organisation("a", link_form="comma_in_url")):
        log = make_log(30)
        log.append_generated(START_MS + 40_000, 20)
        cursors = Cursors(log, "acme:1", settings)
        raw = [cursors.encode(position) for position in range(51)]
        assert len(set(raw)) == 51
        assert [cursors.decode(cursor) for cursor in raw] == list(range(51))


def test_foreign_and_made_up_cursors_are_refused() -> None:
    log = make_log(30)
    cursors = Cursors(log, "acme:1", Organisation("a"))
    assert Cursors(log, "globex:1", Organisation("a")).decode(cursors.encode(7)) is None
    for raw in ("", "abc", "0_1", "1783111394963_1", cursors.encode(7) + "1", cursors.encode(7).replace("_", "-"), "9" * 40):
        assert cursors.decode(raw) is None


def test_an_encoded_cursor_must_come_back_byte_for_byte() -> None:
    cursors = Cursors(make_log(30), "acme:1", Organisation("a", cursor_form="encoded"))
    raw = cursors.encode(7)
    assert "%2B" in raw
    assert "%2F" in raw
    assert cursors.decode(raw.replace("%2B", "+")) is None
    assert cursors.decode(raw.replace("%2F", "%2f")) is None


def test_sign_ins_through_an_agent_are_the_platforms_and_the_person_is_the_target() -> None:
    log = make_log(5000)
    events = [json.loads(event) for event in log.slice(0, 5000)]
    agents = [event for event in events if event["eventType"].endswith(("auth_via_AD_agent", "auth_via_LDAP_agent"))]
    assert {event["actor"]["alternateId"] for event in agents} == {"system@okta.com"}
    assert {event["actor"]["type"] for event in agents} == {"SystemPrincipal"}
    people = [target["alternateId"] for event in agents for target in event["target"] if target["type"] == "User"]
    assert len(people) == len(agents)
    assert len(set(people)) > 5
    assert {event["outcome"]["result"] for event in agents} == {"SUCCESS", "FAILURE"}
    users = {event["actor"]["alternateId"] for event in events if event["actor"]["type"] == "User"}
    assert set(people) <= users
