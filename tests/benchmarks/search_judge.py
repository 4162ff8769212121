"""Whether a filter means what Okta's own answers say it means, and whether a search finds what a plain loop finds; the large versions.

    python -m tests.benchmarks.search_judge filters --filters 500 --events 20000
    python -m tests.benchmarks.search_judge archives --questions 200

`filters`: the simulator's answers to generated filters against ours, event by event; and that no line that matches lacks the bytes that a
search looks for before it decodes. `archives`: generated questions over archives of plain, gzip and zstd files with half emojis, bytes
that are no UTF-8, other spellings of the same text, torn ends, damaged lines, and files of backfills and audits beside live ones. Exits 1
where anything differs.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from flows.pipeline.scim import parse_filter
from flows.pipeline.scim.needles import HIDDEN, needles
from flows.pipeline.scim.predicate import Matcher
from okta_source.simulator.organisation import Organisation
from okta_source.simulator.scim import compile_filter
from tests.unit.flows.pipeline.scim.judge import Filters
from tests.unit.flows.reading.made_archive import make_archive
from tests.unit.flows.reading.test_search import ask, judged, published, questions, uuids


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("filters", "archives"))
    parser.add_argument("--filters", type=int, default=500)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--archives", type=int, default=4, help="the questions are spread over so many")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    return _filters(arguments) if arguments.what == "filters" else _archives(arguments)


def _filters(arguments: argparse.Namespace) -> int:
    lines = Organisation("acme", events=arguments.events, seed=arguments.seed).persisted()
    events = [json.loads(line) for line in lines]
    hidden = [bool(HIDDEN.search(line)) for line in lines]
    folded = [line.lower() for line in lines]
    filters = Filters(events[:400], arguments.seed)
    different = found = passed_over = 0
    seconds = 0.0
    for _ in range(arguments.filters):
        text = filters.filter()
        condition, judge = parse_filter(text), compile_filter(text)
        matcher = Matcher(condition)
        started = time.process_time()
        answers = [matcher.matches(matcher.decode(line)) for line in lines]
        seconds += time.process_time() - started
        if answers != [judge(event) for event in events]:
            different += 1
            print("DIFFERENT", text)
        found += sum(answers)
        wanted = needles(condition)
        for place, answer in enumerate(answers):
            if (
                answer
                and not hidden[place]
                and not all(any(needle.data in (folded if needle.folded else lines)[place] for needle in conjunct) for conjunct in wanted)
            ):
                passed_over += 1
                print("WOULD BE PASSED OVER", text)
                break
    per_event = seconds / (arguments.filters * len(lines)) * 1e6
    print(f"{arguments.filters} filters x {len(lines):,} events: {different} different, {passed_over} passed over, {found:,} matches, "
          f"{per_event:.1f} us an event")  # fmt: skip
    return 1 if different or passed_over else 0


def _archives(arguments: argparse.Namespace) -> int:
    different = found = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.archives):
            archive = make_archive(Path(folder) / str(number), seed=arguments.seed + number, events=400)
            for question in questions(archive, seed=number, count=arguments.questions // arguments.archives):
                ours, _ = ask(archive, question)
                judge = judged(archive, question)
                found += len(ours)
                if sorted(uuids(ours)) != sorted(uuids(judge)) or published(ours) != published(judge):
                    different += 1
                    print("DIFFERENT", question)
    print(f"{arguments.questions} questions over {arguments.archives} archives: {different} different, {found:,} hits")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
