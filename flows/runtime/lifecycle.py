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
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from flows.runtime.invocation import is_own_run
from flows.runtime.undelivered import INPUT, undelivered_words
from okta_source.fetching.control import RunControl
from okta_source.output import output_failure
from sinks.dead_letters.count import written
from sinks.errors import SinkStopped

__all__ = [
    "EXIT_CONFIGURATION",
    "EXIT_SINK_STOPPED",
    "EXIT_UNDRAINED",
    "conclude",
    "heed_signals",
    "install",
    "is_program",
    "stop_run",
]

EXIT_UNDRAINED = 1
EXIT_CONFIGURATION = 2
EXIT_SINK_STOPPED = 3
_JOIN_GRACE_SECONDS = 1.0

_LOG = logging.getLogger(__name__)


def is_program() -> bool:
    """Whether this process is there to run one flow (`python -m bytewax.run`, `bytewax-okta run`), and not somebody's test or program."""
    if is_own_run():
        return True
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name == "bytewax.run"


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
