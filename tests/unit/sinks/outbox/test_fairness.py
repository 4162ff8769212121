"""Many tenants' outboxes, one target and one event of some of them that is too much for it, in a simulated time: what the others wait."""

from pathlib import Path

import pytest

from sinks.delivery.batch import size_bytes
from sinks.delivery.room import Room
from sinks.errors import SinkStopped, stopped_by
from sinks.file.open_files import OpenFiles
from sinks.outbox import backlog as backlog_module
from sinks.outbox.backlog import Backlog
from sinks.outbox.log import Log
from tests.unit.sinks.delivery.test_suspicion import World, guilty
from tests.unit.sinks.scripted_target import make_page


def stopped(error: OSError, path: str) -> SinkStopped:
    return stopped_by(error, sink="s", tenant="", path=path, resumes=None)


class Fleet(World):
    """A world in which pages come by way of outboxes, and go on as there is room."""

    def __init__(self, answer, folder: Path, **policy):
        super().__init__(answer, **policy)
        self.room = Room(self.policy, self.delivery.queue, self.delivery.ledger)
        self.backlog = Backlog("s", in_order=self.policy.in_order)
        self.backlog.offer, self.backlog.is_held = self._offer, self.room.has_enough_of
        self.backlog.longest_page_bytes = self.room.longest_page_bytes
        self.most_bytes = self.most_batches = 0
        self._folder, self._files, self._logs = folder, OpenFiles(), {}

    def add(self, names, tenant="acme", size_bytes=0):
        if tenant not in self._logs:
            self._logs[tenant] = Log(self._folder / tenant, tenant, None, "here", self._files, stopped)
            self.backlog.add(self._logs[tenant])
        self.came.update(dict.fromkeys(names, self.now))
        self.backlog.write(self._logs[tenant], make_page(tenant, names, size_bytes))

    def _offer(self, documents):
        if size_bytes(documents) > self.room.longest_page_bytes():
            return False
        self.delivery.add(documents, self.now)
        self.most_bytes = max(self.most_bytes, self.delivery.ledger.pending_bytes)
        self.most_batches = max(self.most_batches, len(self.delivery.queue))
        return True

    def settled(self, settled):
        self.backlog.settle(settled.done)
        while self.backlog.feed_one():
            pass


@pytest.fixture(autouse=True)
def nobody_waits_in_earnest(monkeypatch):
    monkeypatch.setattr(backlog_module, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(backlog_module, "_LOOK_FOR_ROOM_SECONDS", 0.0)


class Blocked:
    """Tenants with pages of which the first event is too much for the target, and others with an event now and then.

    The first arrive one after another within some seconds; of the others a second passes between two events, as between two polls.
    """

    def __init__(self, tenants, *, pages=2, events=300, size_bytes=0):
        self.pages = {
            f"t{tenant}": [[f"t{tenant}-{number}-{event}" for event in range(events)] for number in range(pages)]
            for tenant in range(tenants)
        }
        self.guilty = {pages[0][0] for pages in self.pages.values()}
        self._size_bytes = size_bytes

    def live_through(self, fleet, seconds, others=5):
        waiting = list(self.pages.items())
        each_step = -(-len(waiting) // 25)
        for step in range(int(seconds * 5)):
            fleet.add([f"other{step % others}-{step}"], f"other{step % others}")
            if step >= 5:
                for tenant, pages in waiting[:each_step]:
                    for names in pages:
                        fleet.add(names, tenant, self._size_bytes)
                del waiting[:each_step]
            fleet.run(0.2)
        fleet.run(1.0)
        return [name for name in fleet.came if name.startswith("other")]


@pytest.mark.parametrize("how", ["400", "403"])
@pytest.mark.parametrize("batch_events", [1, 60])
@pytest.mark.parametrize("tenants", [1, 18, 100])
def test_tenants_with_an_event_that_is_too_much_for_the_target_hold_up_no_other(tmp_path, tenants, batch_events, how):
    blocked = Blocked(tenants, events=150)
    fleet = Fleet(guilty(blocked.guilty, how), tmp_path, in_order=True, batch_events=batch_events)
    others = blocked.live_through(fleet, 15.0)
    assert fleet.delay(others) <= 1.0
    assert set(fleet.dead) <= blocked.guilty
    for tenant, pages in blocked.pages.items():
        arrived = [name for name in fleet.order if name.startswith(f"{tenant}-")]
        assert arrived == [name for name in (name for page in pages for name in page) if name not in blocked.guilty][: len(arrived)]


def test_one_that_hangs_holds_up_no_other(tmp_path):
    blocked = Blocked(1)
    fleet = Fleet(guilty(blocked.guilty, "hangs"), tmp_path, in_order=True, batch_events=1)
    assert fleet.delay(blocked.live_through(fleet, 100.0)) <= 1.0
    assert len(fleet.dead) == 1


def test_long_pages_of_many_who_are_blocked_take_bounded_memory_and_hold_up_no_other(tmp_path):
    blocked = Blocked(100, pages=3, events=10, size_bytes=100_000)
    fleet = Fleet(guilty(blocked.guilty, "403"), tmp_path, in_order=True, batch_events=5, batch_bytes=5_000_000)
    assert fleet.delay(blocked.live_through(fleet, 25.0)) <= 1.0
    assert 30_000_000 < fleet.most_bytes < 3 * 30_000_000


def test_a_burst_of_events_that_are_too_much_for_a_search_index_holds_up_no_other(tmp_path):
    names = [f"t-{number}" for number in range(600)]
    fleet = Fleet(guilty(names, "403"), tmp_path, batch_events=20)
    for step in range(150):
        fleet.add([f"other{step % 5}-{step}"], f"other{step % 5}")
        if step == 5:
            for start in range(0, 600, 20):
                fleet.add(names[start : start + 20], "t")
        fleet.run(0.2)
    fleet.run(1.0)
    assert fleet.delay([name for name in fleet.came if name.startswith("other")]) <= 1.0
    assert set(fleet.delivered_at) == set(fleet.came) - set(names)


def test_what_waits_is_cut_no_further_than_somebody_may_ask_with(tmp_path):
    blocked = Blocked(20, events=1000)
    fleet = Fleet(guilty(blocked.guilty, "400"), tmp_path, in_order=True, batch_events=1)
    blocked.live_through(fleet, 10.0)
    assert fleet.most_batches <= 3 * 25


def test_order_is_kept_and_nothing_is_lost_where_everything_gives_way(tmp_path):
    blocked = Blocked(6, events=40)
    fleet = Fleet(guilty(blocked.guilty, "403"), tmp_path, in_order=True, batch_events=3)
    blocked.live_through(fleet, 30.0)
    assert set(fleet.dead) == blocked.guilty
    for tenant, pages in blocked.pages.items():
        mine = [name for page in pages for name in page if name not in blocked.guilty]
        assert [name for name in fleet.order if name.startswith(f"{tenant}-")] == mine
    assert fleet.backlog.waiting_bytes == 0
    assert fleet.delivery.ledger.pending_bytes == 0
