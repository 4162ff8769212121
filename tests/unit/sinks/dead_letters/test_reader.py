from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sinks.dead_letters.line import encode
from sinks.dead_letters.reader import head_of, read_lines, to_documents
from tests.unit.sinks.dead_letters.test_sink import LETTER

EVENT = b'{"_okta_tenant":"acme","uuid":"u-1","published":"2024-05-01T09:30:00.123Z","eventType":"user.session.start"}'


def test_lines_have_their_place_and_bad_ones_their_problem(tmp_path):
    path = tmp_path / "x.ndjson"
    good = encode(LETTER)
    path.write_bytes(good + b"\n" + b"edited\n" + good[:-1])
    lines = list(read_lines(path))
    assert [(line.number, line.letter is not None) for line in lines] == [(1, True), (3, False), (4, True)]
    data = path.read_bytes()
    assert [data[line.start : line.end] for line in lines] == [good, b"edited\n", good[:-1]]
    assert "JSON" in lines[1].problem


def test_a_line_of_20_megabytes(tmp_path):
    event = b'{"pad":"' + b"x" * 20_000_000 + b'"}'
    path = tmp_path / "x.ndjson"
    path.write_bytes(encode(replace(LETTER, event=event)) * 2)
    assert [line.letter.event == event for line in read_lines(path)] == [True, True]


def test_a_head_is_what_the_event_says():
    head = head_of(replace(LETTER, event=EVENT))
    assert head.uuid == "u-1"
    assert head.published == datetime(2024, 5, 1, 9, 30, 0, 123_000, tzinfo=UTC)
    assert head.event_type == "user.session.start"


@pytest.mark.parametrize("event", [b"{}", b'{"uuid":7,"published":"soon","eventType":null}', b'{"a":"\\ud800"}', b'{"a":' + b"[" * 5000])
def test_else_what_the_letter_says(event):
    head = head_of(replace(LETTER, event=event))
    assert (head.uuid, head.published, head.event_type) == ("6b2c", LETTER.published, "")


def test_an_event_that_only_pythons_parser_reads_has_a_head():
    event = EVENT.replace(b"acme", b"\\ud800")
    assert head_of(replace(LETTER, event=event)).event_type == "user.session.start"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"event": b"[1]"}, "no JSON object"),
        ({"event": b"text"}, "no JSON object"),
        ({"uuid": None, "event": b"{}"}, "no uuid"),
        ({"published": None, "event": b'{"published":"2024-05-01T09:30:00"}'}, "published"),
    ],
)
def test_what_no_sink_could_take_is_told(changes, why):
    with pytest.raises(ValueError, match=why):
        head_of(replace(LETTER, **changes))


def test_documents_are_the_very_bytes():
    letters = [replace(LETTER, event=event) for event in (EVENT, b'{ "a" : 1 }')]
    documents = to_documents("acme", [(head_of(letter), letter.event) for letter in letters])
    assert (documents.tenant, len(documents)) == ("acme", 2)
    assert [documents.document(index) for index in range(2)] == [letter.event for letter in letters]
