"""A server from npm as a process of the test's own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SOURCES = Path(__file__).parent
JUDGES = SOURCES.parents[2] / ".judges"

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


def judges_available() -> str | None:
    """None if the judges can be started here, else why not and what to do about it."""
    if not shutil.which("node"):
        return "Node.js is not installed: install it (Debian: apt-get install nodejs npm), then run `make judges`"
    installed = JUDGES / "package-lock.json"
    if not (JUDGES / "installed").exists() or installed.read_bytes() != (SOURCES / "package-lock.json").read_bytes():
        return "the judges have not been fetched: run `make judges`"
    return None


class Judge:
    """One server, from entering to leaving.

    Args:
        command: The name of its program and the arguments.
        port: Where it listens on this machine, as the arguments say.
        log: Where its output goes.
    """

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self._command = [
            "node",
            "--require",
            str(SOURCES / "preload.cjs"),
            str(JUDGES / "node_modules" / ".bin" / command[0]),
            *command[1:],
        ]
        self._port = port
        self.log = log

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.log.parent)
        deadline = time.monotonic() + _START_SECONDS
        try:
            while not self._listens():  # what it prints comes earlier
                assert self._process.poll() is None, f"{self._command} ended: {self.output()}"
                assert time.monotonic() < deadline, f"{self._command} did not start in time: {self.output()}"
                time.sleep(0.05)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
