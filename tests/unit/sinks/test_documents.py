import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sinks.documents import Documents, rfc3339


@pytest.fixture
def documents(make_page) -> Documents:
    return make_page("acme", (1, "2024-05-01T10:00"), (2, "2024-05-01T09:00"), (3, "2024-05-01T11:00"))


def test_a_document_is_its_prefix_and_its_body(documents):
    assert documents.document(1) == b'{"_okta_tenant":"acme","n":2}'


def test_ndjson_ends_every_document_with_a_line_feed(documents):
    assert documents.ndjson() == b"".join(documents.document(i) + b"\n" for i in range(3))


def test_a_page_survives_pickling(documents):
    copy = pickle.loads(pickle.dumps(documents))  # noqa: S301
    assert copy.ndjson() == documents.ndjson()
    assert copy.heads == documents.heads
    assert copy.tenant == "acme"


def test_take_keeps_the_order_given(documents):
    taken = documents.take([2, 0])
    assert [head.uuid for head in taken.heads] == ["3", "1"]
    assert taken.ndjson() == documents.document(2) + b"\n" + documents.document(0) + b"\n"
    assert len(taken) == 2


def test_span_looks_at_every_event(documents):
    earliest, latest = documents.span()
    assert (earliest.hour, latest.hour) == (9, 11)


def test_a_page_cannot_be_changed(documents):
    with pytest.raises(AttributeError):
        documents.tenant = "other"


def test_rfc3339_is_utc_with_milliseconds():
    moment = datetime(2024, 5, 1, 1, 30, 0, 123_999, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(moment) == "2024-04-30T23:30:00.123Z"
    assert rfc3339(datetime(2024, 5, 1, tzinfo=UTC)) == "2024-05-01T00:00:00.000Z"
