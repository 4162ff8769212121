"""Whatever happens to the process, and whichever snapshot it resumes from: every event once, in order.

The kernel calls that change the disk are counted and one of them never returns, as after `kill -9`; a write
may have been done by half. In a power cut, what was written or named without a sync is gone as well. The
flow is a fixed list of steps: pages, epoch ends with their snapshot, and at the end a close.
"""

import gzip
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from sinks.documents import Documents
from sinks.file import partition as file_partition
from sinks.file.sink import FileSink

CHANGING_CALLS = ("write", "fsync", "fdatasync", "ftruncate", "unlink", "replace", "mkdir", "open")
FOREIGN = b'{"n":"written by someone else, without a line feed"}'


class Killed(BaseException):
    """The process is gone: nothing that handles errors gets to run."""


@dataclass(frozen=True)
class Head:
    uuid: str
    published: datetime
    event_type: str = "user.session.start"


Step = tuple[tuple[int, int], ...] | None
"""A page of events (number, day of the month), or the end of an epoch."""


def page(events: tuple[tuple[int, int], ...]) -> Documents:
    return Documents(
        "acme",
        [Head(str(n), datetime(2024, 5, day, 12, tzinfo=UTC)) for n, day in events],
        [b'{"t":1,'] * len(events),
        [b'"n":%d}' % n for n, _ in events],
    )


class Disk:
    """Counts the calls that change the disk, lets the process die in one of them, and knows what was synced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.die_at: int | None = None
        self.half = False
        self.names: set[Path] = set()
        self.sizes: dict[Path, int] = {}
        for name in CHANGING_CALLS:
            monkeypatch.setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return real(*args, **kwargs)
            self.calls += 1
            if self.calls == self.die_at:
                if name == "write" and self.half:
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                raise Killed
            if name in {"fsync", "fdatasync"}:
                return self._synced(Path(f"/proc/self/fd/{args[0]}").readlink())
            if name == "replace":
                self.sizes[Path(args[1])] = self.sizes.pop(Path(args[0]), 0)
            return real(*args, **kwargs)

        return call

    def _synced(self, path: Path) -> None:
        if path.is_dir():
            self.names.update(path.iterdir())
        else:
            self.sizes[path] = path.stat().st_size

    def live(self, folder: Path, die_at: int | None = None, *, half: bool = False) -> None:
        self.calls, self.die_at, self.half = 0, die_at, half
        self.names = {folder, *folder.rglob("*")}
        self.sizes = {path: path.stat().st_size for path in self.names if path.is_file()}

    def cut_power(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir():
                continue
            if self.names.issuperset({path, *path.parents[: len(path.relative_to(folder).parts)]}):
                os.truncate(path, min(path.stat().st_size, self.sizes.get(path, 0)))
            else:
                path.unlink()


class Flow:
    """A source that can start at any step, and the sink under test."""

    def __init__(self, folder: Path, compression: str) -> None:
        self.folder = folder
        self.compression = compression
        # What the recovery store holds: after how many steps, and the sink's state.
        self.snapshots: list[tuple[int, dict[str, Any] | None]] = [(0, None)]

    def run(self, steps: Sequence[Step], resume: int = -1) -> None:
        position, state = self.snapshots[resume]
        self.snapshots = self.snapshots[: resume + 1 or None]
        template = str(self.folder / "{tenant}" / "{date}.ndjson")
        sink = FileSink("archive", template, ["acme", "other"], compression=self.compression,
                        journal_dir=self.folder / "journal", clock=lambda: datetime(2024, 5, 31, tzinfo=UTC))  # fmt: skip
        # Through JSON: the state may be plain values only.
        partition = sink.build_part("sink", "acme", json.loads(json.dumps(state)))
        for number, step in enumerate(steps[position:], position + 1):
            if step is None:
                self.snapshots.append((number, partition.snapshot()))
            else:
                partition.write_batch([page(step)])
        self.snapshots.append((len(steps), partition.snapshot()))
        partition.close()

    def content(self) -> dict[str, list[Any]]:
        return {
            path.name.partition(".")[0]: [json.loads(line)["n"] for line in self.inflate(path).splitlines()]
            for path in sorted((self.folder / "acme").iterdir())
        }

    def inflate(self, path: Path) -> bytes:
        data = path.read_bytes()
        if self.compression == "gzip":
            return gzip.decompress(data)
        if self.compression == "zstd":
            return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
        return data

    def put_foreign_file(self, day: int) -> None:
        suffix = {"none": "", "gzip": ".gz", "zstd": ".zst"}[self.compression]
        data = FOREIGN + (b"\n" if suffix else b"")
        packed = {"none": data, "gzip": gzip.compress(data), "zstd": zstandard.compress(data)}[self.compression]
        path = self.folder / "acme" / f"2024-05-{day:02}.ndjson{suffix}"
        path.parent.mkdir(parents=True)
        path.write_bytes(packed)


def expected(steps: Sequence[Step], foreign_day: int | None = None) -> dict[str, list[Any]]:
    files: dict[str, list[Any]] = {}
    if foreign_day is not None:
        files[f"2024-05-{foreign_day:02}"] = [json.loads(FOREIGN)["n"]]
    for step in steps:
        for number, day in step or ():
            files.setdefault(f"2024-05-{day:02}", []).append(number)
    return dict(sorted(files.items()))


# Day 2 has a file of someone else's; day 1 leaves the state and comes back; the last pages have no snapshot.
STEPS: tuple[Step, ...] = (
    ((1, 1), (2, 1)), ((3, 1), (4, 2)), None,
    ((5, 2),), ((6, 3), (7, 2)), None,
    ((8, 3),), None,
    ((9, 1), (10, 4)), None,
    ((11, 4), (12, 1)), ((13, 5),),
)  # fmt: skip


@pytest.fixture(autouse=True)
def closed_descriptors() -> Iterator[None]:
    """Close what the killed ones left open, as their processes' end would have: thousands of files."""
    folder = Path("/proc/self/fd")
    before = {entry.name for entry in folder.iterdir()}
    yield
    for entry in [entry for entry in folder.iterdir() if entry.name not in before]:
        with suppress(OSError):  # the folder's own descriptor is closed already
            os.close(int(entry.name))


@pytest.fixture
def disk(monkeypatch) -> Disk:
    # With one file in the state, files leave it all the time.
    monkeypatch.setattr(file_partition, "_FILES_IN_STATE", 1)
    return Disk(monkeypatch)


def calls_of_a_whole_run(folder: Path, disk: Disk, compression: str) -> int:
    flow = Flow(folder, compression)
    flow.put_foreign_file(2)
    disk.live(folder)
    flow.run(STEPS)
    assert flow.content() == expected(STEPS, 2)
    return disk.calls


@pytest.mark.parametrize("death", ["kill", "kill within a write", "power cut"])
@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_killed_in_any_call_and_resumed_from_any_snapshot(tmp_path, disk, compression, death):
    total = calls_of_a_whole_run(tmp_path / "whole", disk, compression)
    assert total > 40
    for die_at in range(1, total + 1):
        for back in range(4):
            flow = Flow(tmp_path / f"{die_at}-{back}", compression)
            flow.put_foreign_file(2)
            disk.live(flow.folder, die_at, half=death == "kill within a write")
            with pytest.raises(Killed):
                flow.run(STEPS)
            if death == "power cut":
                disk.cut_power(flow.folder)
            disk.live(flow.folder)
            # The newest snapshot, or one before it, since nobody knows which of them was committed.
            flow.run(STEPS, resume=max(0, len(flow.snapshots) - 1 - back))
            assert flow.content() == expected(STEPS, 2), (die_at, back)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_killed_while_resuming(tmp_path, disk, compression):
    total = calls_of_a_whole_run(tmp_path / "whole", disk, compression)
    for die_at in range(5, total + 1, 5):
        for again_at in range(1, 12):
            flow = Flow(tmp_path / f"{die_at}-{again_at}", compression)
            flow.put_foreign_file(2)
            disk.live(flow.folder, die_at)
            with pytest.raises(Killed):
                flow.run(STEPS)
            resume = max(0, len(flow.snapshots) - 2)
            disk.live(flow.folder, again_at, half=True)
            with pytest.raises(Killed):
                flow.run(STEPS, resume=resume)
            disk.live(flow.folder)
            flow.run(STEPS, resume=resume)
            assert flow.content() == expected(STEPS, 2), (die_at, again_at)


@pytest.mark.parametrize("seed", range(150))
def test_killed_again_and_again(tmp_path, disk, seed):
    dice = random.Random(seed)
    number, steps = 1, [((1, 1),)]
    for _ in range(dice.randrange(5, 40)):
        if dice.random() < 0.4:
            steps.append(None)
            continue
        events = []
        for _ in range(dice.randrange(1, 5)):
            number += 1
            events.append((number, dice.choice([1, 2, 3, 4])))
        steps.append(tuple(events))
    flow = Flow(tmp_path, dice.choice(["none", "gzip", "zstd"]))
    foreign = dice.choice([None, 2])
    if foreign:
        flow.put_foreign_file(foreign)
    # A snapshot once resumed from was committed: no later run resumes from an earlier one.
    committed = 0
    for _ in range(dice.randrange(1, 8)):
        disk.live(tmp_path, dice.randrange(1, 60), half=dice.random() < 0.5)
        committed = dice.randrange(committed, len(flow.snapshots))
        try:
            flow.run(steps, resume=committed)
        except Killed:
            if dice.random() < 0.5:
                disk.cut_power(tmp_path)
            continue
        break
    disk.live(tmp_path)
    flow.run(steps, resume=dice.randrange(committed, len(flow.snapshots)))
    content = flow.content()
    assert {day: events for day, events in content.items() if events} == expected(steps, foreign)
