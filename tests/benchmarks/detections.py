"""What detections cost: the real flow with rules beside the same flow without, and a backtest of what it wrote, as whole processes.

    python -m tests.benchmarks.detections --rules PATH [PATH …] [--list NAME=VALUE …] [--events 200000] [--pairs 3] [--mix everyday]

The simulator runs in a process of its own. Runs alternate, so that a change of the machine's speed meets both; CPU is user + system of the
finished process, and the difference is quoted per event. Without --rules, the rules in the box are run.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.race import Run, finish
from tests.benchmarks.simulated import simulator
from tests.e2e.harness import Workplace

ALERTS = 'type = "file"\npath = "alerts/{tenant}/{date}.ndjson"\nkinds = ["alerts"]'


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", nargs="+", default=[])
    parser.add_argument("--list", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--mix", choices=("varied", "everyday"), default="varied", help="of the simulator; varied gives many alerts")
    args = parser.parse_args()
    table = _table(args.rules, args.list)
    with tempfile.TemporaryDirectory() as name, simulator(Path(name), 1, args.events, args.mix) as urls:
        runs: dict[bool, list[Run]] = {True: [], False: []}
        for _ in range(args.pairs):
            for detects in (False, True):
                runs[detects].append(_flow(Path(name) / "place", urls[0], table if detects else ""))
        without, with_rules = (statistics.median(run.cpu_seconds for run in runs[detects]) for detects in (False, True))
        backtest = _backtest(Path(name) / "place")
    more = sorted((one.cpu_seconds - other.cpu_seconds) / args.events * 1e6 for one, other in zip(runs[True], runs[False], strict=True))
    sys.stdout.write(
        f"{args.events:,} events, {args.pairs} pairs\n"
        f"flow without rules: {without / args.events * 1e6:.1f} µs of CPU an event\n"
        f"flow with rules:    {with_rules / args.events * 1e6:.1f} µs; more, pair by pair: {', '.join(f'{one:.1f}' for one in more)} µs\n"
        f"backtest:           {backtest.cpu_seconds / args.events * 1e6:.1f} µs, {backtest.memory_mb:.0f} MB\n"
    )
    return 0


def _table(rules: list[str], lists: list[str]) -> str:
    paths = [str(Path(path).absolute()) for path in rules]
    pairs = ", ".join(f'{name} = ["{value}"]' for name, _, value in (text.partition("=") for text in lists))
    return f"managed = {'false' if rules else 'true'}\nrules = {paths}\nlists = {{ {pairs} }}\n"


def _flow(folder: Path, url: str, table: str) -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    place = Workplace(folder)
    place.add("org-0", url, "00sim-org-0", request_timeout_seconds=35)
    if table:
        place.tables = {"detections": table}
        place.sinks["alerts"] = ALERTS
    place.write()
    place.make_state()
    started = time.monotonic()
    return finish([place.run(until_drained=True, snapshot_seconds=10).process], started, place.log)


def _backtest(folder: Path) -> Run:
    command = [sys.executable, "-m", "flows.backtest", "--config", str(folder / "okta.toml"), "--json"]
    started = time.monotonic()
    return finish([subprocess.Popen(command, stdout=subprocess.DEVNULL)], started)


if __name__ == "__main__":
    sys.exit(main())
