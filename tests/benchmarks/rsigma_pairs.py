"""Random rules over random events, judged by rsigma's `engine eval`: do both mean the same by a rule?

    cargo install rsigma --version 0.23.0 --locked --root .bench/rsigma
    python -m tests.benchmarks.rsigma_pairs [--rsigma PATH] [--rules 500] [--rounds 3] [--seed 1]

Selections, lists of them, keywords, conditions, arrays, numbers, null, wildcards and escapes. Left out is where 0.23.0 means something
else, each found by this comparison:

| | here | rsigma 0.23.0 |
|---|---|---|
| `exists: true`, the member is `null` | it is there | it isn't |
| `neq`, the member is absent | true, since "equal" is not | false |
| `startswith: who*` | begins with `who` | has `who` anywhere |
| `endswith: who*`, `startswith|cased: '*who'` | has `who` anywhere | ends, begins with it |
| wildcards beside `windash` | wildcards | letters of the text |
| `*` and a line break | matches it | doesn't |
| case of letters beyond ASCII under wildcards | as Python's lower case: a long s is no s | as its regular expressions' |
| `base64offset` of one letter | the two pieces that are something | matches nothing |
| `fieldref` to a number, a truth value or an array | compared as texts, any element | no match |
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from okta_source.detections.evaluate import full_scan
from okta_source.detections.sigma.parse import parse_rules
from okta_source.detections.sigma.rule import EventRule

_TEXTS = (
    "cmd", "whoami", "C:\\Windows\\System32\\cmd.exe", "powershell -enc AAA", "/c whoami", "-f x", "net user", "", "a*b", "a?b", "a\\*b",
    "\\\\srv\\share", "100%", "ä", "Ä", "10.0.0.1", "10.1.2.3", "fe80::1", "12", "3.5", "TRUE", "true", "null", "Müller", "x" * 40,
)  # fmt: skip
_FIELDS = ("CommandLine", "Image", "User", "Port", "Ip", "Hashes", "EventID", "Nested.Inner", "Many", "Missing", "outcome.result")
_MODIFIERS = ("", "", "", "contains", "contains", "contains|all", "re", "re|i", "cidr", "lt", "lte", "gt", "gte", "cased")
_PATTERNS = ("^cmd", "whoami$", "a.b", "(?i)CMD", "c[a-z]d", ".*user", "^$", "\\d+", "M.ller", "\\\\cmd")
_CONDITIONS = (
    "sel1", "sel1 and sel2", "sel1 or sel2", "not sel1", "sel1 and not sel2", "1 of sel*", "all of sel*", "1 of them", "all of them",
    "not 1 of sel*", "(sel1 or sel2) and not sel3", "sel1 or sel2 and sel3", "not sel1 and sel2", "not (sel1 or sel2)",
)  # fmt: skip


def main() -> int:
    """Run it; exits 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rsigma", default=".bench/rsigma/bin/rsigma")
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, pairs, matches, wrong = random.Random(arguments.seed), 0, 0, 0
    for _ in range(arguments.rounds):
        events = [_event(rng, number) for number in range(200)]
        rules = {f"R{number}": _rule(rng) for number in range(arguments.rules)}
        ours = {title: found for title, rule in rules.items() if (found := _ours(title, rule, events)) is not None}
        theirs = _theirs(arguments.rsigma, {title: rules[title] for title in ours}, events)
        pairs += len(ours) * len(events)
        matches += sum(map(len, ours.values()))
        for title, found in ours.items():
            if found != theirs[title]:
                wrong += 1
                said = json.dumps(rules[title], ensure_ascii=False)
                sys.stdout.write(f"{said}: ours alone {sorted(found - theirs[title])[:5]}, theirs {sorted(theirs[title] - found)[:5]}\n")
    sys.stdout.write(f"{pairs:,} pairs of rule and event, {matches:,} matches; rules that differ: {wrong}\n")
    return 1 if wrong else 0


def _ours(title: str, detection: dict[str, Any], events: list[dict[str, Any]]) -> set[str] | None:
    """The events that a rule matches; None where it is refused."""
    rules, problems = parse_rules("rule.yml", _text(title, detection), {})
    if any(problem.is_error for problem in problems) or not rules:
        return None
    (rule,) = rules
    assert isinstance(rule, EventRule)
    matches = full_scan(rule.detection, {})
    return {event["uuid"] for event in events if matches(json.dumps(event).encode(), "")}


def _theirs(program: str, rules: dict[str, dict[str, Any]], events: list[dict[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    with tempfile.TemporaryDirectory() as name:
        for title, detection in rules.items():
            Path(name, f"{title}.yml").write_text(_text(title, detection))
        lines = "".join(json.dumps(event) + "\n" for event in events)
        command = [program, "engine", "eval", "--rules", name, "--include-event"]
        output = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        match = json.loads(line)
        found[match["rule_title"]].add(match["event"]["uuid"])
    return found


def _text(title: str, detection: dict[str, Any]) -> str:
    rule = {"title": title, "logsource": {"product": "okta"}, "level": "low", "detection": detection}
    return yaml.safe_dump(rule, allow_unicode=True, sort_keys=False, width=1_000_000)


def _event(rng: random.Random, number: int) -> dict[str, Any]:
    event: dict[str, Any] = {
        "uuid": f"e{number}",
        "published": "2026-11-29T00:00:00Z",
        "eventType": rng.choice(["user.session.start", "a.b"]),
    }
    for field in _FIELDS:
        if field == "Missing" or rng.random() < 0.3:
            continue
        outer, _, inner = field.partition(".")
        if inner:
            event.setdefault(outer, {})[inner] = _value(rng)
        else:
            event[outer] = _value(rng)
    return event


def _value(rng: random.Random) -> Any:
    texts = [rng.choice(_TEXTS) for _ in range(rng.randint(0, 3))]
    return rng.choice([*[rng.choice(_TEXTS)] * 14, rng.choice([0, 1, 12, 3.5, -2, 10**6]), rng.choice([True, False]), None, texts])


def _rule(rng: random.Random) -> dict[str, Any]:
    return {**{f"sel{number}": _search(rng) for number in (1, 2, 3)}, "condition": rng.choice(_CONDITIONS)}


def _search(rng: random.Random) -> Any:
    kind = rng.random()
    if kind < 0.1:
        return [_pattern(rng) or "keyword" for _ in range(rng.randint(1, 2))]
    maps = [dict(_item(rng) for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(1, 3))]
    return maps if kind < 0.25 else maps[0]


def _item(rng: random.Random) -> tuple[str, Any]:
    modifier, count = rng.choice(_MODIFIERS), 2 if rng.random() < 0.35 else 1
    values: list[Any]
    if modifier.startswith("re"):
        values = [rng.choice(_PATTERNS) for _ in range(count)]
    elif modifier == "cidr":
        values = [rng.choice(["10.0.0.0/8", "10.0.0.0/24", "fe80::/10", "10.0.0.1/32"]) for _ in range(count)]
    elif modifier in ("lt", "lte", "gt", "gte"):
        values = [rng.choice([0, 1, 12, 3.5, -1, 100])]
    elif modifier == "contains|all":
        values = [_pattern(rng) or "c", _pattern(rng) or "m"]
    elif modifier:
        values = [_pattern(rng) or "cmd" for _ in range(count)]
    else:
        values = [
            _pattern(rng) if rng.random() < 0.8 or count > 1 else rng.choice([None, 12, 1, 3.5, True, False, 0]) for _ in range(count)
        ]
    field = rng.choice(_FIELDS)
    return f"{field}|{modifier}" if modifier else field, values if len(values) > 1 else values[0]


def _pattern(rng: random.Random) -> str:
    """A text, mostly with something that makes it a pattern."""
    text = rng.choice(_TEXTS)
    half = text[: len(text) // 2]
    forms = [text, text, text.upper(), f"{half}*", f"*{text[len(half) :]}", f"*{text}*", text.replace("*", "\\*").replace("?", "\\?")]
    if len(text) > 2:
        forms.append(f"{text[0]}?{text[2:]}")
    return rng.choice(forms)


if __name__ == "__main__":
    sys.exit(main())
