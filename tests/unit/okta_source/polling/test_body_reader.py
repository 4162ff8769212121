"""What a body holds, and what asking for it again brings."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from okta_source.polling.body_reader import DECODE_TRIES, BodyReader, Decoded, Undecodable
from okta_source.polling.outcome import Response

NOW = datetime(2024, 5, 1, tzinfo=UTC)
EVENT = b'{"uuid":"u-1","published":"2024-05-01T00:00:00Z","eventType":"user.session.start"}'


def answered(body: bytes | bytearray, *, is_cut: bool = False) -> Response:
    return Response(200, {}, body, is_cut=is_cut)


def test_events_are_cut_and_what_is_none_is_told_with_the_tries_that_it_took() -> None:
    reader = BodyReader("acme", "https://acme.okta.com")
    assert isinstance(reader.read(answered(b"<html>"), NOW, may_skip=True), Undecodable)
    read = reader.read(answered(b"[" + EVENT + b",7]"), NOW + timedelta(seconds=5), may_skip=True)
    assert isinstance(read, Decoded)
    assert [head.uuid for head in read.sliced.heads] == ["u-1"]
    (malformed,) = read.malformed
    assert (malformed.tenant, malformed.raw, malformed.attempts) == ("acme", b"7", 2)
    assert (malformed.first_at, malformed.last_at) == (NOW, NOW + timedelta(seconds=5))
    read = reader.read(answered(b"[8]"), NOW + timedelta(seconds=9), may_skip=True)
    assert isinstance(read, Decoded)
    assert [(letter.attempts, letter.first_at) for letter in read.malformed] == [(1, NOW + timedelta(seconds=9))]


def test_a_body_that_stays_unreadable_becomes_a_letter_and_counting_begins_anew() -> None:
    reader = BodyReader("acme", "https://acme.okta.com")
    for round_ in range(2):
        for attempt in range(DECODE_TRIES):
            read = reader.read(answered(bytearray(b"<html>")), NOW + timedelta(seconds=attempt), may_skip=True)
            assert isinstance(read, Undecodable)
            assert (read.letter is None) == (attempt < DECODE_TRIES - 1), (round_, attempt)
            assert "HTML" in read.failure.message
            assert "not Okta's API" in read.failure.fix
        assert read.letter
        assert (read.letter.raw, read.letter.attempts, read.letter.first_at) == (b"<html>", DECODE_TRIES, NOW)


def test_where_nothing_says_how_to_go_on_it_is_asked_for_without_end() -> None:
    reader = BodyReader("acme", "https://acme.okta.com")
    for _ in range(3 * DECODE_TRIES):
        read = reader.read(answered(b"<html>"), NOW, may_skip=False)
        assert isinstance(read, Undecodable)
        assert read.letter is None


@pytest.mark.parametrize(
    ("body", "is_cut"),
    [
        (b"[" + EVENT + b",1" * 524_288 + b"]", False),
        (b"[" + b",".join([EVENT] * 2_001) + b"]", False),
        (b"<html>" * 1_000_000, False),
        (b"[" + EVENT + b",", True),
    ],
    ids=["a bomb of numbers", "too many events", "a large page of HTML", "a body that was not read to its end"],
)
def test_what_no_page_can_be_is_one_failure_after_the_other_and_in_the_end_one_small_letter(*, body: bytes, is_cut: bool) -> None:
    reader = BodyReader("acme", "https://acme.okta.com")
    reads = [reader.read(answered(body, is_cut=is_cut), NOW, may_skip=True) for _ in range(DECODE_TRIES)]
    assert [isinstance(read, Undecodable) and read.letter is None for read in reads] == [True] * (DECODE_TRIES - 1) + [False]
    last = reads[-1]
    assert isinstance(last, Undecodable)
    assert last.letter is not None
    if len(body) <= 4 * 1024 * 1024 and not is_cut:
        assert last.letter.raw == body  # as large as a page of events may be: those in it are kept
        return
    assert last.letter.raw == body[:65_536]
    assert sha256(body).hexdigest() in last.letter.reason
    assert f"{len(body):,} bytes" in last.letter.reason


def test_a_page_of_half_an_emoji_and_too_many_elements_is_not_salvaged_without_end() -> None:
    reader = BodyReader("acme", "https://acme.okta.com")
    odd = EVENT[:-1] + b',"x":"\\ud83d"}'
    body = b"[" + odd + b",1" * 100_000 + b"]"
    for _ in range(2):
        read = reader.read(answered(body), NOW, may_skip=True)
        assert isinstance(read, Undecodable)
