"""A sink's documents: in its format, in their order, made once a page; and what can't be mapped goes out raw."""

import json
import pickle
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from flows.pipeline.formats.ecs_format import EcsFormat
from flows.pipeline.formats.event import Event
from flows.pipeline.formats.formatter import Format, Formatter
from flows.pipeline.formats.ocsf_format import OcsfFormat
from flows.pipeline.formats.page import Page
from sinks.documents import Documents
from tests.unit.flows.pipeline.formats.events import BARE, JOB, ORG, SIGN_IN, changed, raw_documents, raw_page, text_of

FORMATS = {"ecs": EcsFormat, "ocsf": lambda: OcsfFormat("1.3.0")}
EVENTS = [
    event | {"uuid": f"u{number}"}
    for number, event in enumerate([SIGN_IN, JOB, BARE, changed("user.session.end"), changed("user.session.clear"), SIGN_IN])
]


class Counting:
    """A format that counts what it maps, and fails for some."""

    def __init__(self, inner: Format, fails_for: str = "") -> None:
        self.inner = inner
        self.fails_for = fails_for
        self.mapped: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def body(self, event: Event, published: datetime, context: bytes) -> bytes:
        uuid = json.loads(bytes(event.uuid))
        self.mapped[uuid] += 1
        if uuid == self.fails_for:
            message = 'no "such" thing: é \udc00'
            raise ZeroDivisionError(message)
        return self.inner.body(event, published, context)


def formatter(document_format: Any, *, with_original: bool = False, namespace: str = "default") -> tuple[Formatter, list[tuple[str, int]]]:
    errors: list[tuple[str, int]] = []
    made = Formatter(
        document_format, with_original=with_original, namespace=namespace, on_error=lambda tenant, count: errors.append((tenant, count))
    )
    return made, errors


def decoded(documents: Documents) -> list[dict[str, Any]]:
    assert not any(b"\n" in documents.document(index) for index in range(len(documents)))
    return [json.loads(documents.document(index)) for index in range(len(documents))]


def uuid_of(document: dict[str, Any]) -> str:
    return str(document["event"]["id"] if "event" in document else document["metadata"]["uid"])


@pytest.mark.parametrize("name", FORMATS)
def test_each_document_is_its_events_in_the_same_order(name: str) -> None:
    made, errors = formatter(FORMATS[name]())
    page = raw_page(*EVENTS)
    documents = made(page)
    assert [uuid_of(document) for document in decoded(documents)] == [event["uuid"] for event in EVENTS]
    assert documents.heads == page.heads
    assert documents.tenant == "acme"
    assert errors == []
    key, keyed = made.keyed(("acme", page))
    assert (key, decoded(keyed)) == ("acme", decoded(documents))
    assert not len(made(raw_documents()))


def test_ecs_says_what_the_pipeline_knows_of_an_event() -> None:
    made, _ = formatter(EcsFormat())
    documents = decoded(made(raw_page(*EVENTS)))
    assert documents[0]["okta"]["pipeline"] == {
        "tenant": "acme", "org": ORG, "category": "authentication", "action": "sign_in", "source": "poll",
        "ingested_at": "2026-03-01T12:00:01.250Z", "labels": {"customer": "Acme"},
    }  # fmt: skip
    # user.session.end and user.session.clear have the same tags.
    assert [document["okta"]["event_type"] for document in documents] == [event["eventType"] for event in EVENTS]
    assert [document["event"]["action"] for document in documents] == [event["eventType"] for event in EVENTS]


def test_ocsf_says_what_the_pipeline_knows_of_an_event() -> None:
    made, _ = formatter(OcsfFormat("1.5.0"))
    [document] = decoded(made(raw_page(SIGN_IN)))
    assert {name: value for name, value in document["unmapped"].items() if name.startswith("_okta_")} == {
        "_okta_event_type": "systemLog", "_okta_tenant": "acme", "_okta_org": ORG, "_okta_category": "authentication",
        "_okta_action": "sign_in", "_okta_source": "poll", "_okta_ingested_at": "2026-03-01T12:00:01.250Z",
        "_okta_labels": {"customer": "Acme"},
    }  # fmt: skip
    assert document["metadata"]["version"] == "1.5.0"
    assert document["metadata"]["tenant_uid"] == ORG


@pytest.mark.parametrize("name", FORMATS)
def test_the_original_is_there_where_the_sink_wants_it(name: str) -> None:
    shared = FORMATS[name]()
    page = raw_page(SIGN_IN, BARE)
    plain, whole = (decoded(formatter(shared, with_original=wanted)[0](page)) for wanted in (False, True))
    for without, with_it, event in zip(plain, whole, (SIGN_IN, BARE), strict=True):
        if name == "ecs":
            assert with_it["event"].pop("original").encode() == text_of(event)
            assert with_it.pop("tags") == ["preserve_original_event"]
        else:
            assert with_it.pop("raw_data").encode() == text_of(event)
        assert with_it == without


@pytest.mark.parametrize("name", FORMATS)
def test_an_event_is_mapped_once_however_many_sinks_want_it(name: str) -> None:
    counting = Counting(FORMATS[name]())
    page = raw_page(*EVENTS, several=True)
    first, second, third = (formatter(counting, with_original=wanted)[0] for wanted in (False, True, False))
    some = page.take([1, 3])
    assert isinstance(some, Page)
    assert decoded(first(some)) == [document for index, document in enumerate(decoded(third(page))) if index in (1, 3)]
    second(page)
    first(page.take([0, 2]).take([1]))
    assert counting.mapped == Counter({event["uuid"]: 1 for event in EVENTS})


def test_what_no_sink_wants_is_not_mapped() -> None:
    counting = Counting(EcsFormat())
    formatter(counting)[0](raw_page(*EVENTS).take([2]))
    assert list(counting.mapped) == ["u2"]


@pytest.mark.parametrize("with_original", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_what_cannot_be_mapped_goes_out_raw_and_is_counted_once(name: str, with_original: bool) -> None:
    counting = Counting(FORMATS[name](), fails_for="u2")
    made, errors = formatter(counting, with_original=with_original)
    page = raw_page(*EVENTS)
    documents = decoded(made(page))
    made(page)
    assert errors == [("acme", 1)]
    unmapped = documents.pop(2)
    assert unmapped.pop("_okta_mapping_error") == 'ZeroDivisionError: no "such" thing: é ?'
    assert unmapped.pop("@timestamp", None) == ("2026-03-01T12:00:00.123Z" if name == "ecs" else None)
    assert unmapped == json.loads(page.document(2))
    assert [uuid_of(document) for document in documents] == [event["uuid"] for event in EVENTS if event["uuid"] != "u2"]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_nested_too_deep_goes_out_raw(name: str) -> None:
    deep = b'{"uuid":"u9","published":"2026-03-01T12:00:00.123Z","eventType":"a.b","target":%b%b}' % (b"[" * 5000, b"]" * 5000)
    raw = raw_documents(BARE)
    page = Documents("acme", raw.heads, raw.prefixes, [memoryview(deep)[1:]])
    made, errors = formatter(FORMATS[name]())
    [text] = [made(page).document(0)]
    assert b'"_okta_mapping_error":"RecursionError' in text
    assert text.endswith(deep[1:])
    assert errors == [("acme", 1)]


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_that_are_no_text_go_out_raw_where_the_original_is_wanted(name: str) -> None:
    raw = raw_documents(BARE)
    odd = b'"uuid":"u1","published":"2026-03-01T12:00:00.123Z","eventType":"a.b","x":"\xff"}'
    made, errors = formatter(FORMATS[name](), with_original=True)
    documents = made(Documents("acme", raw.heads, raw.prefixes, [memoryview(odd)]))
    assert b'"_okta_mapping_error":"UnicodeDecodeError' in documents.document(0)
    assert documents.document(0).endswith(odd)
    assert errors == [("acme", 1)]


def test_the_namespace_is_the_data_streams() -> None:
    made, _ = formatter(EcsFormat(), namespace="{tenant}")
    assert decoded(made(raw_page(BARE)))[0]["data_stream"]["namespace"] == "acme"


def test_a_page_is_pickled_as_raw_documents() -> None:
    page = raw_page(*EVENTS)
    formatter(EcsFormat())[0](page)
    copied = pickle.loads(pickle.dumps(page))  # noqa: S301 (our own bytes)
    assert type(copied) is Documents
    assert [copied.document(index) for index in range(len(copied))] == [page.document(index) for index in range(len(page))]


def alert_page(text: bytes) -> Documents:
    tags = b'{"_okta_event_type":"alert",'
    raw = raw_documents(BARE)
    return Documents("acme", raw.heads, [tags], [memoryview(text)])


@pytest.mark.parametrize("name", FORMATS)
def test_alerts_have_the_format_too(name: str) -> None:
    alert = (
        b'"_okta_tenant":"acme","_okta_org":"%b",'
        b'"uuid":"a1","published":"2026-03-01T12:00:00Z","rule":{"title":"T"},"kind":"event","event":%b}'
    )
    made, errors = formatter(FORMATS[name]())
    [document] = decoded(made(alert_page(alert % (ORG.encode(), text_of(BARE)))))
    assert uuid_of(document) == "a1"
    assert errors == []
    [broken] = decoded(made(alert_page(b'"uuid":"a1"}')))
    assert broken["_okta_mapping_error"].startswith("ValidationError")
    assert broken["uuid"] == "a1"
    assert errors == [("acme", 1)]
