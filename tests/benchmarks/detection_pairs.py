"""Random pairs of rule and event: does the index find what a full scan finds?

    python -m tests.benchmarks.detection_pairs [--pairs 1000000] [--seed 1]

Rules come 200 at a time and events 500 at a time, so that one index holds many rules. Exits 1 when a single pair disagrees, and prints it.
"""

import argparse
import random
import sys
import time

from tests.unit.okta_source.detections.pairs import disagreements

RULES, EVENTS = 200, 500


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    pairs = matched = 0
    started = time.monotonic()
    while pairs < args.pairs:
        some, found, wrong = disagreements(rng, RULES, EVENTS)
        pairs, matched = pairs + some, matched + found
        if wrong:
            sys.stdout.write(f"{len(wrong)} of {pairs:,} pairs disagree, such as\n{wrong[0]}\n")
            return 1
    sys.stdout.write(f"{pairs:,} pairs, {matched:,} of them matches: all agree ({time.monotonic() - started:.0f} s)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
