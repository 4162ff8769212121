"""The command: longer than the tests take, from another seed, or one kept input again."""

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import KEPT, FoundError, fuzz, judge_alone

__all__ = ["main"]

_A_PIECE = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Run it.

    Returns:
        0 where everything held, 1 where something did not.
    """
    options = _options(arguments)
    try:
        for path in options.again:
            sys.stdout.write(f"{path}: {judge_alone(Path(path).parent.name, Path(path).read_bytes())}\n")
        if not options.again:
            _run(options.kinds.split(","), options.inputs, options.seed, options.processes)
    except FoundError as found:
        sys.stdout.write(f"{found}\n")
        if found.__cause__ is not None:
            traceback.print_exception(found.__cause__, limit=-4, file=sys.stdout)
        return 1
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Bent inputs, and judges of what becomes of them.")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="pages; other kinds have their share of them")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", nargs="*", default=[], metavar="FILE", help="judge kept inputs instead, each by its folder's kind")
    return parser.parse_args(arguments)


def _run(kinds: list[str], inputs: int, seed: str, processes: int) -> None:
    began = time.monotonic()
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    with ProcessPoolExecutor(processes) as pool:
        jobs = {}
        for kind in kinds:
            left, piece = round(inputs * KINDS[kind].share), 0
            while left > 0:
                jobs[pool.submit(fuzz, kind, min(left, _A_PIECE), f"{seed}.{piece}", KEPT)] = kind
                left, piece = left - _A_PIECE, piece + 1
        try:
            for job in as_completed(jobs):
                outcomes[jobs[job]] += job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for kind, counts in outcomes.items():
        told = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
        sys.stdout.write(f"{kind}: {counts.total():,} ({told})\n")
    sys.stdout.write(f"all of them held, in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    sys.exit(main())
