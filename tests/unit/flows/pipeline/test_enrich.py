"""The members put in front: names, order, and nothing of Okta's touched."""

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flows.pipeline.enrich import Enricher
from okta_source.config.tenant import TenantConfig
from okta_source.events.categories import category
from okta_source.polling.event import Batch, slice_page

RECEIVED_AT = datetime(2026, 3, 1, 12, 0, 0, 7999, tzinfo=UTC)
BODY = b'"uuid":"u1","published":"2026-03-01T12:00:00.123Z","eventType":"brand.new.type", "n":1e3,"s":"\\u00e9"}'


def tenant(name: str = "acme", **settings: object) -> TenantConfig:
    auth = {"method": "ssws", "token_env": "UNUSED"}
    return TenantConfig.model_validate({"name": name, "org_url": f"https://{name}.okta.com", "auth": auth, **settings})


def batch(*events: bytes, name: str = "acme", received_at: datetime = RECEIVED_AT) -> Batch:
    page = slice_page(b"[" + b",".join(events) + b"]")
    return Batch(name, "poll", received_at, page.heads, page.bodies)


def of_type(event_type: str, number: int = 0) -> bytes:
    return b'{"uuid":"u%d","published":"2026-03-01T12:00:00.123Z","eventType":"%s"}' % (number, event_type.encode())


def test_a_document_is_the_tags_in_front_of_oktas_own_bytes() -> None:
    enricher = Enricher({"acme": tenant(labels={"customer": 'Acme "é"', "workspace": "emea"})})
    documents = enricher(batch(b"{" + BODY))
    assert documents.document(0) == (
        b'{"_okta_event_type":"systemLog","_okta_tenant":"acme","_okta_org":"acme.okta.com","_okta_category":"system",'
        b'"_okta_source":"poll","_okta_ingested_at":"2026-03-01T12:00:00.007Z",'
        + '"_okta_labels":{"customer":"Acme \\"é\\"","workspace":"emea"},'.encode()
        + BODY
    )


def test_without_labels_there_is_no_member_for_them() -> None:
    document = json.loads(Enricher({"acme": tenant()})(batch(b"{" + BODY)).document(0))
    assert "_okta_labels" not in document
    assert list(document)[:3] == ["_okta_event_type", "_okta_tenant", "_okta_org"]


def test_the_org_is_the_host_with_its_port_where_it_is_not_the_schemes_own() -> None:
    local = TenantConfig.model_validate(
        {"name": "sim", "org_url": "http://127.0.0.1:8080", "auth": {"method": "ssws", "token_env": "UNUSED"}}
    )
    assert json.loads(Enricher({"sim": local})(batch(b"{" + BODY, name="sim")).document(0))["_okta_org"] == "127.0.0.1:8080"


def test_each_event_has_the_category_of_its_own_type() -> None:
    types = ["user.session.start", "group.user_membership.add", "policy.lifecycle.update", "brand.new.type", "user.session.start"]
    documents = Enricher({"acme": tenant()})(batch(*map(of_type, types, range(5))))
    tagged = [json.loads(documents.document(index)) for index in range(5)]
    assert [event["_okta_category"] for event in tagged] == [category(one) for one in types]
    assert [event["eventType"] for event in tagged] == types
    assert [event["uuid"] for event in tagged] == [f"u{number}" for number in range(5)]
    assert documents.prefixes[0] is documents.prefixes[4]  # put together once


def test_tenants_are_told_apart() -> None:
    enricher = Enricher({"acme": tenant(), "globex": tenant("globex", labels={"a": "b"})})
    assert json.loads(enricher(batch(b"{" + BODY)).document(0))["_okta_tenant"] == "acme"
    other = json.loads(enricher(batch(b"{" + BODY, name="globex")).document(0))
    assert (other["_okta_tenant"], other["_okta_org"], other["_okta_labels"]) == ("globex", "globex.okta.com", {"a": "b"})


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_the_time_of_ingestion_is_utc_with_milliseconds(zone: timezone) -> None:
    documents = Enricher({"acme": tenant()})(batch(b"{" + BODY, received_at=RECEIVED_AT.astimezone(zone)))
    assert json.loads(documents.document(0))["_okta_ingested_at"] == "2026-03-01T12:00:00.007Z"


@pytest.mark.parametrize("odd", ['a"b', "é.漢", "a\\\\b", "user.session.start\\u0000", "x" * 5000])
def test_an_odd_event_type_breaks_no_document(odd: str) -> None:
    raw = json.dumps({"uuid": "u", "published": "2026-03-01T12:00:00Z", "eventType": odd}).encode()
    document = json.loads(Enricher({"acme": tenant()})(batch(raw)).document(0))
    assert document["eventType"] == odd
    assert document["_okta_category"]


def test_types_from_the_wire_do_not_grow_the_memory_without_bound() -> None:
    enricher = Enricher({"acme": tenant()})
    for start in range(0, 12_000, 1000):
        enricher(batch(*(of_type(f"made.up.{number}") for number in range(start, start + 1000))))
    assert len(enricher._tagger._kinds) == 10_000
    assert json.loads(enricher(batch(of_type("made.up.again"))).document(0))["_okta_category"] == "system"


def test_documents_survive_pickling_behind_a_pickled_batch() -> None:
    enricher = Enricher({"acme": tenant()})
    arrived = enricher(pickle.loads(pickle.dumps(batch(b"{" + BODY))))  # noqa: S301
    assert pickle.loads(pickle.dumps(arrived)).document(0) == enricher(batch(b"{" + BODY)).document(0)  # noqa: S301
