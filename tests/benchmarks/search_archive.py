"""How long a search takes, as whole processes, beside what people have on their machines.

    python -m tests.benchmarks.search_archive day --events 1000000 [--pairs 3] [--only search,grep,duckdb,jq] [--folder DIR]
    python -m tests.benchmarks.search_archive first-hit --days 90 --tenants 10 --events 2000

`day`: one tenant's day, plain and as zstd in frames of ten seconds as the flow writes them, and a filter of two terms; user and system CPU
of all of a command's processes, wall time, and how many events it found. `first-hit`: the time until the first row is on standard output,
with the start of the interpreter. Needs `zstd`, `grep` and `jq`; what isn't there is left out.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import zstandard

from okta_source.events.categories import action, category
from okta_source.simulator.organisation import Organisation

DAY = datetime(2026, 11, 21, tzinfo=UTC)
FRAMES_A_DAY = 8640
FRAME_EVENTS = 20
TYPE, RESULT = "user.authentication.auth", "FAILURE"
FILTER = f'eventType eq "{TYPE}" and outcome.result eq "{RESULT}"'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("day", "first-hit"))
    parser.add_argument("--events", type=int, default=1_000_000, help="of the day; with first-hit of each tenant and day")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--tenants", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", default="search,grep,duckdb,jq")
    parser.add_argument("--folder", type=Path, help="where the files are made, and kept: another call finds them there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return _day(arguments, folder) if arguments.what == "day" else _first_hit(arguments, folder)


def tagged(tenant: str, event: bytes) -> bytes:
    head = json.loads(event)
    tags = {"_okta_event_type": "systemLog", "_okta_tenant": tenant, "_okta_org": f"{tenant}.okta.com"}
    tags["_okta_category"] = category(head["eventType"])
    if told_apart := action(head["eventType"]):
        tags["_okta_action"] = told_apart
    tags |= {"_okta_source": "poll", "_okta_ingested_at": head["published"]}
    return json.dumps(tags, separators=(",", ":")).encode()[:-1] + b"," + event.replace(b"\n", b" ").lstrip()[1:] + b"\n"


def make_day(tenant: str, events: int, plain: Path, compressed: Path) -> None:
    organisation = Organisation(tenant, events=events, seed=7, now=DAY + timedelta(days=1))
    with plain.open("wb") as lines, compressed.open("wb") as frames:
        batch: list[bytes] = []
        for event in organisation.iterate_persisted():
            batch.append(tagged(tenant, event))
            if len(batch) >= max(1, events // FRAMES_A_DAY):
                lines.writelines(batch)
                frames.write(zstandard.ZstdCompressor(level=3, write_checksum=True).compress(b"".join(batch)))
                batch.clear()
        lines.writelines(batch)
        frames.write(zstandard.ZstdCompressor(level=3, write_checksum=True).compress(b"".join(batch)))


def measured(command: list[str] | str) -> tuple[float, float, str]:
    """CPU and wall seconds of a command and all its processes, and the last line that it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, shell=isinstance(command, str), capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines()[-1:] or [""]
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall, lines[-1]


def _day(arguments: argparse.Namespace, folder: Path) -> int:
    plain, compressed = folder / "acme-2026-11-21.ndjson", folder / "acme-2026-11-21.ndjson.zst"
    if not plain.exists():
        make_day("acme", arguments.events, plain, compressed)
    print(f"{arguments.events:,} events, {plain.stat().st_size / 1e9:.2f} GB plain, {compressed.stat().st_size / 1e6:.0f} MB zstd")
    only = arguments.only.split(",")
    for path in (plain, compressed):
        commands = {name: command for name, command in _commands(path).items() if name.split()[0] in only}
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        answers = {}
        for _ in range(arguments.pairs):
            for name, command in commands.items():
                if name.startswith("jq") and figures[name]:
                    continue  # a minute each: one will do
                cpu, wall, answers[name] = measured(command)
                figures[name].append((cpu, wall))
        print(f"\n| {path.suffix} | CPU s | wall s | answer |\n|---|---|---|---|")
        for name, pairs in figures.items():
            cpu, wall = (statistics.median(values) for values in zip(*pairs, strict=True))
            print(f"| {name} | {cpu:.2f} | {wall:.2f} | {answers[name]} |")
    return 0


def _commands(path: Path) -> dict[str, list[str] | str]:
    search = [sys.executable, "-m", "flows.search", FILTER, "--path", str(path), "--count-by", "eventType", "--json", "--quiet"]
    cat = f"zstd -dc {path}" if path.suffix == ".zst" else f"cat {path}"
    query = f"select count(*) from read_ndjson('{path}', columns={{'eventType': 'VARCHAR', 'outcome': 'STRUCT(result VARCHAR)'}}) "  # noqa: S608
    query += f"where eventType = '{TYPE}' and outcome.result = '{RESULT}'"
    commands: dict[str, list[str] | str] = {
        "search": search,
        "search --jobs 1": [*search, "--jobs", "1"],
        "grep (one term)": f"{cat} | LC_ALL=C grep -c '\"{TYPE}\"'",
        "grep (two terms)": f"{cat} | LC_ALL=C grep '\"{TYPE}\"' | LC_ALL=C grep -c '\"{RESULT}\"'",
        "duckdb (read_ndjson)": [sys.executable, "-c", f"import duckdb; print(duckdb.sql({query!r}).fetchall())"],
    }
    if shutil.which("jq"):
        select = f'select(.eventType == "{TYPE}" and .outcome.result == "{RESULT}") | .uuid'
        commands["jq"] = f"{cat} | jq -c '{select}' | wc -l"
    return commands


def _first_hit(arguments: argparse.Namespace, folder: Path) -> int:
    template = str(folder / "data/{tenant}/{date}.ndjson.zst")
    for number in range(arguments.tenants):
        tenant = f"tenant-{number:02d}"
        plain = folder / f"{tenant}.ndjson"
        make_day(tenant, arguments.events, plain, folder / f"{tenant}.zst")
        data = plain.read_bytes()
        plain.unlink()
        for day in range(arguments.days):
            date = f"{DAY - timedelta(days=day):%Y-%m-%d}".encode()
            path = Path(template.replace("{tenant}", tenant).replace("{date}", date.decode()))
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                own = data.replace(b"2026-11-21T", date + b"T").replace(b'"uuid":"', b'"uuid":"%d-' % day)
                lines = own.splitlines(keepends=True)
                pieces = [b"".join(lines[place : place + FRAME_EVENTS]) for place in range(0, len(lines), FRAME_EVENTS)]
                path.write_bytes(b"".join(zstandard.ZstdCompressor(level=3, write_checksum=True).compress(piece) for piece in pieces))
    tables = "".join(f'[[tenants]]\nname = "tenant-{number:02d}"\n' for number in range(arguments.tenants))
    (folder / "okta.toml").write_text(f'{tables}[sinks.archive]\ntype = "file"\npath = "{template}"\ncompression = "zstd"\n')
    command = [sys.executable, "-m", "flows.search", FILTER, "--config", str(folder / "okta.toml")]
    firsts, whole, rows = [], [], 0
    for _ in range(arguments.pairs):
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout
            process.stdout.readline()
            process.stdout.readline()
            firsts.append(time.perf_counter() - started)
            rows = sum(1 for _ in process.stdout) + 1
        whole.append(time.perf_counter() - started)
    total = arguments.tenants * arguments.days * arguments.events
    print(f"{arguments.days} days x {arguments.tenants} tenants, {total:,} events, {rows:,} found: "
          f"first after {statistics.median(firsts):.2f} s (most {max(firsts):.2f}), all {statistics.median(whole):.1f} s")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
