"""A process that runs beside a cluster and may end and start alone: the receiver of hooks.

The processes of a Bytewax cluster live and die together; one that only shares a folder with them need not.
"""

import contextlib
import logging
import selectors
import signal
import subprocess
import time
from typing import BinaryIO, Final

from flows.cluster.plan import Member
from flows.cluster.processes import Running
from flows.cluster.restarts import Restarts

__all__ = ["Companion"]

_LOG = logging.getLogger(__name__)
_STOP_SECONDS: Final = 5.0
"""How long it may take to end; the receiver takes 3 s at most."""


class Companion:
    """One such process: started again whenever it ends by itself, and asked to end when the cluster is, or has.

    Args:
        member: What to start.
        out: Where its output goes.
    """

    def __init__(self, member: Member, out: BinaryIO) -> None:
        self._member = member
        self._out = out
        self._selector: selectors.BaseSelector | None = None
        self._restarts = Restarts()
        self._process: Running | None = None
        self._stopping = False

    def attach(self, selector: selectors.BaseSelector) -> None:
        """Start it."""
        self._selector = selector
        self._start()

    def watch(self, now: float, *, stopping: bool) -> None:
        """Start it again where it has ended by itself; ask it to end, once the cluster is."""
        process = self._process
        if stopping and not self._stopping:
            self._stopping = True
            if process is not None:
                process.popen.send_signal(signal.SIGTERM)
        if process is not None and process.popen.poll() is not None:
            self._leave(process)
            if not self._stopping:
                wait_seconds = self._restarts.ended(now)
                _LOG.error(
                    "%s (pid %d) ended with %d; the cluster goes on, and it is started again in %g s",
                    self._member.name,
                    process.popen.pid,
                    process.popen.returncode,
                    wait_seconds,
                )
        elif process is None and not self._stopping and self._restarts.due(now):
            self._start()

    def end(self) -> None:
        """Ask it to end, and make it after a while."""
        process = self._process
        if process is None:
            return
        if process.popen.poll() is None and not self._stopping:
            process.popen.send_signal(signal.SIGTERM)
        try:
            process.popen.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _LOG.error(
                "%s (pid %d) had not ended %g s after it was asked to and is killed", self._member.name, process.popen.pid, _STOP_SECONDS
            )
        self._leave(process)

    def _start(self) -> None:
        assert self._selector is not None  # noqa: S101  # attached
        self._process = process = Running(self._member, self._out)
        self._restarts.started(time.monotonic())
        self._selector.register(process.output, selectors.EVENT_READ, process.pass_on)
        _LOG.info("started %s (pid %d)", self._member.name, process.popen.pid)

    def _leave(self, process: Running) -> None:
        if self._selector is not None:
            with contextlib.suppress(KeyError):  # its output has ended already
                self._selector.unregister(process.output)
        process.end()
        self._process = None
