"""Random rules and random events, for the index and its judge."""

import json
import random
from typing import Any

from okta_source.detections.evaluate import full_scan
from okta_source.detections.index import RuleIndex
from okta_source.detections.sigma.expression import Expression
from okta_source.detections.sigma.parse import parse_rules
from okta_source.detections.sigma.rule import EventRule

TYPES = ["user.session.start", "user.session.end", "user.mfa.factor.reset_all", "system.api_token.create", "policy.evaluate_sign_on"]
TEXTS = ["SUCCESS", "failure", "", "ada@example.com", "10.1.2.3", "5", "true", "a*b", "New Device", "x" * 30, "ünï"]
PATHS = [
    "severity", "outcome.result", "actor.alternateId", "client.ipAddress", "target.displayName", "target.user.id", "device.managed",
    "behaviors.new_device", "debugContext.debugData.requestUri", "debugContext.debugData.unheardOf", "securityContext.asNumber",
    "request.ipChain.ip", "surprise.member", "actor.domain", "tenant",
]  # fmt: skip
MEMBERS = [path for path in PATHS if path not in ("behaviors.new_device", "actor.domain", "tenant", "target.user.id")]
LISTS = {"some": ("SUCCESS", "ada@example.com")}


def random_rule(rng: random.Random) -> str:
    """A rule's YAML (JSON is YAML); now and then one that is refused."""
    names = [f"s{number}" for number in range(rng.randint(1, 3))]
    searches: dict[str, Any] = {name: _search(rng) for name in names}
    condition = rng.choice([" and ", " or "]).join(rng.choice(["", "", "not "]) + name for name in names)
    if rng.random() < 0.2:
        condition = rng.choice(["1 of them", "all of s*", "not 1 of s*", f"not ({condition})"])
    return json.dumps({"title": "A rule", "logsource": {"product": "okta"}, "detection": {**searches, "condition": condition}})


def _search(rng: random.Random) -> Any:
    if rng.random() < 0.05:
        return rng.sample(TEXTS, 2)
    tables = [dict(_item(rng) for _ in range(rng.randint(1, 3))) for _ in range(rng.choice([1, 1, 1, 2]))]
    return tables[0] if len(tables) == 1 else tables


def _item(rng: random.Random) -> tuple[str, Any]:
    if rng.random() < 0.5:
        chosen = rng.sample(TYPES, rng.randint(1, 2))
        how = rng.choice(["", "", "", "|neq", "|contains", "|startswith"])
        return "eventType" + how, [text[: rng.randint(4, 30)] if how in ("|contains", "|startswith") else text for text in chosen]
    path = rng.choice(PATHS)
    if rng.random() < 0.2:
        path = path.upper()
    how, value = rng.choice([
        ("", rng.choice(TEXTS)), ("", rng.sample(TEXTS, 2)), ("", None), ("", True), ("", 5), ("", rng.choice([False, 0, 1, 1.0])),
        ("|contains", rng.choice(TEXTS)[:3]),
        ("|startswith", rng.choice(TEXTS)[:3]), ("|endswith", "com"), ("|neq", rng.choice(TEXTS)), ("|cased", rng.choice(TEXTS)),
        ("|re", "^[a-z]+"), ("|gte", 5), ("|exists", rng.random() < 0.5), ("|cidr", "10.0.0.0/8"), ("|fieldref", rng.choice(PATHS)),
        ("|expand", "%some%"), ("|contains|all", ["a", "e"]), ("", "a?*b*"),
    ])  # fmt: skip
    return path + how, value


def random_event(rng: random.Random) -> dict[str, Any]:
    """An event with some of these members, shaped oddly now and then."""
    event: dict[str, Any] = {"uuid": "u", "published": "2026-11-29T06:00:00.000Z", "eventType": rng.choice(TYPES)}
    for member in rng.sample(MEMBERS, rng.randint(0, 8)):
        path = rng.choice([member.upper(), member.title()]) if rng.random() < 0.05 else member
        inner: Any = event
        *way, last = path.split(".")
        for name in way:
            inner = inner.setdefault(name, [{}, {"type": "User", "id": "5"}] if name in ("target", "ipChain") else {})
            inner = rng.choice(inner) if type(inner) is list and inner else inner
            if type(inner) is not dict:
                break
        else:
            inner[last] = rng.choice([*TEXTS, None, True, False, 5, 5.0, 0, 1, 1.0, [], ["SUCCESS", 5], {"a": "SUCCESS"}])
    if rng.random() < 0.3:
        event.setdefault("debugContext", {}).setdefault("debugData", {})["behaviors"] = "{New Device=POSITIVE, New IP=NEGATIVE}"
    if rng.random() < 0.05:
        event[rng.choice(["actor", "target", "debugContext", "client"])] = rng.choice(
            ["odd", None, 7, [], [{"alternateId": "ada@example.com"}]]
        )
    return event


def disagreements(rng: random.Random, rules: int, events: int) -> tuple[int, int, list[str]]:
    """Compare the index with the full scan for every pair.

    Returns:
        How many pairs there were, how many of them matched, and each pair on which the two differ.
    """
    detections: list[Expression] = []
    texts: list[str] = []
    while len(detections) < rules:
        text = random_rule(rng)
        for rule in parse_rules("rule.yml", text, LISTS)[0]:
            assert isinstance(rule, EventRule)
            detections.append(rule.detection)
            texts.append(text)
    index = RuleIndex(detections, LISTS)
    scans = [full_scan(detection, LISTS) for detection in detections]
    matched, found = 0, []
    for _ in range(events):
        event = random_event(rng)
        data = json.dumps(event).encode()
        plan = index[event["eventType"]]
        indexed = set(plan.matches(data, "acme") if plan else [])
        for number, scan in enumerate(scans):
            matched += number in indexed
            if scan(data, "acme") != (number in indexed):
                found.append(f"{texts[number]}\n{data.decode()}")
    return rules * events, matched, found
