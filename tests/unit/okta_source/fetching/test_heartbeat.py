"""Many may sleep for long, as long as somebody on each worker wakes often."""

import itertools
import threading

from okta_source.fetching.heartbeat import HEARTBEAT_SECONDS, LONGEST_NAP_SECONDS, Heartbeat
from tests.unit.okta_source.fakes import Clock


def test_one_wakes_for_all() -> None:
    heartbeat = Heartbeat(Clock())
    assert [heartbeat.nap_seconds(60.0) for _ in range(4)] == [HEARTBEAT_SECONDS] + [LONGEST_NAP_SECONDS] * 3


def test_short_naps_are_as_asked_for() -> None:
    heartbeat = Heartbeat(Clock())
    assert heartbeat.nap_seconds(0.01) == 0.01
    assert heartbeat.nap_seconds(60.0) == HEARTBEAT_SECONDS
    assert heartbeat.nap_seconds(0.4) == 0.4


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
