"""Every event once, whichever way it comes, however often, in whatever order, with a crash at any moment."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.unit.okta_source.hooks.life import Life, make_event, okta_uuid

Step = Callable[[Life, list[dict]], None]  # type: ignore[type-arg]


def by_hook(life: Life, events: list) -> None:  # type: ignore[type-arg]
    life.hook(events)
    life.run(0.5)


def by_poll(life: Life, events: list) -> None:  # type: ignore[type-arg]
    if events[0] not in life.okta.log:
        life.persist(events)
    life.run(11.0, step_seconds=1.0)


def twice_in_one(life: Life, events: list) -> None:  # type: ignore[type-arg]
    life.hook([*events, *events])
    life.run(0.5)


WAYS: dict[str, list[Step]] = {
    "hook, poll": [by_hook, by_poll],
    "poll, hook": [by_poll, by_hook],
    "hook, hook, poll": [by_hook, by_hook, by_poll],
    "hook, poll, hook": [by_hook, by_poll, by_hook],
    "twice in one, poll": [twice_in_one, by_poll],
    "poll, twice in one": [by_poll, twice_in_one],
}


@pytest.mark.parametrize("mode", ["merge", "wake"])
@pytest.mark.parametrize(("snapshot_after", "crash_after"), [(None, 1), (None, 2), (0, 1), (0, 2), (1, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("way", WAYS)
def test_whichever_comes_first_and_a_crash_at_each_step(
    tmp_path: Path, way: str, snapshot_after: int | None, crash_after: int | None, mode: str
) -> None:
    life = Life(tmp_path, mode)
    events = life.happen(3)
    life.run(1.0)
    for number, step in enumerate([lambda *_: None, *WAYS[way]]):
        step(life, events)
        if snapshot_after == number:
            life.snapshot()
        if crash_after == number:
            life.start_receiver()
            life.crash()
    life.run(25.0, step_seconds=1.0)
    assert Counter(life.uuids) == Counter(event["uuid"] for event in events)
    if mode == "wake":
        assert {source for _, source in life.output} == {"poll"}


def test_merge_delivers_at_once_and_says_which_way_it_came(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.run(1.0)
    events = life.happen(2)
    life.hook(events)
    life.run(0.5)
    assert life.output == [(event["uuid"], "hook") for event in events]
    life.persist(events)
    life.run(11.0)
    assert len(life.output) == 2
    assert life.metrics.counts.events_duplicate == 2


class Anything:
    """Random things that happen to a tenant."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.rng = rng
        self.life = Life(
            folder,
            rng.choice(["merge", "merge", "wake"]),
            start_from=rng.choice(["now", "1h", "7d"]),
            window_seconds=rng.choice([120.0, 600.0]),
        )
        self.life.snapshot()  # without any, `start_from` would count from each start anew
        self.wanted_from = self.life.partition._state.started_at
        old = [make_event(okta_uuid(900_000 + number), self.life.clock.now()) for number in range(rng.choice([0, 30]))]
        self.life.persist(
            [{**event, "published": f"2026-02-{22 + number // 5}T00:00:{number:02d}.000Z"} for number, event in enumerate(old)]
        )
        self.happened: list = []  # type: ignore[type-arg]
        self.waiting: list = []  # type: ignore[type-arg]
        self.things = [self.happen, self.happen, self.persist, self.hook, self.hook, self.hook_old, self.life.step, self.run, self.wait]
        self.things += [self.outage, self.refusal, self.life.snapshot, self.crash]

    def happen(self) -> None:
        made = self.life.happen(self.rng.randrange(1, 6), ago_seconds=self.rng.choice([0.0, 0.0, 3.0, 20.0]))
        self.happened += made
        self.waiting += made

    def persist(self) -> None:
        self.rng.shuffle(self.waiting)
        count = self.rng.randrange(len(self.waiting) + 1)
        self.life.persist(self.waiting[:count])
        self.waiting = self.waiting[count:]

    def hook(self) -> None:
        self.life.hook([self.rng.choice(self.happened[-12:]) for _ in range(self.rng.randrange(1, 7)) if self.happened])

    def hook_old(self) -> None:
        self.life.hook([self.rng.choice(self.happened)] if self.happened else [])

    def run(self) -> None:
        self.life.run(self.rng.choice([0.3, 2.0, 12.0]))

    def wait(self) -> None:
        # Okta persists within moments: what is a window late is beyond what polling promises by itself.
        self.persist_all()
        self.life.clock.advance(self.rng.choice([1.0, 30.0, 700.0, 7200.0]))

    def outage(self) -> None:
        self.life.okta.down = self.rng.random() < 0.5

    def refusal(self) -> None:
        self.life.okta.refuses_cursor = True

    def crash(self) -> None:
        if self.rng.random() < 0.3:
            self.life.start_receiver()
        if self.rng.random() < 0.2:
            self.life.mode = self.rng.choice(["merge", "wake", None])
        self.life.crash()

    def persist_all(self, older_than_seconds: float = -1.0) -> None:
        now = self.life.clock.now().timestamp()
        due = [event for event in self.waiting if now - published_seconds(event) > older_than_seconds]
        self.life.persist(due)
        self.waiting = [event for event in self.waiting if event not in due]


@pytest.mark.parametrize("seed", range(60))
def test_any_order_of_anything(tmp_path: Path, seed: int) -> None:
    anything = Anything(tmp_path, random.Random(seed))
    life = anything.life
    for _ in range(80):
        anything.rng.choice(anything.things)()
        anything.persist_all(older_than_seconds=20.0)
    life.okta.down = life.okta.refuses_cursor = False
    anything.persist_all()
    life.run(400.0, step_seconds=4.0)
    expected = {event["uuid"] for event in life.okta.log if published_seconds(event) >= anything.wanted_from.timestamp()}
    counted = Counter(life.uuids)
    assert {uuid: count for uuid, count in counted.items() if count > 1} == {}
    assert expected - counted.keys() == set()
    assert counted.keys() <= {event["uuid"] for event in life.okta.log}


def published_seconds(event: dict) -> float:  # type: ignore[type-arg]
    return datetime.fromisoformat(event["published"]).timestamp()
