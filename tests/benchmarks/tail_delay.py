"""How long an event takes from the file to the tail's output, while much is written.

    python -m tests.benchmarks.tail_delay [--rate 5000] [--seconds 20] [--compression none|zstd]

A writer in this process appends batches as a flow does, with the time in each event; over the run it crosses midnight, is cut back and
writes the same once more, as a flow that resumes after a kill does, and its file is moved away. The tail is a process of its own, whose
output is read here: delays from the end of the write to the line's arrival, events that were missing or came twice.
"""

import argparse
import fcntl
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import zstandard

from okta_source.simulator.organisation import Organisation
from tests.benchmarks.search_archive import tagged

BATCHES_A_SECOND = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--compression", choices=("none", "zstd"), default="none")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return _run(arguments, Path(folder))


def _run(arguments: argparse.Namespace, folder: Path) -> int:
    ending = "" if arguments.compression == "none" else ".zst"
    bodies = [tagged("acme", event) for event in Organisation("acme", events=2000, seed=7).persisted()]
    (folder / "acme").mkdir()
    first = folder / "acme" / f"2026-11-20.ndjson{ending}"
    first.touch()
    (folder / "okta.toml").write_text(
        '[[tenants]]\nname = "acme"\n[sinks.a]\ntype = "file"\npath = "{tenant}/{date}.ndjson"\n'
        f'compression = "{arguments.compression}"\n'
    )
    command = [sys.executable, "-m", "flows.tail", "--config", str(folder / "okta.toml"), "-n", "0", "--json"]
    written: dict[bytes, float] = {}
    seen: dict[bytes, float] = {}
    twice: list[bytes] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        assert tail.stderr
        assert tail.stdout
        tail.stderr.readline()
        fcntl.fcntl(tail.stdout.fileno(), fcntl.F_SETPIPE_SZ, 1 << 20)
        threading.Thread(target=_read, args=(tail, seen, twice), daemon=True).start()
        _write(arguments, folder, ending, bodies, written)
        deadline = time.monotonic() + 10
        while len(seen) < len(written) and time.monotonic() < deadline:
            time.sleep(0.05)
        tail.terminate()
        tail.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    delays = sorted(seen[number] - written[number] for number in seen)
    missing = len(written.keys() - seen.keys())
    if not delays:
        print("nothing came")
        return 1
    middle, most = delays[len(delays) // 2], delays[-1]
    print(
        f"{len(written):,} events at {arguments.rate:,}/s, {arguments.compression}: {missing} missing, {len(twice)} twice; "
        f"delay median {middle:.3f} s, 99 % {delays[len(delays) * 99 // 100]:.3f} s, most {most:.3f} s; "
        f"CPU {(usage.ru_utime + usage.ru_stime) / len(written) * 1e6:.0f} us an event"
    )
    return 1 if missing or twice else 0


def _read(tail: "subprocess.Popen[bytes]", seen: dict[bytes, float], twice: list[bytes]) -> None:
    """Note when each event arrives; in large pieces, so that the tail never waits for us."""
    assert tail.stdout
    rest = b""
    while data := os.read(tail.stdout.fileno(), 1 << 20):
        now = time.monotonic()
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            number = _number(line)
            if number in seen:
                twice.append(number)
            seen.setdefault(number, now)


def _number(line: bytes) -> bytes:
    start = line.index(b'"uuid":"') + 8
    return line[start : start + 8]


def _write(arguments: argparse.Namespace, folder: Path, ending: str, bodies: list[bytes], written: dict[bytes, float]) -> None:
    batches = arguments.seconds * BATCHES_A_SECOND
    size = arguments.rate // BATCHES_A_SECOND
    started = time.monotonic()
    snapshot, since_snapshot = 0, []
    number = 0
    for batch in range(batches):
        # Midnight at the half; before that a crash: what is behind the last snapshot is written once more.
        path = folder / "acme" / f"2026-11-{20 if batch < batches // 2 else 21}.ndjson{ending}"
        if batch == batches // 4:
            os.truncate(path, snapshot)
            for lines in since_snapshot:
                _append(path, lines, ending)
        if batch == batches * 3 // 4:
            path.rename(path.with_suffix(".moved"))
        lines = []
        for _ in range(size):
            number += 1
            uuid = f"{number:08d}"
            lines.append(bodies[number % len(bodies)].replace(b'"uuid":"', b'"uuid":"%s-' % uuid.encode(), 1))
        if batch % BATCHES_A_SECOND == 0:
            snapshot, since_snapshot = path.stat().st_size if path.exists() else 0, []
        since_snapshot.append(lines)
        _append(path, lines, ending)
        now = time.monotonic()
        written.update((_number(line), now) for line in lines)
        time.sleep(max(0.0, started + (batch + 1) / BATCHES_A_SECOND - time.monotonic()))


def _append(path: Path, lines: list[bytes], ending: str) -> None:
    data = b"".join(lines)
    with path.open("ab") as file:
        file.write(zstandard.ZstdCompressor().compress(data) if ending else data)


if __name__ == "__main__":
    sys.exit(main())
