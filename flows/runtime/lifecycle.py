"""How a run ends: signals become the end of the input, trouble becomes an exit code.

Bytewax has no shutdown hook and no exit code other than 0 and 1. `bytewax-okta run` calls Bytewax itself and says both when it returns
(`heed_signals`, `conclude`); where `bytewax.run` is the program they are added from outside (`install`).

| exit | meaning |
|---|---|
| 0 | stopped by SIGINT or SIGTERM, or every tenant drained and every event delivered |
| 1 | drained, but for the tenants and outboxes named in the log, or for events that became dead letters; or how it ended is not known |
| 2 | the configuration or the state directory is wrong, or the port for metrics is in use; no request was made |
| 3 | a sink can't go on; no last snapshot, so the next run sends again what is missing |
"""

import atexit
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import FrameType
from typing import Any, NoReturn, TypeVar

from bytewax.outputs import DynamicSink, FixedPartitionedSink, StatefulSinkPartition, StatelessSinkPartition

from flows.runtime.invocation import is_own_run
from flows.runtime.undelivered import INPUT, undelivered_words
from okta_source.fetching.control import RunControl
from okta_source.output import output_failure, tolerate_any_output
from okta_source.polling.printable import printable
from sinks.dead_letters.count import written
from sinks.errors import SinkStopped

__all__ = [
    "EXIT_CONFIGURATION",
    "EXIT_SINK_STOPPED",
    "EXIT_UNDRAINED",
    "StopsRun",
    "StopsRunKeyed",
    "conclude",
    "configure_logging",
    "heed_signals",
    "install",
    "is_program",
    "log_as",
    "stop_run",
    "warn_of",
]

EXIT_UNDRAINED = 1
EXIT_CONFIGURATION = 2
EXIT_SINK_STOPPED = 3
_JOIN_GRACE_SECONDS = 1.0
_LONGEST_LINE = 4000

_LOG = logging.getLogger(__name__)
_R = TypeVar("_R")


def is_program() -> bool:
    """Whether this process is there to run one flow (`python -m bytewax.run`, `bytewax-okta run`), and not somebody's test or program."""
    if is_own_run():
        return True
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name == "bytewax.run"


class _UtcFormatter(logging.Formatter):
    """One line a record, whatever it says: parts of it were written by servers. A traceback keeps its lines, each of them printable."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        message = record.message.count("\n") + 1  # the traceback stands behind it
        return "\n".join((printable(" ".join(lines[:message]), _LONGEST_LINE), *(_indented(line) for line in lines[message:])))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _JsonFormatter(_UtcFormatter):
    """One JSON object a line, in ASCII, which every terminal and collector takes: at, level, message, and what the record has as values."""

    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, object] = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "message": printable(record.getMessage(), _LONGEST_LINE),
        }
        values |= getattr(record, "told", {})
        if record.exc_info:
            values["traceback"] = [_indented(line) for line in self.formatException(record.exc_info).split("\n")]
        return json.dumps(values)


def _indented(line: str) -> str:
    text = line.lstrip(" ")
    return " " * (len(line) - len(text)) + printable(text, _LONGEST_LINE)


def configure_logging() -> None:
    """Log to stderr in UTC, unless somebody has configured logging already; first of all, see that nothing printed can fail."""
    tolerate_any_output()
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_UtcFormatter("%(asctime)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # urllib3 warns of each broken connection; the source says it better, with the tenant and the fix.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def log_as(log_format: str) -> None:
    """From now on log in the form of the configuration, `text` or `json`, where `configure_logging` has set it up."""
    for handler in logging.getLogger().handlers:
        if log_format == "json" and isinstance(handler.formatter, _UtcFormatter):
            handler.setFormatter(_JsonFormatter())


def warn_of(warnings: Iterable[str]) -> None:
    """Print what works but deserves a look."""
    is_json = any(isinstance(handler.formatter, _JsonFormatter) for handler in logging.getLogger().handlers)
    for warning in warnings:
        if is_json:
            _LOG.warning("%s", warning)
        else:
            sys.stderr.write(f"warning: {warning}\n")


def install(control: RunControl, *, names: dict[str, str], at_end: Callable[[], int] = lambda: 0) -> None:
    """Turn SIGINT and SIGTERM into the end of the input, and what was not drained or not delivered into exit code 1.

    Args:
        control: The run's switches.
        names: Each tenant's name for people.
        at_end: Called once the dataflow has ended; returns an exit code.
    """
    heed_signals(control)

    def exit_code() -> None:
        code = conclude(control, names, at_end)
        if code:
            _exit_now(code)

    # Bytewax returns from its main function with everything snapshotted; only the exit code is left to say.
    atexit.register(exit_code)


def heed_signals(control: RunControl) -> None:
    """Turn SIGINT and SIGTERM into the end of the input, for the life of this process."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    # A Python handler runs only when the main thread is in Python, and a process that waits for its cluster is not: so a thread is told.
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)
    threading.Thread(target=_await_signal, args=(wake_read, control), name="okta-signals", daemon=True).start()


def conclude(control: RunControl, names: dict[str, str], at_end: Callable[[], int] = lambda: 0) -> int:
    """Say how a run has ended, once Bytewax has returned.

    Args:
        control: The run's switches.
        names: Each tenant's name for people.
        at_end: Called first; returns an exit code.

    Returns:
        The exit code: 1 where something was not drained, not delivered or not printed. Nothing is raised: in a hook at the process's end
        that would be printed by Python, and the exit code be 0.
    """
    try:
        code = _told_code(control, names, at_end)
    except BaseException:  # noqa: BLE001
        _LOG.critical("how the run ended could not be told", exc_info=True)
        code = EXIT_UNDRAINED
    if failure := output_failure():
        _LOG.error("%s", failure)
        code = code or EXIT_UNDRAINED
    return code


def _told_code(control: RunControl, names: dict[str, str], at_end: Callable[[], int]) -> int:
    """Say how the run ended, in one place for all flows; returns the exit code."""
    undrained = control.undrained()
    for tenant, failure in sorted(undrained.items()):
        _LOG.error("%s could not be drained: %s", names.get(tenant, tenant), failure)
    left = control.left()
    for what in left:
        (_LOG.info if control.stopping else _LOG.error)("%s", what)
    code = at_end() or (EXIT_UNDRAINED if undrained or (left and not control.stopping) else 0)
    letters = written()
    if INPUT in letters:
        _LOG.warning("%d elements of Okta's answers are no events: they are with the dead letters of %s", letters[INPUT], INPUT)
    if words := undelivered_words(letters):
        _LOG.error("%s", words)
        # Who was told to stop has done so well; a run that has come to its end has not.
        return code or (EXIT_UNDRAINED if control.until_drained and not control.stopping else 0)
    if control.until_drained and not code:
        _LOG.info("every tenant is drained, and every event delivered")
    return code


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Keeps the default action away; `_await_signal` acts."""


def _await_signal(wake_read: int, control: RunControl) -> None:
    number = signal.Signals(os.read(wake_read, 1)[0])
    _LOG.info("%s received: finishing with a last snapshot", number.name)
    control.request_stop()
    time.sleep(_JOIN_GRACE_SECONDS)
    if not control.running:
        _LOG.info("stopped before the cluster was complete: nothing had begun")
        _exit_now(0)


def _exit_now(code: int) -> NoReturn:
    logging.shutdown()
    output_failure()
    os._exit(code)


def stop_run(error: SinkStopped) -> None:
    """End the process without a last snapshot, from whichever thread: only so does the next run write again what this sink has not taken.

    Where this is not the program it does nothing: whoever hands the sink something is told by an exception.
    """
    if not is_program():
        return
    _LOG.critical("%s", error)
    _exit_now(EXIT_SINK_STOPPED)


def _guarded(call: Callable[[], _R]) -> _R:
    try:
        return call()
    except SinkStopped as error:
        stop_run(error)
        raise


def _close(partition: StatefulSinkPartition[Any, Any] | StatelessSinkPartition[Any]) -> None:
    """Close without raising: Bytewax closes while it unwinds an exception, and a second one aborts the process."""
    try:
        partition.close()
    except SinkStopped as error:
        stop_run(error)
        _LOG.critical("%s", error)


class _KeyedPartition(StatefulSinkPartition[Any, Any]):
    def __init__(self, partition: StatefulSinkPartition[Any, Any]) -> None:
        self._partition = partition

    def write_batch(self, values: list[Any]) -> None:
        _guarded(lambda: self._partition.write_batch(values))

    def snapshot(self) -> Any:
        return _guarded(self._partition.snapshot)

    def close(self) -> None:
        _close(self._partition)


class StopsRunKeyed(FixedPartitionedSink[Any, Any]):
    """A keyed sink whose `SinkStopped` ends the run with exit code 3 and one message instead of a panic.

    Args:
        sink: The sink.
    """

    def __init__(self, sink: FixedPartitionedSink[Any, Any]) -> None:
        self._sink = sink

    def list_parts(self) -> list[str]:
        """The sink's partitions."""
        return self._sink.list_parts()

    def part_fn(self, item_key: str) -> int:
        """The sink's own choice."""
        return self._sink.part_fn(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> StatefulSinkPartition[Any, Any]:
        """The sink's partition, guarded."""
        return _KeyedPartition(_guarded(lambda: self._sink.build_part(step_id, for_part, resume_state)))


class _Partition(StatelessSinkPartition[Any]):
    def __init__(self, partition: StatelessSinkPartition[Any]) -> None:
        self._partition = partition

    def write_batch(self, items: list[Any]) -> None:
        _guarded(lambda: self._partition.write_batch(items))

    def close(self) -> None:
        _close(self._partition)


class StopsRun(DynamicSink[Any]):
    """The same for a sink without state.

    Args:
        sink: The sink.
    """

    def __init__(self, sink: DynamicSink[Any]) -> None:
        self._sink = sink

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        """The sink's partition, guarded."""
        return _Partition(_guarded(lambda: self._sink.build(step_id, worker_index, worker_count)))
