"""What a body holds, and what asking for it again brings."""

from datetime import UTC, datetime, timedelta

from okta_source.polling.body_reader import DECODE_TRIES, BodyReader, Decoded, Undecodable

NOW = datetime(2024, 5, 1, tzinfo=UTC)
EVENT = b'{"uuid":"u-1","published":"2024-05-01T00:00:00Z","eventType":"user.session.start"}'


def test_events_are_cut_and_what_is_none_is_told_with_the_tries_that_it_took() -> None:
    reader = BodyReader("acme")
    assert isinstance(reader.read(b"<html>", NOW, may_skip=True), Undecodable)
    read = reader.read(b"[" + EVENT + b",7]", NOW + timedelta(seconds=5), may_skip=True)
    assert isinstance(read, Decoded)
    assert [head.uuid for head in read.sliced.heads] == ["u-1"]
    (malformed,) = read.malformed
    assert (malformed.tenant, malformed.raw, malformed.attempts) == ("acme", b"7", 2)
    assert (malformed.first_at, malformed.last_at) == (NOW, NOW + timedelta(seconds=5))
    read = reader.read(b"[8]", NOW + timedelta(seconds=9), may_skip=True)
    assert isinstance(read, Decoded)
    assert [(letter.attempts, letter.first_at) for letter in read.malformed] == [(1, NOW + timedelta(seconds=9))]


def test_a_body_that_stays_unreadable_becomes_a_letter_and_counting_begins_anew() -> None:
    reader = BodyReader("acme")
    for round_ in range(2):
        for attempt in range(DECODE_TRIES):
            read = reader.read(bytearray(b"<html>"), NOW + timedelta(seconds=attempt), may_skip=True)
            assert isinstance(read, Undecodable)
            assert (read.letter is None) == (attempt < DECODE_TRIES - 1), (round_, attempt)
            assert "HTML" in read.failure.message
        assert read.letter
        assert (read.letter.raw, read.letter.attempts, read.letter.first_at) == (b"<html>", DECODE_TRIES, NOW)


def test_where_nothing_says_how_to_go_on_it_is_asked_for_without_end() -> None:
    reader = BodyReader("acme")
    for _ in range(3 * DECODE_TRIES):
        read = reader.read(b"<html>", NOW, may_skip=False)
        assert isinstance(read, Undecodable)
        assert read.letter is None
