"""The receiver as a process of its own, and requests to it as bytes, so that they can be as wrong as they like."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from okta_source.hooks.segments import Position
from okta_source.hooks.spool_reader import SpoolReader

SECRET = "a-secret-of-32-characters-or-so-0123456789"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Receiver:
    """`python -m okta_source hooks` on a free port.

    Args:
        config: The configuration; its `hooks.listen` is to be `127.0.0.1:PORT`.
        port: That port.
        environment: Further variables.
    """

    def __init__(self, config: Path, port: int, environment: dict[str, str] | None = None) -> None:
        self.port = port
        self.config = config
        self._lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "okta_source", "hooks", "--config", str(config), "--metrics-port", "0", "--metrics-host", "127.0.0.1"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.metrics_port = int(self.line(r"metrics at http://127\.0\.0\.1:(\d+)/"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def line(self, pattern: str, timeout_seconds: float = 30.0) -> str:
        """Wait for a line and return the pattern's first group."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            for line in list(self._lines):
                if found := re.search(pattern, line):
                    return found[1] if found.groups() else found[0]
            assert time.monotonic() < deadline, f"waited in vain for {pattern!r} in {self.output()}"
            assert self.process.poll() is None or self._reading.is_alive(), self.output()
            time.sleep(0.01)

    def output(self) -> str:
        return "\n".join(self._lines)

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Signal, wait, and return the exit code and the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(20)
        took = time.monotonic() - started
        self._end()
        return code, took

    def _end(self) -> None:
        self.process.wait(20)
        self._reading.join(20)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line.rstrip("\n"))

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def count(self, tenant: str, result: str) -> float:
        found = re.search(rf'^okta_hook_requests_total{{result="{result}",tenant="{tenant}"}} (\S+)$', self.metrics(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def health(self) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/healthz", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


def request_bytes(method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes = b"", *, length: bool = True) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: hooks.example.com", *(f"{name}: {value}" for name, value in headers)]
    if length and (body or method == "POST"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def exchange(port: int, data: bytes, *, timeout_seconds: float = 10.0, context: ssl.SSLContext | None = None) -> tuple[int, bytes, bytes]:
    """Send bytes and read to the end: status (0 where there is no answer), head and body."""
    with socket.create_connection(("127.0.0.1", port), timeout_seconds) as plain:
        connection = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        received = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all sent: the answer is there
            connection.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
        if context:
            connection.close()
    head, blank, body = received.partition(b"\r\n\r\n")
    return (int(head.split(b" ", 2)[1]) if head else 0), head + blank, body


def post(
    port: int, tenant: str, body: bytes, secret: str | None = SECRET, *, path: str | None = None, timeout_seconds: float = 10.0
) -> int:
    """Deliver as Okta does; the status, 0 where there was no answer."""
    headers = [("Content-Type", "application/json"), *([("authorization", secret)] if secret is not None else [])]
    return exchange(port, request_bytes("POST", path or f"/hooks/{tenant}", headers, body), timeout_seconds=timeout_seconds)[0]


def verify(port: int, tenant: str, challenge: str | None, secret: str | None = SECRET) -> tuple[int, bytes, bytes]:
    headers = [("Accept", "application/json")]
    headers += [("X-Okta-Verification-Challenge", challenge)] if challenge is not None else []
    headers += [("Authorization", secret)] if secret is not None else []
    return exchange(port, request_bytes("GET", f"/hooks/{tenant}", headers))


def spooled(folder: Path) -> list[bytes]:
    """Every delivery in a tenant's spool."""
    reader = SpoolReader(folder, Position())
    bodies: list[bytes] = []
    while frames := reader.read():
        bodies += [frame.body for frame in frames]
    return bodies
