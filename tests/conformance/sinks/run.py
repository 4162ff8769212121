"""Does to a sink what Bytewax does to it, a kill included, and reads what that leaves behind."""

import contextlib
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bytewax.outputs import FixedPartitionedSink
from prometheus_client import REGISTRY

from flows.pipeline.destinations import build_sink
from okta_source.fetching.control import RunControl
from sinks.dead_letters.files import letter_files
from sinks.dead_letters.line import decode
from sinks.dead_letters.sink import DeadLetterFile
from sinks.documents import Documents, Rejected
from sinks.outbox.sink import KeyedSink

__all__ = ["TENANTS", "Bench", "Run", "eventually", "failures"]

TENANTS = ("acme", "globex", "initech")
_PATIENCE_SECONDS = 20.0


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait for what happens on a thread of the sink's own."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


class Run:
    """One worker's life with a sink, from building its partitions to closing them.

    Args:
        sink: The sink; workers of one process share it.
        names: The worker's partitions; all of them without it.
        states: Their last snapshots, where it is no first run.
    """

    def __init__(
        self, sink: FixedPartitionedSink[Any, Any], names: Iterable[str] | None = None, states: Mapping[str, Any] | None = None
    ) -> None:
        self.sink: Any = sink
        self._all = sink.list_parts()
        self._parts = {name: sink.build_part("system_log.sink", name, (states or {}).get(name)) for name in names or self._all}
        self._awoken: set[str] = set()
        self.states: dict[str, Any] = dict(states or {})
        """The last snapshot of each partition, as the recovery store keeps it."""

    def write(self, *pages: Documents) -> None:
        """Hand over pages that arrive together."""
        by_part: dict[str, list[Documents]] = {}
        for documents in pages:
            by_part.setdefault(self._all[self.sink.part_fn(documents.tenant)], []).append(documents)
        for name, values in by_part.items():
            self._awoken.add(name)
            self._parts[name].write_batch(values)

    def write_nothing(self, name: str) -> None:
        """Call a partition with no page at all."""
        self._awoken.add(name)
        self._parts[name].write_batch([])

    def end_epoch(self) -> None:
        """Take a snapshot of each partition that was written to."""
        for name in sorted(self._awoken):
            self.states[name] = pickle.loads(pickle.dumps(self._parts[name].snapshot()))  # noqa: S301
        self._awoken.clear()

    def epoch(self, *pages: Documents) -> None:
        """A whole epoch, and until what was written is with its target or the letters."""
        self.write(*pages)
        self.end_epoch()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is left in the outbox."""
        if isinstance(self.sink, KeyedSink):
            self.sink.flush()
            eventually(lambda: not self.sink.waiting_bytes, "an empty outbox")

    def close(self) -> None:
        """The end of the input, or of the run by an exception."""
        for part in self._parts.values():
            part.close()
        self._parts.clear()

    def kill(self) -> None:
        """As near to `kill -9` as it goes in one process: no snapshot, no goodbye, and nothing more is sent."""
        if isinstance(self.sink, KeyedSink):
            self.sink.kill()
        self._parts.clear()


class Bench:
    """A kind of sink under test, in a folder of its own.

    Args:
        kind_name: The sink's kind.
        kind: It.
        folder: Where files, letters and states are.
        name: The sink's name, not used before: metrics are told apart by it.
    """

    def __init__(self, kind_name: str, kind: Any, folder: Path, name: str) -> None:
        self.kind_name = kind_name
        self.kind: Any = kind
        self.folder = folder
        self.name = name
        self.control = RunControl()
        self._runs: list[Run] = []
        self._skipped_seconds = 0.0
        self._jump: tuple[float, Callable[[], bool]] = 0.0, lambda: False

    def monotonic(self) -> float:
        """The sink's clock."""
        seconds, condition = self._jump
        if condition():
            self._jump = 0.0, lambda: False
            self._skipped_seconds += seconds
        return time.monotonic() + self._skipped_seconds

    def jump(self, seconds: float, when: Callable[[], bool]) -> None:
        """Let time pass at once, as soon as something is so: limits are as long as users have them, and nobody waits for their end."""
        self._jump = seconds, when

    @property
    def dead(self) -> Path:
        """The folder of all dead letters."""
        return self.folder / "dead"

    def build(self, tenants: Sequence[str] = TENANTS, **keys: Any) -> Any:
        """The sink as the flow builds it; `keys` are of its table. The end of a run waits for nobody."""
        config = self.kind.config(self.folder, **keys)
        self.control = RunControl()
        self.control.request_stop()  # so that the end of the run gives a target a second, and no minute
        return build_sink(
            self.name,
            config,
            tenants,
            state_dir=self.folder / "state",
            letters=DeadLetterFile(self.dead),
            outbox_dir=self.folder / "outbox",
            control=self.control,
        )

    def start(self, *, after: Run | None = None, **keys: Any) -> Run:
        """Begin a run, where another one has been from its last snapshots."""
        run = Run(self.build(**keys), states=after and after.states)
        self._runs.append(run)
        return run

    def clear_away(self) -> None:
        """Leave no thread that goes on."""
        for run in self._runs:
            run.kill()

    def waiting_bytes(self) -> float:
        """What waits in the outbox, as the metric says it."""
        return self.value("okta_sink_outbox_bytes")

    def oldest_at(self) -> float | None:
        """Since when, likewise."""
        return REGISTRY.get_sample_value("okta_sink_outbox_oldest_timestamp_seconds", {"sink": self.name})

    def files_left(self) -> list[Path]:
        """The segments that are still there."""
        return sorted((self.folder / "outbox").rglob("*.ndjson"))

    def has_stopped(self, run: Run) -> bool:
        """Whether the sink can't go on."""
        return run.sink.has_stopped

    @contextlib.contextmanager
    def locked_elsewhere(self, tenant: str) -> Iterator[None]:
        """Another process has a tenant's outbox."""
        program = (
            "import sys, pathlib; from sinks.outbox.owner import Owner; folder = pathlib.Path(sys.argv[1]);"
            "Owner(folder, 'x', lambda error, path: error).take(sys.argv[2]); print('held', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", program, str(self.folder / "outbox" / self.name), tenant]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield
            process.communicate("")

    def letter_lines(self) -> list[bytes]:
        """The dead letters as they are written."""
        return [line for path in letter_files(self.dead / self.name) for line in path.read_bytes().splitlines()]

    def letters(self) -> list[Rejected]:
        """The dead letters."""
        return list(map(decode, self.letter_lines()))

    def lost(self) -> list[str]:
        """The ids of the dead letters, sorted."""
        return sorted(str(letter.uuid) for letter in self.letters())

    def count(self, result: str) -> float:
        """How many events are said to have had this fate."""
        return self._sum("okta_sink_events_total", result=result)

    def value(self, metric: str, **labels: str) -> float:
        """A metric of the sink."""
        return REGISTRY.get_sample_value(metric, {"sink": self.name, **labels}) or 0.0

    def _sum(self, metric: str, **labels: str) -> float:
        wanted = {"sink": self.name, **labels}.items()
        samples = [sample for family in REGISTRY.collect() for sample in family.samples if sample.name == metric]
        return sum(sample.value for sample in samples if wanted <= sample.labels.items())


def failures(error_type: str, tenants: Sequence[str] = TENANTS) -> float:
    """How many failed attempts the tenants' error metric has."""
    labels = [{"tenant": tenant, "error_type": error_type, "stage": "deliver"} for tenant in tenants]
    return sum(REGISTRY.get_sample_value("okta_errors_total", label) or 0.0 for label in labels)
