"""The processes of a cluster while they run: started, their output passed on line by line, signals relayed, the end awaited.

One thread does it all, so that nothing is going on when a process is forked.
"""

import ctypes
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import BinaryIO, Final, Protocol

from flows.cluster.ending import Ended, Ending
from flows.cluster.joining import Joining
from flows.cluster.plan import Member
from flows.cluster.sockets import connections, sockets_of

__all__ = ["Beside", "Running", "run"]

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.1
_READ_BYTES: Final = 1 << 16
_PR_SET_PDEATHSIG: Final = 1


class Beside(Protocol):
    """Something that runs while the processes do, in the same thread."""

    def attach(self, selector: selectors.BaseSelector) -> None:
        """Begin; what is to be waited for is registered with a function that takes it up, and returns False when it is over."""
        ...

    def watch(self, now: float, *, stopping: bool) -> None:
        """Look after itself; called ten times a second. `stopping`: the processes are asked to end now."""
        ...

    def end(self) -> None:
        """The processes have ended."""
        ...


def run(
    members: Sequence[Member],
    ending: Ending,
    out: BinaryIO,
    ports: Sequence[int] = (),
    beside: Beside | None = None,
) -> None:
    """Start the processes and stay until the last one has ended.

    SIGINT and SIGTERM are relayed as SIGTERM to each of them. They are in process groups of their own, so that a Ctrl-C, which a terminal
    sends to its whole group, reaches them once and never while Python is still starting. If this process is killed, the kernel sends them
    SIGTERM (Linux only), and they stop with a last snapshot.

    Args:
        members: What to start.
        ending: Is told what happens, and says whom to signal.
        out: Where their output goes, each line whole and behind its process's number.
        ports: Where they listen for each other, if they do: nobody else may be connected there.
        beside: What runs beside them.
    """
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    before_fd = signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    before = {number: signal.signal(number, _heeded) for number in (signal.SIGINT, signal.SIGTERM)}
    running: list[Running] = []
    with selectors.DefaultSelector() as selector:
        selector.register(wake_read, selectors.EVENT_READ)
        try:
            for member in members:
                process = Running(member, out)
                running.append(process)
                selector.register(process.output, selectors.EVENT_READ, process.pass_on)
            _LOG.info("started %s", ", ".join(f"process {each.number} (pid {each.popen.pid})" for each in running))
            joining = Joining(ports, time.monotonic()) if len(ports) > 1 else None
            if beside is not None:
                beside.attach(selector)
            _watch(running, ending, selector, wake_read, joining, beside)
        finally:
            if beside is not None:
                beside.end()
            for process in running:
                process.end()
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before_fd)
            os.close(wake_read)
            os.close(wake_write)


def _watch(
    running: list["Running"],
    ending: Ending,
    selector: selectors.BaseSelector,
    wake_read: int,
    joining: Joining | None,
    beside: Beside | None,
) -> None:
    left = list(running)
    while left:
        for key, _ in selector.select(_LOOK_SECONDS):
            pass_on: Callable[[], bool] | None = key.data
            if pass_on is None:
                name = signal.Signals(os.read(wake_read, 1)[0]).name
                _LOG.info("%s received: stopping %d processes", name, len(left))
                ending.stop(time.monotonic())
            elif not pass_on():
                selector.unregister(key.fileobj)
        now = time.monotonic()
        for process in [each for each in left if each.popen.poll() is not None]:
            left.remove(process)
            ending.ended(Ended(process.number, process.popen.pid, process.popen.returncode), now)
        if joining is not None and len(left) == len(running) and _has_joined(joining, left, ending, now):
            joining = None
        number = ending.due(now)
        if number is not None:
            for process in left:
                process.popen.send_signal(number)
        if beside is not None:
            beside.watch(now, stopping=number is not None)


def _has_joined(joining: Joining, left: Sequence["Running"], ending: Ending, now: float) -> bool:
    """Whether there is nothing more to look for; somebody else at a port ends the cluster."""
    there = connections()
    if there is None:
        return True
    own = sockets_of(each.popen.pid for each in left)
    if own is None:
        return False
    over, why = joining.look(there, own, now)
    if why:
        ending.refuse(why, now)
    return over


class Running:
    """One process and its output.

    Args:
        member: What to start.
        out: Where its output goes.
    """

    def __init__(self, member: Member, out: BinaryIO) -> None:
        self.number = member.number
        self._prefix = f"[{member.name or member.number}] ".encode()
        self._rest = b""
        self._out = out
        self.popen = subprocess.Popen(  # noqa: S603
            member.command,
            env=member.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509  # there is no other thread
        )
        assert self.popen.stdout is not None  # noqa: S101  # it was asked for
        self._stdout = self.popen.stdout
        self.output = self._stdout.fileno()
        os.set_blocking(self.output, False)

    def pass_on(self) -> bool:
        """Pass on the lines that are complete; False at the end of the output."""
        data = self._read()
        if data is None:
            return True
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (not data or len(self._rest) >= _READ_BYTES):
            lines, self._rest = [*lines, self._rest], b""
        self._write(lines)
        return bool(data)

    def end(self) -> None:
        """Leave nothing behind: no output, and no process, should the watching itself have failed."""
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        os.set_blocking(self.output, True)  # its only writer is gone
        while self.pass_on():
            pass
        self._stdout.close()

    def _read(self) -> bytes | None:
        try:
            return os.read(self.output, _READ_BYTES)
        except BlockingIOError:
            return None

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        try:
            self._out.write(b"".join(self._prefix + line + b"\n" for line in lines))
            self._out.flush()
        except OSError:
            # Nobody reads any more: the processes still have to be watched.
            return


def _heeded(_number: int, _frame: FrameType | None) -> None:
    """Keeps the default action away; `_watch` is woken through the pipe."""


def _die_with_parent() -> Callable[[], None] | None:
    """What a child does before it becomes its program: ask the kernel for a SIGTERM when this process is gone."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)

    return ask
