"""The window of seen uuids: exact against a naive model, bounded, and the same after a snapshot."""

import pickle
import random
from collections.abc import Sequence

import pytest

from okta_source.polling.dedupe import SeenWindow
from tests.unit.okta_source.fakes import uuid

WINDOW = 3600.0


def admitted(window: SeenWindow, uuids: Sequence[str], mark: float) -> list[str]:
    fresh = window.admit(list(uuids), mark)
    return list(uuids) if fresh is None else [uuids[position] for position in fresh]


def naive(seen: set[str], uuids: Sequence[str]) -> list[str]:
    """What is new in a page, for a memory that never forgets."""
    fresh = []
    for one in uuids:
        if one not in seen:
            seen.add(one)
            fresh.append(one)
    return fresh


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_a_naive_model_on_random_pages(seed: int) -> None:
    dice = random.Random(seed)
    window, seen = SeenWindow(WINDOW), set[str]()
    pool = [uuid(number) for number in range(400)]
    mark = 1_000_000.0
    for _ in range(120):
        mark += dice.choice((0.0, 0.001, 1.0, 10.0))  # far less than the window in all: nothing is forgotten
        page = dice.choices(pool, k=dice.randrange(12))
        page = [one.upper() if dice.random() < 0.2 else one for one in page]
        assert admitted(window, page, mark) == naive(seen, page)
        if dice.random() < 0.1:
            window = SeenWindow(WINDOW, pickle.loads(pickle.dumps(window.segments())))  # noqa: S301
    assert len(window) == len(seen)


@pytest.mark.parametrize("seed", range(10))
def test_it_agrees_with_the_model_through_drains_and_rests(seed: int) -> None:
    dice = random.Random(seed)
    window, seen = SeenWindow(WINDOW), set[str]()
    forms = set()
    newest = 0
    for _ in range(60):
        if dice.random() < 0.3:
            window.rest()
        size = dice.choice((1, 3, 16, 17, 200, 257, 1000))
        page = [uuid(newest + number) for number in range(size)]
        newest += size - dice.choice((0, 0, 1, size // 2))  # some come again with the next page
        page += [uuid(dice.randrange(newest + 1)), f"odd-{dice.randrange(5)}"]
        assert admitted(window, page, 0.0) == naive(seen, page)
        assert len(window) == len(seen)
        forms.add(window._seen is None)
    assert forms == {True, False}


def test_a_quiet_window_holds_no_texts_and_a_drain_ends_in_one() -> None:
    window = SeenWindow(WINDOW)
    window.admit([uuid(number) for number in range(1000)], 0.0)
    assert window._seen is None
    window.admit([uuid(number) for number in range(1000, 3000)], 0.0)
    assert window._seen is not None
    for _ in range(4):
        window.rest()
    assert window._seen is None
    assert [segment.uuids for segment in window._segments] == [None, None]
    assert window.admit([uuid(number) for number in range(2999, 3001)], 0.0) == [1]


def test_bytes_across_the_border_of_two_uuids_are_no_uuid() -> None:
    window = SeenWindow(WINDOW)
    one, other = uuid(1), "0000abcd-0000-11f0-8000-000000000000"
    window.admit([one, other], 0.0)
    digits = (one + other).replace("-", "")
    middle = digits[2:34]
    between = f"{middle[:8]}-{middle[8:12]}-{middle[12:16]}-{middle[16:20]}-{middle[20:]}"
    assert window.admit([between], 0.0) is None
    assert window.admit([between, other], 0.0) == []


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_forgotten_within_the_window_and_everything_soon_behind_it(seed: int) -> None:
    dice = random.Random(seed)
    window = SeenWindow(WINDOW)
    delivered: dict[str, float] = {}
    mark = 0.0
    for number in range(2000):
        mark += dice.expovariate(1 / 20)
        page = [uuid(number), *dice.sample(sorted(delivered), k=min(3, len(delivered)))]
        fresh = admitted(window, page, mark)
        for one in page:
            if one not in delivered:
                assert one in fresh
            elif mark - delivered[one] <= WINDOW:
                assert one not in fresh
            elif mark - delivered[one] > WINDOW * 1.05:  # a shared segment lives a little longer
                assert one in fresh
        delivered |= dict.fromkeys(fresh, mark)


def test_a_new_page_costs_one_set_operation_and_says_so() -> None:
    window = SeenWindow(WINDOW)
    assert window.admit([uuid(1), uuid(2)], 0.0) is None
    assert window.admit([], 0.0) is None
    assert window.admit([uuid(2), uuid(3)], 0.0) == [1]
    assert window.admit([uuid(1), uuid(2)], 0.0) == []


def test_a_repeat_within_one_page_passes_once() -> None:
    window = SeenWindow(WINDOW)
    assert window.admit([uuid(1), uuid(2), uuid(1), uuid(1)], 0.0) == [0, 1]
    assert len(window) == 2


def test_a_late_event_is_remembered_from_its_arrival_on_and_not_from_its_own_time() -> None:
    window = SeenWindow(WINDOW)
    window.admit([uuid(1)], 10_000.0)
    # Published hours ago, persisted now: its page's mark is the tenant's high-water mark.
    window.admit([uuid(2)], 10_000.0)
    assert window.admit([uuid(2)], 10_000.0 + WINDOW) == []


def test_it_forgets_by_the_high_water_mark() -> None:
    window = SeenWindow(WINDOW)
    window.admit([uuid(1)], 0.0)
    window.admit([uuid(2)], WINDOW)
    assert window.admit([uuid(1)], WINDOW) == []
    window.admit([uuid(3)], WINDOW + 1.0)
    assert window.admit([uuid(1)], WINDOW + 1.0) is None
    assert window.admit([uuid(2)], WINDOW + 1.0) == []


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "1",
        "0123456789abcdef0123456789abcdef",  # a uuid without its dashes is another text
        "{00000001-0000-11f0-8000-00000000abcd}",
        "0000000-10000-11f0-8000-00000000abcd",
        "00000001-0000-11f0-8000-00000000abcg",
        "00000001-0000-11F0-8000-00000000ABCD",  # Okta's own are in lower case; another case stays what it is
        "00000001-0000-11f0-8000-0000000 abcd",
        "00000001-0000-11f0-8000-00000000abc\n",
        "x" * 36,
        "é漢😀",
        "\ud800",
        "-" * 36,
    ],
)
def test_an_id_that_is_no_canonical_uuid_is_told_apart_all_the_same(odd: str) -> None:
    window = SeenWindow(WINDOW)
    neighbours = [uuid(1), odd, odd + "x", odd.replace("-", "") + "y", uuid(2)]
    assert window.admit(list(neighbours), 0.0) is None
    assert window.admit(neighbours, 0.0) == []
    window = SeenWindow(WINDOW, pickle.loads(pickle.dumps(window.segments())))  # noqa: S301
    assert window.admit(neighbours, 0.0) == []
    assert window.admit([odd], 0.0) == []
    assert window.admit([odd + "z"], 0.0) is None


def test_ids_whose_joined_text_is_the_same_are_different() -> None:
    window = SeenWindow(WINDOW)
    assert window.admit(["ab", "c"], 0.0) is None
    assert window.admit(["a", "bc"], 0.0) is None
    whole = uuid(1) + uuid(2)
    assert window.admit([whole[:35], whole[35:]], 0.0) is None
    assert window.admit([uuid(1), uuid(2)], 0.0) is None


def test_the_state_makes_the_same_window_again() -> None:
    window = SeenWindow(WINDOW)
    for number in range(50):
        window.admit([uuid(number), f"odd-{number}"], number * 100.0)
    segments = window.segments()
    again = SeenWindow(WINDOW, pickle.loads(pickle.dumps(segments)))  # noqa: S301
    assert again.segments() == segments
    assert len(again) == len(window)
    assert {tuple(map(type, segment)) for segment in segments} == {(float, bytes, tuple)}
    assert b"okta_source" not in pickle.dumps(segments)
    page = [uuid(12), uuid(13), uuid(49), uuid(50)]  # 12 has left the window, 13 is on its edge
    assert again.admit(page, 4950.0) == window.admit(page, 4950.0) == [0, 3]


def test_a_snapshot_does_not_change_when_the_window_does() -> None:
    window = SeenWindow(WINDOW)
    window.admit([uuid(1)], 0.0)
    window.admit([uuid(2)], 0.0)
    before = window.segments()
    kept = pickle.dumps(before)
    window.admit([uuid(3)], 0.5)
    assert pickle.dumps(before) == kept


def test_a_quiet_tenant_keeps_few_segments() -> None:
    window = SeenWindow(WINDOW)
    for number in range(20_000):
        window.admit([uuid(number)], number * 1.0)
        assert len(window.segments()) <= 140
    assert WINDOW <= len(window) <= WINDOW * 1.05


def test_many_events_with_one_mark_stay_remembered() -> None:
    window = SeenWindow(60.0)
    pages = [[uuid(1000 * page + number) for number in range(1000)] for page in range(20)]
    for page in pages:
        assert window.admit(page, 5.0) is None
    assert all(window.admit(page, 65.0) == [] for page in pages)
    assert len(window.segments()) <= 20
