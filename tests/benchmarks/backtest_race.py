"""A backtest of a day beside rsigma's `engine eval`: CPU per event and alerts by rule, over the same file and the same rules.

    cargo install rsigma --version 0.23.0 --no-default-features --locked --root .bench/rsigma
    python -m tests.benchmarks.backtest_race --rules FOLDER [--rsigma PATH] [--events 1000000] [--pairs 3] [--list NAME=VALUE …]

Whole processes, in turn; user and system CPU. rsigma evaluates on all cores, so CPU is what can be compared; it gives a line for each
match, and the windows of its correlations go by the events' `published`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from okta_source.simulator.organisation import Organisation
from tests.benchmarks.search_archive import DAY, measured, tagged


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=Path, required=True, help="a folder of Sigma rules")
    parser.add_argument("--rsigma", default=".bench/rsigma/bin/rsigma")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--mix", choices=("varied", "everyday"), default="varied")
    parser.add_argument("--list", action="append", default=[], metavar="NAME=VALUE", help="for rules that ask for a list")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        day, found, config = folder / "acme-2026-11-21.ndjson", folder / "alerts.ndjson", folder / "okta.toml"
        organisation = Organisation("acme", events=arguments.events, seed=7, now=DAY + timedelta(days=1), mix=arguments.mix)
        with day.open("wb") as lines:
            lines.writelines(tagged("acme", event) for event in organisation.iterate_persisted())
        config.write_text(_config(arguments, folder))
        ours = [sys.executable, "-m", "flows.backtest", "--config", str(config), "--alerts", str(found), "--json"]
        theirs = f"{arguments.rsigma} engine eval --rules {arguments.rules} --timestamp-field published"
        theirs += f" < {day} > {folder / 'rsigma.ndjson'}"
        cpu: dict[str, list[float]] = {"flows.backtest": [], "rsigma engine eval": []}
        for _ in range(arguments.pairs):
            cpu["flows.backtest"].append(measured(ours)[0])
            cpu["rsigma engine eval"].append(measured(theirs)[0])
        alerts = {"flows.backtest": _ours(found), "rsigma engine eval": _theirs(folder / "rsigma.ndjson")}
        version = subprocess.run([arguments.rsigma, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    for who, seconds in cpu.items():
        told = sum(alerts[who].values())
        sys.stdout.write(f"{who}: {statistics.median(seconds) / arguments.events * 1e6:.2f} µs of CPU an event, {told:,} alerts\n")
    ratios = sorted(their / our for our, their in zip(cpu["flows.backtest"], cpu["rsigma engine eval"], strict=True))
    sys.stdout.write(f"{version} / ours, pair by pair: {', '.join(f'{ratio:.2f}' for ratio in ratios)}\n")
    ours_by_title, theirs_by_title = alerts.values()
    for title in sorted(ours_by_title.keys() | theirs_by_title.keys()):
        if ours_by_title[title] != theirs_by_title[title]:
            sys.stdout.write(f"  {title}: ours {ours_by_title[title]:,}, rsigma {theirs_by_title[title]:,}\n")
    return 0


def _config(arguments: argparse.Namespace, folder: Path) -> str:
    lists = ", ".join(f'{name} = ["{value}"]' for name, _, value in (text.partition("=") for text in arguments.list))
    return (
        '[[tenants]]\nname = "acme"\norg_url = "https://acme.okta.com"\n[tenants.auth]\nmethod = "ssws"\ntoken_env = "T"\n'
        f'[sinks.archive]\ntype = "file"\npath = "{folder}/{{tenant}}-{{date}}.ndjson"\n'
        f'[detections]\nmanaged = false\nrules = ["{arguments.rules.absolute()}"]\nlists = {{ {lists} }}\n'
    )


def _ours(path: Path) -> Counter[str]:
    with path.open("rb") as lines:
        return Counter(json.loads(line)["rule"]["title"] for line in lines)


def _theirs(path: Path) -> Counter[str]:
    with path.open("rb") as lines:
        found = (json.loads(line) for line in lines if line.startswith(b"{"))
        return Counter(match.get("rule_title") or match["header"]["rule_title"] for match in found)


if __name__ == "__main__":
    sys.exit(main())
