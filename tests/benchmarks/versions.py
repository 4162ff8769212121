"""This tree beside another commit's: CPU of the main flow per event, page → NDJSON file, as whole processes.

    python -m tests.benchmarks.versions COMMIT [--events N] [--pairs N]

The commit is checked out into a folder of its own and run by this environment's interpreter. Runs alternate, as in `race`.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from tests.benchmarks.race import Run, ours, per_event, report
from tests.benchmarks.simulated import EVENT_BYTES, simulator

_HERE = Path(__file__).parents[2]


@contextmanager
def _tree_of(commit: str, folder: Path) -> Iterator[Path]:
    tree = folder / "tree"
    git = ["git", "-C", str(_HERE), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
    try:
        yield tree
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def _run(tree: Path, folder: Path, urls: list[str]) -> Run:
    os.environ["PYTHONPATH"] = str(tree)
    return ours(folder, urls)


def main() -> None:
    """Run the race."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit", help="whom to race against")
    parser.add_argument("--events", type=int, default=400_000, help="events a run (default: 400,000)")
    parser.add_argument("--pairs", type=int, default=7, help="counted runs of each side (default: 7)")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="versions-") as name, _tree_of(arguments.commit, Path(name)) as other:
        pairs: dict[int, list[tuple[Run, Run]]] = {}
        for events, count in ((arguments.events, arguments.pairs), (0, 3)):
            folder = Path(name) / f"events-{events}"
            folder.mkdir()
            with simulator(folder, 1, events) as urls:
                _run(_HERE, folder, urls)
                pairs[events] = []
                for number in range(count):
                    pairs[events].append((_run(_HERE, folder, urls), _run(other, folder, urls)))
                    if events:
                        here, there = (per_event(run, events) for run in pairs[events][-1])
                        console.print(f"  pair {number + 1}: this tree {here}, {arguments.commit} {there}")
    title = f"one tenant, {arguments.events:,} events of about {EVENT_BYTES} bytes"
    report(console, title, ("this tree", arguments.commit), pairs[arguments.events], arguments.events, pairs[0])


if __name__ == "__main__":
    main()
