"""What the races ask of a collector, and the two that need no installation: bytewax-okta and the plain loop."""

import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from tests.benchmarks.races.server import TOKEN
from tests.benchmarks.races.usage import kill
from tests.e2e.harness import Workplace

REPOSITORY = Path(__file__).resolve().parents[3]
ENVIRONMENTS = REPOSITORY / ".bench"


@dataclass(frozen=True)
class Target:
    """Where to collect from.

    Attributes:
        url: The organisation's URL, without a slash at the end.
        requests_per_second: What its rate limit allows on average; 0: no limit.
        snapshot_seconds: How often a collector that can be told shall save its state.
    """

    url: str
    requests_per_second: float = 0.0
    snapshot_seconds: int = 10

    @property
    def since(self) -> str:
        """Before the first event, in whole seconds."""
        return (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def host(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]


@dataclass(frozen=True)
class Command:
    """How to start a collector; standard output goes to `output` where there is one, else into the log."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    output: Path | None = None


class Collector(ABC):
    """A collector that writes events to files in a folder of its own.

    Attributes:
        key: Its name on the command line.
        label: Its name and version in tables.
        ends_itself: Whether it ends once it has read the backlog; the bench ends the others.
        plain_lines: Whether its files are plain text, at least a line an event.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    ends_itself: ClassVar[bool] = True
    plain_lines: ClassVar[bool] = True

    def __init__(self, folder: Path, target: Target) -> None:
        self.folder = folder
        self.target = target
        self.starts = 0
        self.out.mkdir(parents=True)
        self.prepare()

    @property
    def out(self) -> Path:
        """Where it writes events, and nothing else."""
        return self.folder / "out"

    @property
    def log(self) -> Path:
        """What it has printed in all its runs."""
        return self.folder / "log.txt"

    def prepare(self) -> None:  # noqa: B027 - most have something to prepare, none has to
        """Write its configuration; once, before the first start."""

    @abstractmethod
    def command(self) -> Command:
        """How to start it; called once a start, also after a crash. `starts` counts from 1."""

    @abstractmethod
    def event(self, line: dict[str, Any]) -> dict[str, Any] | None:
        """The event in a line that it wrote, without what it has added; None for a line that is none."""

    def lines(self) -> Iterator[bytes]:
        """What stands in its files."""
        for path in sorted(self.out.rglob("*")):
            if path.is_file():
                with path.open("rb") as lines:
                    yield from lines

    def before_restart(self) -> None:  # noqa: B027 - few need it
        """Whatever somebody has to do or to wait for between a crash and the next start."""

    @contextmanager
    def running(self) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
        """Start it: the process and the monotonic time of its start. Whoever leaves while it runs kills it."""
        self.starts += 1
        command = self.command()
        with self.log.open("ab") as log, (command.output or self.log).open("ab") as output:
            started = time.monotonic()
            process = subprocess.Popen(
                command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                cwd=self.folder,
                env=bare_environment() | command.environment,
                start_new_session=True,
            )
        try:
            yield process, started
        finally:
            if process.poll() is None:
                kill(process)


def bare_environment() -> dict[str, str]:
    """What a collector needs of this process's environment, and no proxy, debugging or tuning variable with it."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(Path.home()), "LANG": "C.UTF-8"}


class Ours(Collector):
    """The real flow with recovery on."""

    key = "bytewax-okta"
    label = "bytewax-okta"
    pipeline = ""

    def prepare(self) -> None:
        self._place = Workplace(self.folder, pipeline=self.pipeline)
        self._place.add("org-0", self.target.url, TOKEN, request_timeout_seconds=35)
        self._place.write()
        self._place.make_state()

    def command(self) -> Command:
        flow = f"flows.system_log:get_flow('{self._place.config}', until_drained=True)"
        recovery = ["-r", str(self._place.state), "-s", str(self.target.snapshot_seconds), "-b", "0"]
        return Command([sys.executable, "-m", "bytewax.run", flow, *recovery])

    def event(self, line: dict[str, Any]) -> dict[str, Any] | None:
        return without_tags(line)


class PlainLoop(Collector):
    """`requests` and `orjson`, no state: a second start begins again, into a file of its own."""

    key = "loop"
    label = "plain loop"

    def command(self) -> Command:
        path = self.out / f"{self.starts}.ndjson"
        arguments = [sys.executable, "-m", "tests.benchmarks.plain_loop", self.target.url, TOKEN, str(path)]
        return Command(arguments, {"PYTHONPATH": str(REPOSITORY)})

    def event(self, line: dict[str, Any]) -> dict[str, Any] | None:
        return without_tags(line)


def without_tags(line: dict[str, Any]) -> dict[str, Any]:
    """An event without the tags that both put in front."""
    return {name: value for name, value in line.items() if not name.startswith("_okta_")}


class LineCount:
    """Counts lines of files that grow, without reading anything twice."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self.lines = 0

    def now(self) -> int:
        for path in self._folder.rglob("*"):
            offset = self._offsets.get(path, 0)
            if path.is_file() and path.stat().st_size > offset:
                with path.open("rb") as grown:
                    grown.seek(offset)
                    # In pieces: a child starts as a copy of this process, and the system would count our memory as its peak.
                    while piece := grown.read(1 << 20):
                        self.lines += piece.count(b"\n")
                        offset += len(piece)
                self._offsets[path] = offset
        return self.lines
