import json

import pytest

from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.webhook.encoding import CONTENT_TYPES, HecFields, encode
from tests.unit.sinks.receiver import events_in
from tests.unit.sinks.webhook.conftest import FIRST_PUBLISHED, Head

UNUSUAL = {
    "quotes": 'a "quoted" \\ back\\slash / slash',
    "lines": "one\ntwo\r\nthree\u2028four\u2029five\x85six\x0bseven",
    "controls": "\x00\x1f\x7f",
    "beyond": "naïve 日本語 🔐 \U0010ffff",
    "surrogate": "<\\ud800>",
    "number": 12345678901234567890.000000001,
    "looks like an end": '}]\\n{"event":1}',
    "empty": "",
    "null": None,
}


def documents_of(batch: Batch) -> list[bytes]:
    return [part.document(index) for part, index in batch.locate()]


@pytest.fixture
def batch(make_part) -> Batch:
    return Batch((make_part("acme", "1", "2", "3"), make_part("globex", "4"), make_part("acme", "5", "6", members=UNUSUAL)))


@pytest.mark.parametrize("encoding", ["json", "ndjson", "hec"])
def test_a_body_holds_exactly_the_documents_in_order(batch, encoding):
    events, _ = events_in(encode(batch, encoding, HecFields()), CONTENT_TYPES[encoding])
    assert events == [json.loads(document) for document in documents_of(batch)]
    assert events[-1]["lines"] == UNUSUAL["lines"]


@pytest.mark.parametrize(
    ("encoding", "form"),
    [("json", b"[%s,%s]"), ("ndjson", b"%s\n%s\n")],
)
def test_every_byte_of_a_document_goes_out_as_it_is(make_part, encoding, form):
    batch = Batch((make_part("acme", "1", members=UNUSUAL), make_part("globex", "2")))
    assert encode(batch, encoding, HecFields()) == form % tuple(documents_of(batch))


def test_a_splunk_envelope_byte_for_byte(make_batch):
    batch = make_batch("1", "2")
    tags = b'"okta.tenant":"acme","okta.event_type":"systemLog","okta.org":"acme.okta.com"'
    expected = b"".join(
        b'{"time":%s,"host":"acme.okta.com","source":"okta","sourcetype":"OktaIM2:log","fields":{"uuid":"%s",%s},"event":%s}\n'
        % (time, uuid, tags, document)
        for time, uuid, document in zip([b"1777627800.123", b"1777627801.123"], [b"1", b"2"], documents_of(batch), strict=True)
    )
    assert encode(batch, "hec", HecFields()) == expected


def test_splunks_indexed_fields_are_tags_labels_and_the_uuid():
    front = (
        b'{"_okta_event_type":"systemLog","_okta_tenant":"acme","_okta_org":"acme.okta.com","_okta_category":"security","_okta_action":"sign_in",'
        b'"_okta_source":"poll","_okta_ingested_at":"2026-05-01T09:30:00.000Z","_okta_labels":{"customer":"Acme \\"1\\""},'
    )
    head = Head('a"1', FIRST_PUBLISHED)
    assert envelope(Batch((Documents("acme", [head], [front], [b'"n":1}']),)), HecFields())["fields"] == {
        "uuid": 'a"1', "okta.tenant": "acme", "okta.event_type": "systemLog", "okta.org": "acme.okta.com", "okta.category": "security",
        "okta.action": "sign_in", "okta.source": "poll", "okta.labels.customer": 'Acme "1"',
    }  # fmt: skip
    other = Batch((Documents("acme", [head], [b'{"metadata":{"uid":'], [b'"1"},"n":1}']),))
    assert envelope(other, HecFields())["fields"] == {"uuid": 'a"1', "okta.tenant": "acme"}


def envelope(batch: Batch, fields: HecFields) -> dict[str, object]:
    return json.loads(encode(batch, "hec", fields))


def test_splunk_fields_are_as_configured(make_batch):
    fields = HecFields(source='s"1', sourcetype="okta:json", index="security", host="collector")
    sent = envelope(make_batch("1"), fields)
    assert [sent[name] for name in ("source", "sourcetype", "index", "host")] == ['s"1', "okta:json", "security", "collector"]


def test_an_empty_splunk_field_is_left_to_the_token(make_batch):
    assert envelope(make_batch("1"), HecFields(source="", sourcetype="")).keys() == {"time", "host", "fields", "event"}


def test_each_organisation_is_a_host_of_its_own(make_part):
    batch = Batch((make_part("acme", "1", org="login.acme.com"), make_part("globex", "2")))
    _, envelopes = events_in(encode(batch, "hec", HecFields()), "application/json")
    assert [sent["host"] for sent in envelopes] == ["login.acme.com", "globex.okta.com"]


@pytest.mark.parametrize(
    ("prefix", "body", "host"),
    [
        (b"", b'{"_okta_tenant":"acme","_okta_org":"acme.okta.com","n":1}', "acme.okta.com"),
        (b'{"event":{"dataset":"okta.system"},', b'"n":1}', "acme"),
        (b'{"unmapped":{"_okta_event_type":"systemLog","_okta_org":"acme.okta.com"', b'},"n":1}', "acme.okta.com"),
        (b"", b'{"unmapped":{"_okta_org":"acme.okta.com"},"n":1}', "acme.okta.com"),
        (
            b'{"data_stream":{"type":"logs"},"ecs":{"version":"8.11.0"},"tags":["x"],"okta":{"event_type":"a\\"b","pipeline":'
            b'{"tenant":"acme","org":"acme.okta.com"}',
            b'},"n":1}',
            "acme.okta.com",
        ),
        (
            b"",
            b'{"data_stream":{"type":"logs"},"ecs":{"version":"8.11.0"},"okta":{"event_type":"a","pipeline":{"org":"acme.okta.com"}}}',
            "acme.okta.com",
        ),
        (b'{"unmapped":{"_okta_tenant":"acme"', b',"actor":{"_okta_org":"evil.example.com"}}}', "acme"),
        # What Okta sent is no word of ours, whatever it holds.
        (b'{"_okta_tenant":"acme",', b'"actor":{"_okta_org":"evil.example.com"},"_okta_org":"evil.example.com"}', "acme"),
    ],
)
def test_the_host_is_read_from_our_own_members_only(make_part, prefix, body, host):
    heads = make_part("acme", "1").heads
    assert envelope(Batch((Documents("acme", heads, [prefix], [body]),)), HecFields())["host"] == host
