import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sinks.delivery.batch import Batch
from sinks.elasticsearch.bulk import BulkEncoder
from tests.unit.sinks.elasticsearch.conftest import batch, part

DAY = datetime(2026, 11, 22, tzinfo=UTC)


def lines(body: bytes) -> list[tuple[dict, bytes]]:
    """Action and source of each document."""
    assert body.endswith(b"\n")
    split = body[:-1].split(b"\n")
    return [(json.loads(action), source) for action, source in zip(split[::2], split[1::2], strict=True)]


def test_the_bytes():
    sent = Batch((part("acme", "a", "b"), part("globex", "c")))
    assert BulkEncoder("logs-okta").encode(sent) == (
        b'{"create":{"_index":"logs-okta","_id":"a"}}\n{"@timestamp":"2026-05-01T09:30:00.123Z","_okta_tenant":"acme","n":0}\n'
        b'{"create":{"_index":"logs-okta","_id":"b"}}\n{"@timestamp":"2026-05-01T09:30:01.123Z","_okta_tenant":"acme","n":1}\n'
        b'{"create":{"_index":"logs-okta","_id":"c"}}\n{"@timestamp":"2026-05-01T09:30:00.123Z","_okta_tenant":"globex","n":0}\n'
    )


@pytest.mark.parametrize(
    ("published", "timestamp"),
    [
        (datetime(2024, 5, 1, 9, 30, 0, 123_000, UTC), "2024-05-01T09:30:00.123Z"),
        (datetime(2024, 5, 1, 9, 30, 0, 120_000, UTC), "2024-05-01T09:30:00.120Z"),
        (datetime(2024, 5, 1, 9, 30, 0, 0, UTC), "2024-05-01T09:30:00.000Z"),
        (datetime(2000, 10, 20, 0, 0, 0, 0, UTC), "2000-10-20T00:00:00.000Z"),
        (datetime(2024, 5, 1, 9, 30, 0, 123_456, UTC), "2024-05-01T09:30:00.123456Z"),
        (datetime(2024, 5, 1, 9, 30, 0, 1, UTC), "2024-05-01T09:30:00.000001Z"),
        (datetime(2024, 5, 1, 1, 30, 0, 5_000, timezone(timedelta(hours=2))), "2024-04-30T23:30:00.005Z"),
        (datetime(2024, 5, 1, 9, 30, 0, 5_000, timezone(timedelta(0))), "2024-05-01T09:30:00.005Z"),
        (datetime(1, 1, 1, 0, 0, 0, 5_000, timezone(timedelta(hours=2))), "0001-01-01T00:00:00.005Z"),
    ],
)
def test_timestamp_is_published(published, timestamp):
    # Beside others: what one needs must not change those.
    moments = [DAY + timedelta(milliseconds=1), published, DAY]
    sources = [json.loads(source) for _, source in lines(BulkEncoder("x").encode(batch("a", "b", "c", published=moments)))]
    assert [source["@timestamp"] for source in sources] == ["2026-11-22T00:00:00.001Z", timestamp, "2026-11-22T00:00:00.000Z"]


@pytest.mark.parametrize("uuid", ["with space", 'quote"', "back\\slash", "line\nbreak", "nul\0", "\x7f", "ünïcode", "\ud800", "", " "])
def test_any_uuid_is_valid_json(uuid):
    actions = [action for action, _ in lines(BulkEncoder("x").encode(batch("plain", uuid, "other")))]
    assert [action["create"]["_id"] for action in actions] == ["plain", uuid, "other"]


def test_each_document_keeps_its_own_prefix():
    mixed = part("acme", "a", "b", "c")
    mixed.prefixes[1] = b'{"other":true,'
    sources = [source for _, source in lines(BulkEncoder("x").encode(Batch((mixed,))))]
    assert [source.split(b",", 1)[1] for source in sources] == [
        b'"_okta_tenant":"acme","n":0}',
        b'"other":true,"n":1}',
        b'"_okta_tenant":"acme","n":2}',
    ]


@pytest.mark.parametrize(
    ("target", "indices"),
    [
        ("logs-okta", ["logs-okta"] * 4),
        ("logs-{tenant}", ["logs-acme"] * 3 + ["logs-globex"]),
        ("logs-{date}", ["logs-2026-11-21", "logs-2026-11-22", "logs-2026-11-21", "logs-2026-11-22"]),
        ("{tenant}-{date}-{tenant}", ["acme-2026-11-21-acme", "acme-2026-11-22-acme", "acme-2026-11-21-acme", "globex-2026-11-22-globex"]),
    ],
)
def test_each_document_goes_to_its_index(target, indices):
    # The third is 01:00 in a zone two hours ahead: the day before, in UTC.
    moments = [DAY - timedelta(microseconds=1), DAY, DAY.replace(hour=1, tzinfo=timezone(timedelta(hours=2)))]
    sent = Batch((part("acme", "a", "b", "c", published=moments), part("globex", "d", published=[DAY])))
    encoder = BulkEncoder(target)
    assert [action["create"]["_index"] for action, _ in lines(encoder.encode(sent))] == indices
    assert list(encoder.indices(sent)) == indices


def test_an_unknown_placeholder_is_refused():
    with pytest.raises(ValueError, match=r"\{hour\}.*placeholders are \{tenant\} and \{date\}"):
        BulkEncoder("logs-{hour}")


def test_events_of_unlikely_times_share_an_index():
    moments = [DAY - timedelta(days=400), DAY, DAY + timedelta(days=3), DAY.replace(year=1), DAY.replace(year=9999)]
    sent = Batch((part("acme", *"abcde", published=moments),))
    encoder = BulkEncoder("logs-{date}", lambda: DAY)
    assert list(encoder.indices(sent)) == ["logs-other", "logs-2026-11-22", "logs-other", "logs-other", "logs-other"]
    assert [action["create"]["_index"] for action, _ in lines(encoder.encode(sent))] == list(encoder.indices(sent))
