"""OCSF beside Tenzir: same server, same events, and a mapping of the same fields written in Tenzir's language for it.

    python -m tests.benchmarks.format_race [--events N] [--pairs N]

Both fill the attributes of `okta_to_ocsf.tql`. Ours goes further: a class for every type that is valid by the schema whatever an event
lacks, captions, observables with their types, targets as what the class wants, and nothing null. Runs alternate; start-up is measured by
runs without events, as in the other races.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.benchmarks.races.collector import Collector, Ours
from tests.benchmarks.races.environments import install
from tests.benchmarks.races.run import speed
from tests.benchmarks.races.table import speed_table
from tests.benchmarks.races.tenzir import Tenzir


class OursRaw(Ours):
    """As it comes."""

    key = "ours-raw"
    label = "bytewax-okta, raw"


class OursOcsf(Ours):
    """Mapped."""

    key = "ours-ocsf"
    label = "bytewax-okta, ocsf"
    pipeline = 'format = "ocsf"'


class TenzirOcsf(Tenzir):
    """Mapped."""

    key = "tenzir-ocsf"
    label = f"{Tenzir.label}, ocsf"
    mapping = (Path(__file__).parent / "races" / "okta_to_ocsf.tql").read_text()


KINDS: Sequence[type[Collector]] = (OursOcsf, OursRaw, Tenzir, TenzirOcsf)


def main(arguments: Sequence[str] | None = None) -> int:
    """Race and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.format_race", description="OCSF beside Tenzir.")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args(arguments)
    console = Console()
    if reason := install("tenzir"):
        console.print(f"no race: {reason}", markup=False)
        return 1
    with tempfile.TemporaryDirectory(prefix="format-race-") as name:
        results = speed(console, KINDS, Path(name), options.events, options.pairs)
    console.print(speed_table(list(results.values()), options.events), markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
