"""One OpenSearch or Elasticsearch node in a process of its own."""

import http.client
import json
import random
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.integration.servers.fetch import FETCHED, available, tool

START_SECONDS = 90.0  # 5 s on a quiet machine, 20 s after a kill -9 with much to recover
STOP_SECONDS = 30.0

_MAIN_CLASS = {"opensearch": "Launcher", "elasticsearch": "org.elasticsearch.node.Launcher"}
_JVM = [
    "-Xms1g",
    "-Xmx1g",
    "-XX:MaxDirectMemorySize=512m",
    "-XX:-UsePerfData",  # no file in /tmp that a kill leaves behind
    "-Dlog4j2.disable.jmx=true",
    "-Dlog4j2.level=INFO",
    "-Dlog4j.shutdownHookEnabled=false",
    "-Dio.netty.noUnsafe=true",
]
_JVM_OF = {
    "opensearch": ["-Djava.security.manager=allow", "-Dopensearch.distribution.type=tar"],
    "elasticsearch": ["-Des.distribution.type=tar"],
}


class NodeError(Exception):
    """A node did not start or stop; the message ends in the tail of its log."""


class Node:
    """A single node, on loopback, without security, with a heap of 1 GB.

    Whatever it has stored stays in its folder, so that `start` after `stop` or `kill` goes on with the same data on the same port. The
    process ends with the one that started it, even if that is killed.

    Args:
        kind: "opensearch" or "elasticsearch".
        folder: Where the node keeps its data and its log.
        settings: Settings of the server, over the defaults, such as `{"http.max_content_length": "1mb"}`.
        port: The HTTP port; one that is free by default.
    """

    def __init__(self, kind: str, folder: Path, settings: Mapping[str, object] | None = None, *, port: int | None = None) -> None:
        self.kind = kind
        self.folder = folder
        self.port = port or free_port()
        self.settings = dict(settings or {})
        self.log = folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process_id(self) -> int | None:
        """None while it doesn't run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    def start(self, timeout_seconds: float = START_SECONDS) -> None:
        """Start it and wait until it can be written to.

        Raises:
            NodeError: It has not been fetched, it ended, or it was not healthy in time.
        """
        if self.process_id is not None:
            return
        if reason := available(self.kind):
            raise NodeError(reason)
        for name in ("home/config", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # The pipe is never written to: its end tells the launcher that this process is gone.
            self._process = subprocess.Popen(self._command(), stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.folder)
        try:
            self._wait_until_healthy(time.monotonic() + timeout_seconds)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> int:
        """SIGTERM, wait, and return the exit code (143 after a proper end); 0 if it doesn't run."""
        if not self._process:
            return 0
        self._process.terminate()
        return self._reap("was not gone after SIGTERM")

    def kill(self) -> None:
        """SIGKILL: nothing is closed or flushed."""
        if self._process:
            self._process.kill()
            self._reap("was not gone after SIGKILL")

    def restart(self) -> None:
        """A proper stop and a start on the same data and port, with the settings as they are now."""
        self.stop()
        self.start()

    def wait(self) -> None:
        """Wait until it ends by itself."""
        if self._process:
            self._process.wait()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines it has logged, for a message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _command(self) -> list[str]:
        settings = {
            "path.home": self.folder / "home",
            "path.data": self.folder / "data",
            "path.repo": self.folder / "snapshots",
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": 0,  # any: nobody connects to it
            "cluster.routing.allocation.disk.threshold_enabled": "false",  # a full disk of the developer is not what is tested
            **self.settings,
        }
        fetched = FETCHED / self.kind
        jvm = [*_JVM, *_JVM_OF[self.kind], f"-Djava.io.tmpdir={self.folder / 'tmp'}", "-cp", f"{fetched / 'classes'}:{fetched / 'lib'}/*"]
        arguments = [f"{name}={_setting(value)}" for name, value in settings.items()]
        return [tool("java") or "java", *jvm, _MAIN_CLASS[self.kind], *arguments]

    def _wait_until_healthy(self, deadline: float) -> None:
        while not self._healthy():
            assert self._process
            if (code := self._process.poll()) is not None:
                raise NodeError(
                    f"{self.kind} ended with exit code {code} instead of starting; its log ({self.log}) ends:\n{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise NodeError(f"{self.kind} was not healthy in time; its log ({self.log}) ends:\n{self.log_tail()}")
            time.sleep(0.1)

    def _healthy(self) -> bool:
        """Whether every primary shard is there."""
        # Not `requests`: on a machine with a proxy in its environment, that would ask the proxy for 127.0.0.1.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=2s")
            response = connection.getresponse()
            body = response.read()
            return response.status == 200 and json.loads(body)["status"] in {"yellow", "green"}
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _reap(self, complaint: str) -> int:
        process, self._process = self._process, None
        assert process
        assert process.stdin
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise NodeError(f"{self.kind} {complaint} in {STOP_SECONDS:g} s; its log ({self.log}) ends:\n{self.log_tail()}") from None
        finally:
            process.stdin.close()
        return code


def _setting(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def free_port() -> int:
    """A port of this machine that nobody listens on.

    Below the range that systems take for outgoing connections: a server that is stopped must find its port free when it starts again, and
    a client must not, by chance, connect to itself meanwhile.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NodeError("no free port between 20000 and 32000")
