"""Events that are read in one pass with their heads give the alerts that they give when they are read anew."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.backtest.lines import Counts, LineHead, Slice, reader_beside_heads
from flows.backtest.run import Backtest, Engine
from flows.backtest.stream import joined, merged
from okta_source.detections.alerts import Alert
from okta_source.detections.rules import RuleSet
from okta_source.events.fields import beside
from tests.unit.flows.backtest.test_stream import stored
from tests.unit.okta_source.detections.making import rule_set

START = datetime(2026, 11, 29, tzinfo=UTC)
RULES = """
title: Any type
name: any_type
logsource: {product: okta}
detection: {sel: {displayMessage|contains: denied}, proxy: {securityContext.isProxy: true}, condition: sel or proxy}
---
title: Any type of a type
name: one_type
logsource: {product: okta}
detection: {sel: {eventType: user.session.start, outcome.result: FAILURE}, ada: {actor.alternateId: ada}, condition: sel and not ada}
---
title: Head
name: head
logsource: {product: okta}
detection: {sel: {uuid|endswith: '7', severity: WARN}, condition: sel}
---
title: Many
correlation: {type: event_count, rules: [any_type], timespan: 1h, group-by: [actor.alternateId], condition: {gte: 3}}
"""
KEYWORDS = """
title: Keyword
logsource: {product: okta}
detection: {keywords: [acme-secret], condition: keywords}
"""
ODD: list[dict[str, Any]] = [
    {"displayMessage": "\ud800 denied"},
    {"displayMessage": None, "securityContext": "a text"},
    {"displayMessage": 7, "actor": ["ada"], "securityContext": [{"isProxy": True}]},
    {"securityContext": None, "actor": None},
]


def events(count: int, *, odd: bool) -> list[bytes]:
    rng = random.Random(7)
    lines = []
    for number in range(count):
        moment = (START + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
        event: dict[str, Any] = {
            "_okta_event_type": "systemLog", "_okta_tenant": "acme", "_okta_ingested_at": moment,
            "uuid": f"u{number}", "published": moment, "eventType": rng.choice(["user.session.start", "a.b", "c.d"]),
            "displayMessage": rng.choice(["Access DENIED", "fine", "acme-secret"]), "severity": rng.choice(["INFO", "WARN"]),
            "securityContext": {"isProxy": rng.random() < 0.1}, "outcome": {"result": rng.choice(["SUCCESS", "FAILURE"])},
            "actor": {"alternateId": rng.choice(["ada", "bob", "eve"])},
        }  # fmt: skip
        if odd and rng.random() < 0.05:
            event |= rng.choice(ODD)
        lines.append(json.dumps(event).encode())
    return lines


def backtested(file: Any, rules: RuleSet) -> list[Alert]:
    alerts: list[Alert] = []
    run = Backtest([file], START, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    run.run([Engine(rules)], lambda _, alert: alerts.append(alert), lambda: True)
    return alerts


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("text", [RULES, RULES + "---" + KEYWORDS])
def test_one_pass_finds_what_two_find(tmp_path: Path, text: str, *, odd: bool) -> None:
    rules = rule_set(text)
    file = stored(tmp_path, "2026-11-29.ndjson", events(3000, odd=odd))
    plain = Engine(rules)
    alerts = [alert for part in merged([file], Counts()) for alert in plain.take(part)]
    assert {alert.rule.title for alert in alerts} >= {"Any type of a type", "Head", "Many"}
    assert backtested(file, rules) == alerts


def test_what_every_rule_reads_is_read_with_the_heads(tmp_path: Path) -> None:
    wanted = Engine(rule_set(RULES)).fields_of_any_event
    assert set(wanted) == {"displayMessage", "securityContext.isProxy", "actor.alternateId", "uuid", "severity"}
    reader = reader_beside_heads(wanted)
    assert reader is not None
    assert set(reader.paths) == set(wanted) - {"uuid"}, "a head's own member can't be read twice"
    (part,) = merged([stored(tmp_path, "a.ndjson", events(5, odd=False))], Counts(), reader)
    assert part.reader is reader
    assert isinstance(part.heads[0], LineHead)
    assert reader.accessor("actor.alternateId")(part.heads[0]) in {"ada", "bob", "eve"}
    assert reader_beside_heads(["uuid", "eventType"]) is None


def test_lines_that_cannot_be_read_so_are_read_as_before(tmp_path: Path) -> None:
    reader = reader_beside_heads(["displayMessage"])
    lines = events(3, odd=False)
    lines[1] = lines[1].replace(b'"displayMessage": "', b'"displayMessage": "\\ud800', 1)
    counts = Counts()
    (part,) = merged([stored(tmp_path, "a.ndjson", lines)], counts, reader)
    assert part.reader is None
    assert ([head.uuid for head in part.heads], counts.bad_lines) == (["u0", "u1", "u2"], 0)


def test_a_file_of_all_tenants_beside_those_of_each_gives_each_event_once(tmp_path: Path) -> None:
    lines = events(2_000, odd=False)
    both = [stored(tmp_path, "acme.ndjson", lines), replace(stored(tmp_path, "all.ndjson", lines), tenant="")]
    alerts: list[Alert] = []
    run = Backtest(both, START, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    run.run([Engine(rule_set(RULES))], lambda _, alert: alerts.append(alert), lambda: True)
    assert (run.events, run.by_tenant, run.counts.copies) == (2_000, {"acme": 2_000}, 2_000)
    assert alerts == backtested(both[0], rule_set(RULES))


def test_parts_are_joined_until_they_are_long_enough_and_only_like_ones() -> None:
    def part(count: int, tenant: str, reader: Any = None) -> Slice:
        return Slice([LineHead(f"u{n}", START, "a", tenant=tenant) for n in range(count)], [b"{}"] * count, reader)

    reader = reader_beside_heads(["severity"])
    parts = [part(600, "a"), part(600, "a"), part(600, "a"), part(1, "b"), part(1, "b", reader), part(1, "b", reader)]
    found = list(joined(parts))
    assert [(len(one.heads), len(one.lines), one.heads[0].tenant, one.reader) for one in found] == [
        (1200, 1200, "a", None), (600, 600, "a", None), (1, 1, "b", None), (2, 2, "b", reader),
    ]  # fmt: skip


def test_only_documented_members_are_read_beside_a_head() -> None:
    paths = ["", "severity", "_okta_tenant", "tenant", "uuid", "no.such.path", "actor.id", "target.user.id"]
    assert beside(LineHead, paths) == ["severity", "actor.id", "target.user.id"]
