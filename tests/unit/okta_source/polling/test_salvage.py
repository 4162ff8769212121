"""A body that the fast decoder refuses as a whole, taken apart element by element."""

import pytest

from okta_source.polling.event import PageError, slice_page
from okta_source.polling.salvage import salvage

HEAD = b'"uuid":"u1","published":"2026-03-01T12:00:00.123Z","eventType":"user.session.start"'
GOOD = b"{" + HEAD + b"}"


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (b"{" + HEAD + b',"x":"\xff"}', "utf-8"),
        (b"{" + HEAD + b',"x":"\xed\xa0\x80"}', "utf-8"),
        (b'{"uuid":"\\ud800","published":"2026-03-01T12:00:00.123Z","eventType":"a"}', "surrogates"),
        (b"{" + HEAD + b',"x":NaN}', "NaN"),
        (b"{" + HEAD + b',"x":"\x01"}', "control character"),
        (b"{" + HEAD + b',"x":"\\q"}', "escape"),
        (b"{" + HEAD + b',"x":01}', "not an event"),
        (b"{" + HEAD + b',"x":"\\q\\"}],[{","y":[{},[]]}', "escape"),
        (b'{"uuid":"u2","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "too deeply"),
        (GOOD + b" " + GOOD, "Extra data"),
        (b"17", "xpected"),
        (b'{"uuid":"u2"}', "published"),
    ],
)
def test_a_bad_element_is_set_aside_and_the_others_go_on(element: bytes, reason: str) -> None:
    page = salvage(b"[" + GOOD + b",\n" + element + b" ," + GOOD + b"]\n")
    assert list(page.bodies) == [GOOD[1:], GOOD[1:]]
    assert [head.uuid for head in page.heads] == ["u1", "u1"]
    assert page.events == 3  # what the page limit counts
    ((raw, why, _, _),) = page.malformed
    assert raw == element
    assert reason in why


def test_half_a_surrogate_pair_in_a_name_is_an_event_like_any_other() -> None:
    element = b"{" + HEAD + b',"actor":{"displayName":"half \\ud83d"}}'
    body = b"[" + GOOD + b"," + element + b"]"
    with pytest.raises(PageError):
        slice_page(body)
    page = salvage(body)
    assert [b"{" + bytes(kept) for kept in page.bodies] == [GOOD, element]
    assert not page.malformed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" + GOOD,
        b"[" + GOOD + b"," + GOOD[:40],
        b"[" + GOOD + b"] and more",
        b"[" + GOOD + b",]",
        b'[{"uuid":"\\ud800"}]',
        b"[" + GOOD + b'],[{"x":"\\ud800"}]',
        b"[" * 100_000,
    ],
)
def test_where_the_brackets_do_not_add_up_nothing_is_certain(body: bytes) -> None:
    with pytest.raises(PageError):
        salvage(body)
