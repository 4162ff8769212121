"""Fuzzed events through the formats: nothing leaves by an exception, nothing is dropped, and what comes out is a document.

    python -m tests.benchmarks.format_fuzz --events 1000000 [--seed 1] [--valid-share 0.02]

Each event is one of a few real shapes with some of its values exchanged for others: another type, null, an array for an object and the
reverse, deep nesting, halves of surrogate pairs, huge numbers, long texts, members twice, members that nobody documents. What must hold:

- a document for each event, in order, that a JSON parser takes and that names the event's uuid;
- an ECS document has categories and types that ECS allows, and values of one kind in its fields;
- an OCSF document is valid by the published schema (a share of them is checked);
- what can't be mapped is Okta's own bytes with `_okta_mapping_error`, and is counted.
"""

import argparse
import copy
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from flows.pipeline.formats.ecs_format import EcsFormat
from flows.pipeline.formats.formatter import Format, Formatter
from flows.pipeline.formats.ocsf_format import OcsfFormat
from flows.pipeline.formats.page import to_page
from okta_source.events.fields.catalogue import event_types
from okta_source.polling.event import Head
from sinks.documents import Documents
from tests.unit.flows.pipeline.formats.events import SHAPES
from tests.unit.flows.pipeline.formats.test_ocsf import problems

__all__ = ["fuzz", "fuzzed_events"]

_PAGE_EVENTS = 500
_TAGS = (
    b'{"_okta_event_type":"systemLog","_okta_tenant":"acme","_okta_org":"acme.okta.com","_okta_category":"system","_okta_source":"poll",'
    b'"_okta_ingested_at":"2026-03-01T12:00:01.250Z",'
)
_KEPT = ("uuid", "published", "eventType")
_HEAD = msgspec.json.Decoder(Head)
_UUID = "fuzz-%d"
_SIMPLE: tuple[Any, ...] = (
    None, "", [], {}, True, False, 2**63, -(2**63) - 1, 10**40, 1.5e300, -0.0, 1e-320, "text", "null", "x\x01Sy", "\x01L", "é🚀\x01T\\\"/",
    "{level=HIGH, reasons=A, B}", '{"risk":{"level":' + "[" * 50, '{"a":{"b":[1,2]}}', "{=, =}", "198.51.100.9", "2001:db8::1%eth0",
    "a@b.example", [1, [2, [3, {"a": "b"}]]],
)  # fmt: skip
# Written as markers into a text of JSON, since no encoder makes them.
_RAW = {"\x01S": rb"\ud800", "\x01L": rb"\udc00x", "\x01T": rb"\t\u0000\u2028"}
_KEYWORDS = (
    ("okta", "actor", "id"), ("okta", "event_type"), ("okta", "outcome", "result"), ("okta", "debug_context", "debug_data", "url"),
    ("user", "name"), ("client", "ip"), ("event", "action"), ("okta", "transaction", "id"), ("okta", "device", "name"),
)  # fmt: skip
_OBJECTS = (
    ("okta", "debug_context", "debug_data", "flattened"), ("okta", "device", "device_integrator"), ("okta", "security_context", "risk"),
    ("client", "geo"), ("source", "as"), ("user", "target"),
)  # fmt: skip


def fuzzed_events(number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Events as JSON with their uuids; always the same for a seed."""
    rng = random.Random(seed)
    shapes = list(SHAPES.values())
    types = sorted(event_types())
    for index in range(number):
        event = copy.deepcopy(rng.choice(shapes))
        event["eventType"] = rng.choice(types) if rng.random() < 0.9 else rng.choice(["x", "a..b", "ünï", "group." + "x" * 200, "user"])
        event["uuid"] = uuid = _UUID % index
        for _ in range(rng.choice((0, 1, 1, 2, 3, 8))):
            _mutate(rng, event)
        yield uuid, _text(rng, event)


def _mutate(rng: random.Random, event: dict[str, Any]) -> None:
    """Exchange, drop or add one value somewhere in an event; never its head's."""
    holder: Any = event
    key: Any = rng.choice([name for name in event if name not in _KEPT] or ["actor"])
    while holder is not event or key not in holder or rng.random() < 0.8:
        value = holder[key] if not isinstance(holder, dict) or key in holder else None
        if not isinstance(value, dict | list) or not value or rng.random() < 0.2:
            break
        holder = value
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    choice = rng.random()
    if isinstance(holder, dict) and choice < 0.1:
        holder.pop(key, None) if key not in _KEPT else None
    elif isinstance(holder, dict) and choice < 0.2:
        holder[rng.choice(("new", "_okta", "a.b", "", "type", "x" * 300, "\x01T"))] = _value(rng)
    elif isinstance(holder, list) and choice < 0.3:
        holder.extend([_value(rng), _value(rng)])
    else:
        holder[key] = _value(rng)


def _value(rng: random.Random) -> Any:
    makers: tuple[Callable[[], Any], ...] = (
        lambda: copy.deepcopy(rng.choice(_SIMPLE)),
        lambda: copy.deepcopy(rng.choice(_SIMPLE)),
        lambda: rng.randrange(-5, 10**6),
        lambda: "a" * rng.choice((70_000, 300)),
        lambda: [_value(rng)],
        lambda: {"a": _value(rng)},
        lambda: {"id": _value(rng), "type": "User", "displayName": _value(rng)},
        lambda: _nested(rng.choice((5, 50, 300))),
    )
    return rng.choice(makers)()


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def _text(rng: random.Random, event: dict[str, Any]) -> bytes:
    members = list(event.items())
    rng.shuffle(members)
    separators = (",", ":") if rng.random() < 0.9 else (" , ", " :\t")
    text = json.dumps(dict(members), ensure_ascii=rng.random() < 0.5, separators=separators).encode("utf-8", "surrogatepass")
    for marker, raw in _RAW.items():
        text = text.replace(json.dumps(marker)[1:-1].encode(), raw)
    if rng.random() < 0.02:
        text = text.replace(b"0.25", b"1e999", 1).replace(b"52.09", b"1e400", 1)
    if rng.random() < 0.02:
        text = text[:-1] + b',"actor":{"id":"twice"}}'
    return text


def fuzz(number: int, seed: int, valid_share: float) -> Counter[str]:
    """Send fuzzed events through both formats.

    Returns:
        How many events there were, how many documents, how many could not be mapped, by format, and how many OCSF documents were checked.

    Raises:
        AssertionError: Something didn't hold; the message has the event.
    """
    counts: Counter[str] = Counter()
    rng = random.Random(seed)
    errors: Counter[str] = Counter()
    formats: list[Format] = [EcsFormat(), OcsfFormat("1.3.0")]
    formatters = [_formatter(each, errors) for each in formats]
    events = fuzzed_events(number, seed)
    while page := [pair for _, pair in zip(range(_PAGE_EVENTS), events, strict=False)]:
        heads = [Head(uuid=uuid, published=_published(), event_type=_type_of(text)) for uuid, text in page]
        raw = Documents("acme", heads, [_TAGS] * len(page), [memoryview(text)[1:] for _, text in page])
        both = to_page(raw, several=True)
        counts["events"] += len(page)
        for document_format, formatter in zip(formats, formatters, strict=True):
            made = formatter(both)
            assert len(made) == len(page)
            for index, (uuid, text) in enumerate(page):
                document = made.document(index)
                counts[f"{document_format.name} documents"] += 1
                _judge(document_format.name, document, uuid, text, counts, check=rng.random() < valid_share)
    for name, unmapped in errors.items():
        assert unmapped == counts[f"{name} unmapped"], (name, unmapped)
    return counts


def _formatter(document_format: Format, errors: Counter[str]) -> Formatter:
    def count(tenant: str, unmapped: int) -> None:
        assert tenant == "acme"
        errors[document_format.name] += unmapped

    return Formatter(document_format, with_original=True, on_error=count)


def _judge(name: str, text_of_document: bytes, uuid: str, text: bytes, counts: Counter[str], *, check: bool) -> None:
    if b'"_okta_mapping_error":' in text_of_document[:2000]:
        counts[f"{name} unmapped"] += 1
        assert text_of_document.endswith(text[1:]), text
        return
    document = json.loads(text_of_document)
    original = document["event"]["original"] if name == "ecs" else document["raw_data"]
    assert original.encode() == text, text
    if name == "ecs":
        assert document["event"]["id"] == document["okta"]["uuid"] == uuid, text
        for path, kinds in [(path, str | int | float) for path in _KEYWORDS] + [(path, dict) for path in _OBJECTS]:
            value = _at(document, path)
            assert value is None or isinstance(value, kinds), (path, value, text)
    else:
        assert document["metadata"]["uid"] == uuid, text
        if check:
            # A raw_data of over 65,535 characters is more than the schema allows; the event is what it is.
            document["raw_data"] = ""
            counts["ocsf checked"] += 1
            assert problems(document, "1.3.0") == [], text


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _type_of(text: bytes) -> str:
    try:
        return _HEAD.decode(text).event_type
    except msgspec.DecodeError:  # half a surrogate pair somewhere
        return str(json.loads(text)["eventType"])


def _published() -> Any:
    return msgspec.json.decode(b'"2026-03-01T12:00:00.123Z"', type=_DATETIME)


_DATETIME: Any = Head.__annotations__["published"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.format_fuzz", description="Fuzzed events through the formats.")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--valid-share", type=float, default=0.02)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    counts = fuzz(options.events, options.seed, options.valid_share)
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    sys.stdout.write(f"{told} in {time.monotonic() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
