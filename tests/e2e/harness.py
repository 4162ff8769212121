"""Runs the real flow in real processes over the simulator, and judges the files that it leaves."""

import gzip
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import orjson
import zstandard

from okta_source.simulator import Organisation, Simulator

DEADLINE_SECONDS = 90.0


def _unpack_zstd(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return reader.read()


_READERS = {".ndjson": bytes, ".gz": gzip.decompress, ".zst": _unpack_zstd}


def tenant_entry(name: str, org_url: str, token_file: Path, **keys: object) -> str:
    """A `[[tenants]]` entry; `keys` are further keys of it."""
    keys = {"start_from": "2d", "poll_interval_seconds": 1, "request_timeout_seconds": 2, **keys}
    lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in keys.items()]
    return "\n".join(
        [
            "[[tenants]]",
            f'name = "{name}"',
            f'org_url = "{org_url}"',
            *lines,
            "[tenants.auth]",
            'method = "ssws"',
            f'token_file = "{token_file}"',
        ]
    )


@dataclass
class Workplace:
    """A folder with a configuration, a state directory and what the flow writes.

    Attributes:
        folder: The folder.
        sink: The table of the sink `archive`; without it there is none.
        pipeline: Keys of the pipeline's table.
        entries: The tenants' tables.
        sinks: The tables of further sinks by their names.
        tables: Further tables of the configuration by their names.
    """

    folder: Path
    sink: str = 'type = "file"\npath = "out/{tenant}/{date}.ndjson"'
    pipeline: str = ""
    entries: list[str] = field(default_factory=list)
    sinks: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "tokens").mkdir(parents=True, exist_ok=True)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def config(self) -> Path:
        return self.folder / "okta.toml"

    @property
    def log(self) -> Path:
        """What every run so far (the first process of a cluster) has printed."""
        return self.folder / "log-0.txt"

    def add(self, name: str, org_url: str, token: str, **keys: object) -> None:
        self.entries.append(tenant_entry(name, org_url, self.token(name, token), **keys))

    def token(self, name: str, token: str) -> Path:
        path = self.folder / "tokens" / name
        path.write_text(token)
        path.chmod(0o600)
        return path

    def add_all(self, sim: Simulator, organisations: Iterable[Organisation], **keys: object) -> None:
        for organisation in organisations:
            self.add(organisation.name, sim.url(organisation.name), organisation.token, **keys)

    def write(self) -> None:
        pipeline = f'[pipeline]\ndead_letter_dir = "dead"\n{self.pipeline}'
        sinks = {"archive": self.sink, **self.sinks} if self.sink else self.sinks
        tables = [f"[{name}]\n{table}" for name, table in self.tables.items()]
        tables += [f"[sinks.{name}]\n{table}" for name, table in sinks.items()]
        self.config.write_text("\n\n".join([pipeline, *self.entries, *tables]))

    def make_state(self, partitions: int = 1) -> None:
        self.state.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "bytewax.recovery", str(self.state), str(partitions)], check=True)

    def run(
        self,
        *,
        until_drained: bool = False,
        snapshot_seconds: int = 0,
        process: int | None = None,
        addresses: Sequence[str] = (),
        recover: bool = True,
        environment: dict[str, str] | None = None,
        file_limit_bytes: int | None = None,
        module: str = "flows.system_log",
    ) -> "FlowProcess":
        """Start `python -m bytewax.run` on the configuration, if need be with a limit for the size of each file."""
        arguments = [sys.executable, "-m", "bytewax.run", f"{module}:get_flow('{self.config}', until_drained={until_drained})"]
        if recover:
            arguments += ["-r", str(self.state), "-s", str(snapshot_seconds), "-b", "0"]
        if process is not None:
            arguments += ["-i", str(process), "-a", ";".join(addresses)]
        log = self.log.with_name(f"log-{process or 0}.txt")
        return FlowProcess(arguments, log, {**os.environ, "RUST_BACKTRACE": "0", **(environment or {})}, file_limit_bytes)

    def drain(self, snapshot_seconds: int = 0) -> "FlowProcess":
        """Run until drained, to the end."""
        flow = self.run(until_drained=True, snapshot_seconds=snapshot_seconds)
        flow.wait()
        return flow

    def cluster(self, size: int, **keys: object) -> list["FlowProcess"]:
        """Start a cluster of processes on this machine."""
        addresses = [f"127.0.0.1:{port}" for port in free_ports(size)]
        return [self.run(process=number, addresses=addresses, **keys) for number in range(size)]  # type: ignore[arg-type]

    def replay(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Send dead letters again with `python -m flows.replay`, to the end."""
        command = [sys.executable, "-m", "flows.replay", "--config", str(self.config), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS, env={**os.environ, **(environment or {})}
        )

    def audit(self, *arguments: str, environment: dict[str, str] | None = None) -> "FlowProcess":
        """Start `python -m flows.audit`, with a state directory of its own."""
        command = [sys.executable, "-m", "flows.audit", "--config", str(self.config), "--state", str(self.folder / "audit"), *arguments]
        return FlowProcess(command, self.folder / "log-audit.txt", {**os.environ, "RUST_BACKTRACE": "0", **(environment or {})})

    def run_and_kill(self, organisation: Organisation, after_requests: int) -> None:
        """Run until the organisation has had so many more requests, then `kill -9`."""
        asked = organisation.requests_count
        flow = self.run()
        wait_for(lambda: organisation.requests_count >= asked + after_requests, "requests")
        flow.kill()

    def lines(self, tenant: str, folder: str = "out") -> list[bytes]:
        """What stands in the tenant's files, line by line, in the files' order."""
        lines: list[bytes] = []
        for path in sorted((self.folder / folder / tenant).glob("*.ndjson*")):
            data = _READERS[path.suffix](path.read_bytes())
            assert not data or data.endswith(b"\n"), f"{path} ends in half a line: {data[-200:]!r}"
            lines += data.splitlines()
        return lines

    def count(self, tenant: str = "*") -> int:
        """How many events the tenant's (or everybody's) plain files hold so far, while a flow writes them."""
        return sum(len(lines_so_far(path)) for path in self.out.glob(f"{tenant}/*.ndjson"))

    def judge(self, organisation: Organisation, tenant: str | None = None, folder: str = "out") -> None:
        """Assert that the files hold every event of the organisation once, byte for byte behind the tags."""
        judge(self.lines(tenant or organisation.name, folder), organisation.persisted(), tenant or organisation.name)

    def dead_letters(self, sink: str = "input") -> list[dict[str, object]]:
        return [orjson.loads(line) for path in sorted((self.folder / "dead" / sink).glob("*.ndjson")) for line in lines_so_far(path)]


def lines_so_far(path: Path) -> list[bytes]:
    """The lines of a file that another process may be writing: whoever writes is in the middle of the last one, now and then."""
    return path.read_bytes().split(b"\n")[:-1]


def judge(lines: list[bytes], expected: list[bytes], tenant: str) -> None:
    """Assert that `lines` are the expected events, each once and byte for byte behind the tags."""
    originals = {orjson.loads(event)["uuid"]: event.replace(b"\n", b" ").replace(b"\r", b" ") for event in expected}
    seen: Counter[str] = Counter()
    for line in lines:
        uuid = orjson.loads(line)["uuid"]
        seen[uuid] += 1
        original = originals.get(uuid)
        assert original is not None, f"{tenant}: {uuid} was never sent"
        body = original[1:]
        assert line.endswith(body), f"{tenant}: {uuid} is not what Okta sent"
        tags = orjson.loads(line[: len(line) - len(body) - 1] + b"}")
        assert all(name.startswith("_okta_") for name in tags)
        assert tags["_okta_tenant"] == tenant
    repeated = [uuid for uuid, count in seen.items() if count > 1]
    lost = originals.keys() - seen.keys()
    assert not repeated, f"{tenant}: {len(repeated)} events of {len(originals)} are there twice"
    assert not lost, f"{tenant}: {len(lost)} events of {len(originals)} are lost"


class FlowProcess:
    """One `bytewax.run` process."""

    def __init__(self, arguments: list[str], log: Path, environment: dict[str, str], file_limit_bytes: int | None = None) -> None:
        self.log = log

        def limit() -> None:
            if file_limit_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit_bytes, file_limit_bytes))

        with log.open("ab") as sink:
            self._log_start = log.stat().st_size
            self.process = subprocess.Popen(arguments, stdout=sink, stderr=sink, env=environment, cwd=log.parent, preexec_fn=limit)  # noqa: PLW1509

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave no process behind when a test fails."""
        if self.process.poll() is None:
            self.kill()

    def wait(self, timeout_seconds: float = DEADLINE_SECONDS) -> int:
        try:
            return self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Signal, wait, and return the exit code and the seconds it took."""
        started = time.monotonic()
        self.send(number)
        return self.wait(), time.monotonic() - started

    def output(self) -> str:
        """What this process has printed."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")


def wait_for(condition: Callable[[], bool], what: str, timeout_seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_seconds:g} s in vain for {what}"
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for entry in sockets:
            entry.bind(("127.0.0.1", 0))
        return [entry.getsockname()[1] for entry in sockets]
    finally:
        for entry in sockets:
            entry.close()


def scrape(port: int) -> dict[str, float]:
    """Every `okta_…` series by its name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(okta_\S+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}
