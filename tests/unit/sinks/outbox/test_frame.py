from datetime import UTC, datetime

import pytest

from sinks.documents import Documents
from sinks.outbox.frame import LENGTHS_BYTES, Damaged, encode, frame_head, read_frame, read_lengths
from tests.unit.sinks.scripted_target import Head

AT = 1_777_627_800.25
PAGE = Documents(
    "acme",
    [
        Head('odd " uuid\u2028', datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC), "user.session.start"),
        Head("2", datetime(1, 1, 1, tzinfo=UTC), ""),
    ],
    [b'{"_okta_tenant":"acme",', b"{"],
    [memoryview(b'"n":1,"bytes":"\xff\xfe"}'), b'"n":2}'],
)


def framed(documents: Documents) -> bytes:
    size, pieces = encode(documents, AT)
    data = b"".join(pieces)
    assert len(data) == size
    return data


def test_a_page_comes_back_as_it_was_with_its_parts_where_they_met():
    data = framed(PAGE)
    lengths = read_lengths(data[:LENGTHS_BYTES])
    assert lengths.whole == len(data)
    documents, at = read_frame(data[LENGTHS_BYTES:], lengths, "origin")
    assert at == AT
    assert (documents.tenant, documents.origin) == ("acme", "origin")
    assert [(head.uuid, head.published, head.event_type) for head in documents.heads] == [
        (head.uuid, head.published, head.event_type) for head in PAGE.heads
    ]
    assert documents.prefixes == PAGE.prefixes
    assert [bytes(body) for body in documents.bodies] == [bytes(body) for body in PAGE.bodies]
    assert frame_head(data[LENGTHS_BYTES:][: lengths.head]) == (AT, 2)


def test_people_can_read_it():
    lines = framed(PAGE).split(b"\n")
    assert len(lines) == 5
    assert lines[1].startswith(b'{"v":1,"at":1777627800.25,"tenant":"acme","uuids":[')
    assert lines[2] == PAGE.document(0)


@pytest.mark.parametrize("line", [b"", b"x" * LENGTHS_BYTES, b"0000000a 000000000b ", b"0000000a_000000000b\n", b"\0" * LENGTHS_BYTES])
def test_what_is_no_frame_is_told(line):
    with pytest.raises(Damaged):
        read_lengths(line)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b'"v":1', b'"v":9'),
        lambda data: data.replace(b'"uuids":[', b'"uuids":{'),
        lambda data: data.replace(b'"n":2}', b'"n":\n}'),
        lambda data: data.replace(b'"n":2}\n', b'"n":2}}'),
        lambda data: data.replace(b"\n{", b"{"),
        lambda data: data[:-1] + b"x",
        lambda data: b"\0" * len(data),
    ],
)
def test_a_damaged_frame_is_told(change):
    data = framed(PAGE)
    lengths = read_lengths(data[:LENGTHS_BYTES])
    with pytest.raises(Damaged):
        read_frame(change(data[LENGTHS_BYTES:]), lengths)
