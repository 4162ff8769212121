"""A page is cut into events without a byte of them being changed."""

import json
import pickle
import tracemalloc
from datetime import UTC, datetime

import pytest

from okta_source.polling.event import MOST_EVENTS, Batch, PageError, slice_page
from tests.unit.okta_source.fakes import event

HEAD = b'"uuid":"u1","published":"2026-03-01T12:00:00.123Z","eventType":"user.session.start"'
GOOD = b"{" + HEAD + b"}"


def cut(page: bytes) -> list[bytes]:
    """The events of a page, whole again: the opening brace is cut off."""
    return [b"{" + body for body in slice_page(page).bodies]


@pytest.mark.parametrize(
    "member",
    [
        b'"unknown":{"a":[1,{"b":null}]}',
        b'"n":12345678901234567890123',
        b'"n":1e3,"m":1.0,"o":-0.0,"p":1E+2',
        rb'"s":"\u00e9\/\"\\\n\t\ud83d\ude00"',
        '"s":"é 漢字 😀 \u2028 \u2029 \x7f \x85"'.encode(),
        b'"spaced" :  [ 1 ,\t2 ]  ,"x":{ }',
        b'"twice":1,"twice":2',
        b'"s":"}],[{","t":"\\\\"',
        b'"client":null,"target":null',
        b'"deep":' + b"[" * 400 + b"]" * 400,
    ],
)
def test_every_byte_of_an_event_is_kept(member: bytes) -> None:
    odd = b"{" + member + b"," + HEAD + b"," + member + b"}"
    assert cut(b"[" + GOOD + b"," + odd + b"]") == [GOOD, odd]
    assert cut(b" [ " + odd + b" ,\t" + GOOD + b" ] ") == [odd, GOOD]


def test_line_breaks_between_tokens_become_spaces_and_nothing_else_changes() -> None:
    pretty = json.dumps([event(1), event(2, debug={"a": ["x\ny\r", 1]})], indent=2).replace("\n", "\r\n").encode()
    first, second = cut(pretty)
    assert b"\n" not in first + second
    assert b"\r" not in first + second
    assert [json.loads(first), json.loads(second)] == [event(1), event(2, debug={"a": ["x\ny\r", 1]})]
    assert first + b" " * pretty.count(b"\r") in first + b" " * 100  # the same length as sent
    assert len(first) == len(pretty[pretty.index(b"{") : pretty.index(b"}") + 1])


def test_heads_stand_beside_their_bodies() -> None:
    page = slice_page(json.dumps([event(1), event(2, eventType="a.b")]).encode())
    assert [head.uuid for head in page.heads] == [event(1)["uuid"], event(2)["uuid"]]
    assert [head.event_type for head in page.heads] == ["user.session.start", "a.b"]
    assert page.heads[0].published == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (page.events, list(page.malformed)) == (2, [])


@pytest.mark.parametrize("body", [b"[]", b" [\n] "])
def test_an_empty_array_is_a_page_without_events(body: bytes) -> None:
    page = slice_page(body)
    assert (page.events, list(page.heads), list(page.bodies), list(page.malformed)) == (0, [], [], [])


@pytest.mark.parametrize(
    ("element", "reason", "uuid", "published"),
    [
        (b"1", "object", None, None),
        (b"null", "object", None, None),
        (b'"text"', "object", None, None),
        (b"[" + GOOD + b"]", "object", None, None),
        (b"{}", "uuid", None, None),
        (b'{"uuid":"u2","eventType":"a"}', "published", "u2", None),
        (b'{"uuid":"u2","published":"2026-03-01T12:00:00.000Z"}', "eventType", "u2", "2026-03-01T12:00:00.000Z"),
        (b'{"uuid":"u2","published":"yesterday","eventType":"a"}', "published", "u2", "yesterday"),
        (b'{"uuid":"u2","published":"2026-03-01T12:00:00","eventType":"a"}', "timezone", "u2", "2026-03-01T12:00:00"),
        (b'{"uuid":7,"published":8,"eventType":"a"}', "uuid", None, None),
        (b'{"uuid":"","published":"2026-03-01T12:00:00.000Z","eventType":"a"}', "length", "", "2026-03-01T12:00:00.000Z"),
    ],
)
def test_a_malformed_element_is_set_aside_and_the_others_go_on(
    element: bytes, reason: str, uuid: str | None, published: str | None
) -> None:
    page = slice_page(b"[" + GOOD + b"," + element + b"," + GOOD + b"]")
    assert list(page.bodies) == [GOOD[1:], GOOD[1:]]
    assert [head.uuid for head in page.heads] == ["u1", "u1"]
    assert page.events == 3  # what the page limit counts
    ((raw, why, found_uuid, found_published),) = page.malformed
    assert raw == element
    assert reason in why
    assert (found_uuid, found_published) == (uuid, published)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'{"errorCode":"E0000001"}', "object"),
        (b"null", "array"),
        (b"[" + GOOD, "array"),
        (b"[" + GOOD + b"," + GOOD[:40], "array"),
        (b"[" + GOOD + b"] and more", "array"),
        (b"[" + GOOD + b",]", "array"),
        (b'[{"uuid":"\\ud800"}]', "array"),
        (b"[" + GOOD + b"," + GOOD[:-3], "array"),
        (b"[" + GOOD + b'],[{"x":"\\ud800"}]', "array"),
        (b"[" * 100_000, "array"),
        (b"[" + GOOD + b',{"x":"\xff"}]', "UTF-8"),
        (b"[" + GOOD + b"," + GOOD.replace(b'"u1"', b'"\xff"') + b"]", "UTF-8"),
        (b"[" + GOOD + b',{"x":"\\ud800"}]', "array"),
        (b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "array"),
    ],
)
def test_a_body_that_is_no_array_is_told_apart(body: bytes, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        slice_page(body)


def test_bodies_are_views_of_the_page() -> None:
    page = slice_page(b"[" + GOOD + b"]")
    assert isinstance(page.bodies[0], memoryview)


def test_a_batch_survives_pickling() -> None:
    page = slice_page(b"[" + GOOD + b"]")
    received_at = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
    copy = pickle.loads(pickle.dumps(Batch("acme", "poll", received_at, page.heads, page.bodies)))  # noqa: S301
    assert copy == Batch("acme", "poll", received_at, page.heads, [GOOD[1:]])
    assert isinstance(copy.bodies[0], bytes)


OFFSETS = [f"{sign}{hours:02d}:{minutes:02d}" for sign in "+-" for hours in range(24) for minutes in (0, 1, 30, 59)]


def placed(published: str, more: bytes = b"") -> bytes:
    return b'{"uuid":"u","published":"' + published.encode() + b'","eventType":"user.session.start"' + more + b"}"


@pytest.mark.parametrize("wall", ["0001-01-01T00:00:00", "0001-01-01T23:59:59.999999", "9999-12-31T00:00:00", "9999-12-31T23:59:59.999999"])
def test_at_the_ends_of_the_calendar_what_is_a_moment_in_utc_goes_on_and_what_is_none_is_no_event(wall: str) -> None:
    for offset in OFFSETS:
        sliced = slice_page(b"[" + GOOD + b"," + placed(wall + offset) + b"]")
        try:
            moment = datetime.fromisoformat(wall + offset).astimezone(UTC)
        except OverflowError:
            assert [published for _, _, _, published in sliced.malformed] == [wall + offset]
            assert "no moment in UTC" in sliced.malformed[0][1]
            assert len(sliced.heads) == 1
        else:
            assert not sliced.malformed
            assert sliced.heads[1].published == moment
            assert sliced.newest == max(head.published for head in sliced.heads)


@pytest.mark.parametrize(
    "name",
    [b"_okta_tenant", b"_okta_", b"_okta_anything", rb"\u005fokta_tenant", rb"_\u006Fkt\u0061_org", rb"_o\u006bta_x", rb"_ok\u0074a_x"],
)
def test_an_event_with_a_member_of_the_pipelines_own_is_malformed(name: bytes) -> None:
    forged = placed("2026-03-01T12:00:00Z", b',"' + name + b'":"other"')
    sliced = slice_page(b"[" + forged + b"," + GOOD + b"]")
    assert [(raw, uuid) for raw, _, uuid, _ in sliced.malformed] == [(forged, "u")]
    assert json.loads(b'"' + name + b'"') in sliced.malformed[0][1]
    assert [head.uuid for head in sliced.heads] == ["u1"]


@pytest.mark.parametrize(
    "more",
    [b',"x":"_okta_tenant"', b',"x":{"_okta_tenant":1}', rb',"x":"\u005fokta_"', rb',"\u0061":1', b',"okta_tenant":1', b',"x":"\\u0027"'],
)
def test_text_and_inner_members_of_such_names_are_the_events_own(more: bytes) -> None:
    event_bytes = placed("2026-03-01T12:00:00Z", more)
    assert cut(b"[" + event_bytes + b"]") == [event_bytes]


def test_a_page_has_at_most_twice_what_okta_sends() -> None:
    assert slice_page(b"[" + b",".join([GOOD] * MOST_EVENTS) + b"]").events == MOST_EVENTS
    for page in (b"[" + b",".join([GOOD] * (MOST_EVENTS + 1)) + b"]", b"[" + GOOD + b",1" * MOST_EVENTS + b"]"):
        with pytest.raises(PageError, match="more than 2,000 elements"):
            slice_page(page)


def test_a_bomb_of_elements_is_refused_before_anything_is_made_of_them() -> None:
    page = b"[" + GOOD + b",1" * 8_000_000 + b"]"
    tracemalloc.start()
    try:
        with pytest.raises(PageError, match="more than 2,000 elements"):
            slice_page(page)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
