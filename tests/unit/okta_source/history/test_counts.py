import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from okta_source.history.counts import HourCounts, HourTally, add_up, hour_of, merged

START = datetime(2026, 8, 3, 10, 0, tzinfo=UTC)
NEXT = START + timedelta(hours=1)


def test_each_event_counts_in_its_own_hour_whatever_the_order() -> None:
    rng = random.Random(3)
    published = [START + timedelta(minutes=rng.uniform(0, 600)) for _ in range(500)] + [NEXT, NEXT - timedelta(milliseconds=1)]
    tally = HourTally()
    tally.add(published, None)
    assert {hour: counts.new for hour, counts in tally.hours().items()} == Counter(map(hour_of, published))


def test_duplicates_are_told_apart_and_all_add_up() -> None:
    tally = HourTally()
    tally.add([START, START, NEXT], [0, 2])
    tally.add([NEXT], [])
    tally.malformed(START)
    assert tally.hours() == {START: HourCounts(3, 1, 1, 1), NEXT: HourCounts(2, 1, 1, 0)}
    assert add_up(tally.hours().values()) == HourCounts(5, 2, 2, 1)


def test_a_snapshot_goes_on_counting() -> None:
    tally = HourTally()
    tally.add([START, NEXT], None)
    again = HourTally(tally.plain())
    again.add([NEXT], None)
    assert again.hours() == {START: HourCounts(1, 1), NEXT: HourCounts(2, 2)}
    assert tally.hours()[NEXT] == HourCounts(1, 1)


def test_two_slices_may_share_an_hour() -> None:
    assert merged([{START: HourCounts(1, 1)}, {START: HourCounts(2, 1, 1), NEXT: HourCounts(1, 1)}]) == {
        START: HourCounts(3, 2, 1),
        NEXT: HourCounts(1, 1),
    }
