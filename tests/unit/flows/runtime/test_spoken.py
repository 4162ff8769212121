"""What a run says, and how little."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.runtime.spoken import MOST_NAMED, REPORT_SECONDS, SinkReading, Speaker, age_words, start_line
from okta_source.metrics import TENANTS, TenantMetrics

BEGAN = datetime(2026, 1, 31, 8, 12, tzinfo=UTC)
SINCE = datetime(2026, 1, 31, 8, 10, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> datetime:
        return self.now

    @property
    def seconds(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    for name in list(TENANTS):
        monkeypatch.delitem(TENANTS, name)
    return Clock()


def tenant(name: str, clock: Clock) -> TenantMetrics:
    return TenantMetrics(name, display_name=name.title(), now=clock, clock=lambda: 0.0)


def page(it: TenantMetrics, events: int, age_seconds: float, clock: Clock, *, drained: bool) -> None:
    it.succeeded()
    it.page(events, 0, clock.now - timedelta(seconds=age_seconds) if events else None, drained=drained)


def texts(speaker: Speaker, tenants: dict[str, TenantMetrics], clock: Clock) -> list[str]:
    return [line.text for line in speaker.listen(tenants, clock.seconds)]


def test_the_first_line_says_who_goes_where() -> None:
    sinks = {"archive": "file", "search": "elasticsearch"}
    first = start_line(["Acme", "Globex"], sinks, "/state", "", None)
    assert first.text == (
        "2 organisations (Acme, Globex) to archive (file), search (elasticsearch); state: /state, first start; "
        "no metrics (--metrics-port PORT serves them)"
    )
    later = start_line([f"t{number}" for number in range(1000)], sinks, "/state", "http://127.0.0.1:3030/metrics", SINCE)
    assert "1000 organisations" not in later.text
    assert later.text.startswith("1,000 organisations (t0, ")
    assert "t19 …)" in later.text
    assert "resumes where a run stopped at 2026-01-31 08:10 UTC; metrics: http://127.0.0.1:3030/metrics" in later.text
    assert later.values["tenants"] == 1000


def test_an_organisation_is_told_of_once_when_it_answers(clock: Clock) -> None:
    speaker = Speaker({"acme": SINCE, "globex": SINCE}, clock.seconds)
    tenants = {name: tenant(name, clock) for name in ("acme", "globex")}
    assert texts(speaker, tenants, clock) == []
    page(tenants["acme"], 412, 3, clock, drained=True)
    page(tenants["globex"], 0, 0, clock, drained=True)
    assert texts(speaker, tenants, clock) == [
        "Acme: connected; 412 events since 2026-01-31 08:10 UTC, newest 3 s old",
        "Globex: connected; no new events",
    ]
    page(tenants["acme"], 7, 0, clock, drained=True)
    assert texts(speaker, tenants, clock) == []


def test_events_that_come_again_are_not_new_ones(clock: Clock) -> None:
    it = tenant("acme", clock)
    it.resumed(clock.now - timedelta(hours=9), drained=True)
    page(it, 5, 0, clock, drained=True)
    it.duplicates(4)
    assert texts(Speaker({"acme": SINCE}, clock.seconds), {"acme": it}, clock) == [
        "Acme: connected; 1 event since 2026-01-30 23:12 UTC, newest 0 s old"
    ]


def test_the_end_of_a_drain_is_told_once(clock: Clock) -> None:
    speaker = Speaker({"acme": SINCE}, clock.seconds)
    it = tenant("acme", clock)
    page(it, 1000, 7200, clock, drained=False)
    assert texts(speaker, {"acme": it}, clock) == ["Acme: connected; 1,000 events since 2026-01-31 08:10 UTC, newest 2 h old; more to come"]
    clock.now += timedelta(seconds=12)
    page(it, 500, 1, clock, drained=True)
    assert texts(speaker, {"acme": it}, clock) == ["Acme: caught up; 1,500 events in 12 s"]
    page(it, 0, 0, clock, drained=False)
    page(it, 0, 0, clock, drained=True)
    assert texts(speaker, {"acme": it}, clock) == []


def test_many_organisations_are_summed_up(clock: Clock) -> None:
    names = [f"t{number}" for number in range(MOST_NAMED + 1)]
    speaker = Speaker(dict.fromkeys(names, SINCE), clock.seconds)
    tenants = {name: tenant(name, clock) for name in names}
    for name in names[:5]:
        page(tenants[name], 10, 1, clock, drained=name != "t0")
    assert texts(speaker, tenants, clock) == []
    clock.now += timedelta(seconds=30)
    assert texts(speaker, tenants, clock) == ["5 of 21 organisations connected, 4 caught up; 50 events"]
    assert texts(speaker, tenants, clock) == []
    for name in names:
        page(tenants[name], 0, 0, clock, drained=True)
    assert texts(speaker, tenants, clock) == ["21 of 21 organisations connected, 21 caught up; 50 events"]
    assert texts(speaker, tenants, clock) == []


def test_every_five_minutes_the_numbers(clock: Clock) -> None:
    speaker = Speaker({"acme": SINCE, "globex": SINCE}, clock.seconds)
    tenants = {name: tenant(name, clock) for name in ("acme", "globex")}
    page(tenants["acme"], 1000, 5, clock, drained=False)
    assert not speaker.is_report_due(clock.seconds)
    clock.now += timedelta(seconds=REPORT_SECONDS)
    assert speaker.is_report_due(clock.seconds)
    tenants["globex"].failed("auth", "logs")
    sinks = {"archive": SinkReading(1000), "search": SinkReading(400, 1_234_000, clock.seconds - 250)}
    told = speaker.report(tenants, sinks, 2, clock.seconds)
    assert told.text == (
        "1,000 events so far, 1,000 in the last 5 min; behind at most: Acme, 5 min; "
        "failing: Globex (auth at logs): `bytewax-okta check` says what to change; "
        "archive: 1,000 delivered; search: 400 delivered, 1.2 MB wait in its outbox for 4 min; 2 dead letters"
    )
    assert told.values["worst_lag_seconds"] == 305.0
    assert not speaker.is_report_due(clock.seconds)
    page(tenants["acme"], 1, 0, clock, drained=True)
    tenants["globex"].succeeded()
    clock.now += timedelta(seconds=60)
    again = speaker.report(tenants, {}, 0, clock.seconds)
    assert again.text == "1,001 events so far, 1 in the last 60 s; nobody behind; 0 dead letters"


def test_before_anybody_has_answered_nobody_is_said_to_be_behind(clock: Clock) -> None:
    told = Speaker({"acme": SINCE}, clock.seconds).report({"acme": tenant("acme", clock)}, {}, 0, clock.seconds)
    assert "no organisation has answered yet" in told.text


def test_spans_for_people() -> None:
    assert [age_words(seconds) for seconds in (-5, 3, 119, 120, 7199, 7200, 172_799, 172_800)] == [
        "0 s", "3 s", "119 s", "2 min", "120 min", "2 h", "48 h", "2 d",
    ]  # fmt: skip
