from dataclasses import replace

import pytest

from sinks.dead_letters.line import decode, encode
from tests.unit.sinks.dead_letters.test_sink import LETTER

LINE = encode(LETTER)


@pytest.mark.parametrize(
    "event",
    [
        b'{"a" : 1.0,"\xc3\xa9":"\\u00e9"}',
        b'{"lone":"\\ud800"}',
        b'{"number":' + b"1" * 5000 + b"}",
        b'{"deep":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":',
        b"",
        b'"text"',
        b'"\\ud800"',
        b"[1]",
        b'{"trap":",\\"event\\":{}"}',
    ],
)
def test_an_event_comes_back_as_the_sink_was_given_it(event):
    assert decode(encode(replace(LETTER, event=event))).event == event


@pytest.mark.parametrize(
    "changes",
    [
        {"status": None},
        {"uuid": None, "published": None},
        {"published": "yesterday"},
        {"reason": 'line\nbreak "quote" \ud800 é ,"event":'},
        {"reason": "\ud800", "event": b'{"lone":"\\udfff"}'},
        {"event": b'{"a":"\xff"}'},
        {"tenant": "zoë", "attempts": 0, "format": "ecs"},
    ],
)
def test_a_letter_that_was_read_makes_the_same_line_again(changes):
    line = encode(replace(LETTER, **changes))
    letter = decode(line)
    assert encode(letter) == line
    assert letter.reason == changes.get("reason", LETTER.reason)


def test_moments_and_figures_come_back():
    letter = decode(LINE)
    assert replace(letter, published=LETTER.published) == LETTER
    assert letter.published == "2024-05-01T12:00:00.000Z"


def test_another_spelling_of_the_same_letter_is_one_too():
    spaced = LINE.replace(b'","', b'" , "').replace(b',"event":', b', "event" : ').replace(b"\n", b" \r\n")
    assert decode(spaced) == decode(LINE)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"nonsense\n", "not JSON"),
        (LINE[: len(LINE) // 2], "cut off"),
        (LINE[:-3] + b"\n", "cut off|not JSON"),
        (b"[1]\n", "members"),
        (b"{}\n", "members.*tenant"),
        (LINE.replace(b'"attempts":2', b'"attempts":"2"'), "attempts"),
        (LINE.replace(b'"raw"', b'"xml"'), "format"),
        (LINE.replace(b'"reason":"mapper_parsing_exception: field [ip]"', b'"reason":7'), "reason"),
        (LINE.replace(b"00:00:01.500Z", b"00:00:01.500"), "last_attempt_at"),
        (LINE.replace(b"1.0", b'"\xff"'), "UTF-8"),
        (LINE.replace(b"1.0", b"01"), "not JSON"),
        (LINE.replace(b"1.0", b'"\\ud800"').replace(b'"status":400', b'"status":"x"'), "status"),
    ],
)
def test_what_is_no_letter_is_told(line, why):
    with pytest.raises(ValueError, match=why):
        decode(line)
