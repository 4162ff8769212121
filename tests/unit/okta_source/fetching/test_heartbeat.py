"""Many may sleep for long, as long as somebody on each worker wakes often."""

import itertools
import threading

from okta_source.fetching.heartbeat import GRID_SECONDS, HEARTBEAT_SECONDS, LONGEST_NAP_SECONDS, Heartbeat
from tests.unit.okta_source.fakes import Clock


def test_one_wakes_for_all() -> None:
    heartbeat = Heartbeat(Clock())
    assert [heartbeat.nap_seconds(60.0) for _ in range(4)] == [HEARTBEAT_SECONDS] + [LONGEST_NAP_SECONDS] * 3


def test_short_naps_are_as_asked_for() -> None:
    heartbeat = Heartbeat(Clock())
    assert heartbeat.nap_seconds(0.01) == 0.01
    assert heartbeat.nap_seconds(60.0) == HEARTBEAT_SECONDS


def test_who_is_patient_wakes_together_with_others_and_never_early() -> None:
    clock = Clock()
    heartbeat = Heartbeat(clock)
    wakes = set()
    for number in range(1000):
        clock.seconds = 1000.0 + number / 1000
        nap_seconds = heartbeat.nap_seconds(0.02, patient=True)
        assert 0.02 - 1e-6 <= nap_seconds < 0.02 + GRID_SECONDS + 1e-6
        wakes.add(round(clock() + nap_seconds, 6))
    assert len(wakes) <= 1.05 / GRID_SECONDS + 1
    assert heartbeat.nap_seconds(0.0, patient=True) == 0.0
    assert heartbeat.nap_seconds(0.02) == 0.02


def test_long_naps_end_with_a_beat_that_all_have_in_common() -> None:
    clock = Clock()
    heartbeat = Heartbeat(clock)
    wakes = set()
    for number in range(1000):
        clock.seconds = 1000.0 + number / 1000
        idle_seconds = 0.3 + number / 500
        nap_seconds = heartbeat.nap_seconds(idle_seconds)
        assert 0.0 < nap_seconds <= min(idle_seconds, LONGEST_NAP_SECONDS) + 1e-6
        wakes.add(round(clock() + nap_seconds, 6))
    assert len(wakes) <= 1.5 / HEARTBEAT_SECONDS + 1


def test_a_worker_is_woken_four_times_a_second_whoever_ends_and_however_many_sleep() -> None:
    clock = Clock()
    heartbeat = Heartbeat(clock)
    wakes = dict.fromkeys(range(50), clock())
    moments = []
    for _ in range(2000):
        tenant = min(wakes, key=lambda name: wakes[name])
        clock.seconds = wakes[tenant]
        moments.append(clock())
        wakes[tenant] = clock() + heartbeat.nap_seconds(3600.0)
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert max(gaps) <= HEARTBEAT_SECONDS
    assert len(moments) / (moments[-1] - moments[0]) < 110  # 50 tenants twice a second, and the beat


def test_each_worker_has_a_beat_of_its_own() -> None:
    heartbeat = Heartbeat(Clock())
    assert heartbeat.nap_seconds(60.0) == HEARTBEAT_SECONDS
    found: list[float] = []
    worker = threading.Thread(target=lambda: found.append(heartbeat.nap_seconds(60.0)))
    worker.start()
    worker.join()
    assert found == [HEARTBEAT_SECONDS]
