"""Which events a sink gets: the very page, a part of it in its order, or nothing; and what is dropped is counted."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from flows.pipeline import routing
from flows.pipeline.routing import Router
from okta_source.polling.event import Head
from sinks.config import FileSinkConfig
from sinks.documents import Documents

EVENTS = [
    ("user.session.start", "INFO"),
    ("user.session.end", "DEBUG"),
    ("user.account.lock", "WARN"),
    ("group.user_membership.add", "INFO"),
    ("user.session.start", "ERROR"),
]


def page(events: Sequence[tuple[str, object]] = EVENTS, tenant: str = "acme") -> Documents:
    """A page; the *i*-th event's uuid is *i*. A severity of None is absent."""
    return Documents(
        tenant,
        [Head(uuid=str(index), published=datetime(2026, 1, 31, tzinfo=UTC), event_type=kind) for index, (kind, _) in enumerate(events)],
        [b'{"_okta_tenant":"%s",' % tenant.encode()] * len(events),
        [
            memoryview(json.dumps({"n": index} | ({} if severity is None else {"severity": severity})).encode())[1:]
            for index, (_, severity) in enumerate(events)
        ],
    )


def router(name: str = "routed", **keys: Any) -> Router:
    return Router(name, FileSinkConfig(type="file", path="x", **keys))


def kept(documents: Documents | None) -> list[int]:
    assert documents is not None
    assert [json.loads(documents.document(index))["n"] for index in range(len(documents))] == [int(head.uuid) for head in documents.heads]
    return [int(head.uuid) for head in documents.heads]


def filtered(sink: str, tenant: str = "acme") -> float:
    return REGISTRY.get_sample_value("okta_sink_filtered_total", {"sink": sink, "tenant": tenant}) or 0.0


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"tenants": ["globex"]}, []),
        ({"event_types": ["user.session.start"]}, [0, 4]),
        ({"event_types": ["user.session.*", "group.*"]}, [0, 1, 3, 4]),
        ({"event_types": ["*.start"]}, [0, 4]),
        ({"event_types": ["user.session.?nd"]}, [1]),
        ({"event_types": ["user.session.[!e]*"]}, [0, 4]),
        ({"event_types": ["User.*"]}, []),
        ({"event_types": ["user"]}, []),
        ({"event_types": ["session"]}, []),
        ({"event_types": ["user.session.start\n"]}, []),
        ({"categories": ["security"]}, [2]),
        ({"categories": ["user_management", "security"]}, [2, 3]),
        ({"categories": ["authentication"], "event_types": ["*.end", "group.*"]}, [1]),
        ({"severity_at_least": "INFO"}, [0, 2, 3, 4]),
        ({"severity_at_least": "WARN"}, [2, 4]),
        ({"severity_at_least": "ERROR"}, [4]),
        ({"severity_at_least": "WARN", "categories": ["authentication"], "tenants": ["acme"]}, [4]),
        ({"severity_at_least": "WARN", "event_types": ["group.*"]}, []),
    ],
)
def test_what_a_filter_lets_through_in_its_order(keys: dict[str, Any], expected: list[int]) -> None:
    name = f"table-{json.dumps(keys)}"
    own = router(name, **keys)
    assert not own.passes_all
    for _ in range(2):  # decided anew, and remembered
        routed = own(page())
        assert routed is None if not expected else kept(routed) == expected
    assert filtered(name) == 2 * (len(EVENTS) - len(expected))


@pytest.mark.parametrize(
    "keys",
    [
        {"tenants": ["acme", "globex"]},
        {"event_types": ["*"]},
        {"categories": ["authentication", "security", "user_management"]},
        {"tenants": ["acme"], "event_types": ["user.*", "group.*"], "categories": ["authentication", "user_management", "security"]},
    ],
)
def test_a_page_that_passes_whole_is_the_very_same(keys: dict[str, Any]) -> None:
    documents = page()
    own = router("whole", **keys)
    assert own(documents) is documents
    item = ("acme", documents)
    assert own.keyed(item) is item
    assert filtered("whole") == 0


def test_of_grave_events_only_nothing_is_copied() -> None:
    documents = page([("user.session.start", "WARN")] * 3)
    assert router(severity_at_least="WARN")(documents) is documents


def test_keyed_pages_keep_their_key() -> None:
    own = router(event_types=["group.*"])
    routed = own.keyed(("acme", page()))
    assert routed is not None
    assert routed[0] == "acme"
    assert kept(routed[1]) == [3]
    assert own.keyed(("acme", page(EVENTS[:2]))) is None


@pytest.mark.parametrize("severity", [None, "FATAL", "warn", "", 3, ["ERROR"], {"level": "DEBUG"}, True])
def test_an_unknown_severity_is_never_lost(severity: object) -> None:
    documents = page([("user.session.start", severity), ("user.session.start", "DEBUG")])
    assert kept(router(severity_at_least="ERROR")(documents)) == [0]


@pytest.mark.parametrize("body", [b'"severity":"DEBUG"', b'"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", b'"a":"\xff"}'])
def test_a_document_that_cant_be_read_is_never_lost(body: bytes) -> None:
    documents = Documents("acme", page().heads[:1], [b'{"x":1,'], [body])
    assert router(severity_at_least="ERROR")(documents) is documents


def test_a_severity_inside_the_event_is_not_the_events() -> None:
    documents = Documents("acme", page().heads[:1], [b'{"x":1,'], [b'"target":[{"severity":"ERROR"}],"severity":"DEBUG"}'])
    assert router(severity_at_least="WARN")(documents) is None


def test_severity_is_decoded_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    monkeypatch.setattr(Documents, "document", lambda self, index: decoded.append(index) or b'{"severity":"ERROR"}')
    router(event_types=["user.*"], categories=["security"])(page())
    assert decoded == []
    router(event_types=["*.start"], severity_at_least="WARN")(page())
    assert decoded == [0, 4]


@pytest.mark.parametrize("keys", [{}, {"severity_at_least": "DEBUG"}, {"tenants": [], "event_types": [], "categories": []}])
def test_without_a_filter_no_step_is_needed(keys: dict[str, Any]) -> None:
    assert router(**keys).passes_all


def test_no_more_types_are_remembered_than_a_catalogue_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "_MOST_TYPES_REMEMBERED", 3)
    own = router(event_types=["a*"])
    assert own._decisions is not None
    documents = page([(f"{letter}{number}", "INFO") for number in range(10) for letter in "ab"])
    for _ in range(2):
        assert kept(own(documents)) == list(range(0, 20, 2))
        assert len(own._decisions) == 3


def test_an_empty_page_passes() -> None:
    documents = page([])
    assert router(event_types=["a"], severity_at_least="WARN")(documents) is documents
