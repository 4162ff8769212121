"""Events and arrays of them, bent: real ones with some of their values, names and members exchanged."""

import json
import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from okta_source.simulator import Organisation
from tests.fuzz.odd import MOMENTS, NAMES, bend_bytes, one_of, value

__all__ = ["Shape", "array", "event"]

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_HEADS = (b'"uuid"', b'"published"', b'"eventType"')
_HOW_MANY = (0, 0, 0, 1, 1, 1, 1, 2, 2, 5)
_ELEMENTS = (1, 1, 1, 2, 2, 3, 0)
_COMMAS = (b",",) * 40 + (b" , ", b",\n", b"\r\n,") * 2 + (b",,", b" ", b";")
_TYPES = (b'"user.session.start"', b'"user.authentication.auth_via_mfa"', b'"group.user_membership.add"', b'"x"', '"ünï"'.encode())
_WRAPPERS = (
    (b'{"data":', b"}"),
    (b"[", b"]"),
    (b"", b","),
    (b"", b"]"),
    (b" \r\n", b"\n"),
    (b"\xef\xbb\xbf", b""),
    (b"", b"[]"),
    (b"x", b""),
)
_NO_ARRAYS = (
    b"", b" ", b"null", b"1", b'"x"', b"{}", b"[", b"]", b"[]", b"[]]", b"[,]", b"<html><body>sign in</body></html>", b"[" * 4_000, b"\xff",
    b'{"errorCode":"E0000004","errorSummary":"no"}', b"[null]", b"[[]]", b"[" + b"1," * 1_999 + b"1]", b"[" + b"1," * 2_000 + b"1]",
    b"\x1f\x8b",
)  # fmt: skip
_REPEATED = tuple(b'"%08x-0000-11f0-8000-00000000feed"' % number for number in range(40))


class Shape:
    """A well-formed event, with the places of all its values and members.

    Args:
        text: The event.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.values: list[tuple[int, int]] = []
        self.members: list[tuple[int, int]] = []
        self.heads: dict[bytes, tuple[int, int]] = {}
        self._tokens = [(match.start(), match.end()) for match in _TOKEN.finditer(text)]
        self._place = 0
        self._value(depth=0)

    def _value(self, depth: int) -> int:
        """Walk over one value; where it ends."""
        start, end = self._tokens[self._place]
        self._place += 1
        opening = self.text[start:end]
        if opening in (b"{", b"["):
            while self.text[self._tokens[self._place][0] : self._tokens[self._place][1]] not in (b"}", b"]"):
                begin, name_end = self._tokens[self._place]
                name = self.text[begin:name_end]
                if opening == b"{":
                    self._place += 2
                value_start = self._tokens[self._place][0]
                stop = self._value(depth + 1)
                if opening == b"{":
                    self.members.append((begin, stop))
                    if depth == 0 and name in _HEADS:
                        self.heads[name] = (value_start, stop)
                if self.text[self._tokens[self._place][0] : self._tokens[self._place][1]] == b",":
                    self._place += 1
            end = self._tokens[self._place][1]
            self._place += 1
        if depth:
            self.values.append((start, end))
        return end


@cache
def _shapes() -> Sequence[Shape]:
    """A simulator's events, and the shortest that there can be."""
    organisation = Organisation("acme", seed=11, events=40, now=datetime(2026, 3, 1, 12, tzinfo=UTC))
    real = [json.loads(text) for text in organisation.persisted()][::4]
    small = [{name: found[name] for name in ("uuid", "published", "eventType", "severity", "actor", "outcome")} for found in real]
    least = {"uuid": "u", "published": "2026-03-01T11:59:00.000Z", "eventType": "user.session.start"}
    texts = [json.dumps(each, separators=(",", ":")).encode() for each in (*real[:2], *small, *small, least, least, least)]
    return [Shape(text) for text in texts]


def event(rng: random.Random) -> bytes:
    """An event; a third of them are whole, each with a uuid of its own or one of a few."""
    shape = one_of(rng, _shapes())
    uuid = one_of(rng, _REPEATED) if rng.random() < 0.08 else b'"%08x-0000-11f0-8000-0000%08x"' % (rng.getrandbits(32), rng.getrandbits(32))
    changes = {shape.heads[b'"uuid"']: uuid}
    for _ in range(one_of(rng, _HOW_MANY)):
        span, piece = _change(rng, shape)
        changes[span] = piece
    text = shape.text
    pieces, place = [], 0
    for (start, end), piece in sorted(changes.items()):
        if start >= place:
            pieces += [text[place:start], piece]
            place = end
    pieces.append(text[place:])
    return b"".join(pieces)


def _change(rng: random.Random, shape: Shape) -> tuple[tuple[int, int], bytes]:
    kind = int(rng.random() * 8)
    if kind <= 1:
        return shape.heads[b'"published"'], one_of(rng, MOMENTS)
    if kind == 2:
        return shape.heads[one_of(rng, _HEADS)], value(rng)
    if kind == 3:
        return shape.heads[b'"eventType"'], one_of(rng, _TYPES)
    if kind == 4:
        start = one_of(rng, shape.members)[0]
        return (start, start), one_of(rng, NAMES) + b":" + (value(rng) if rng.random() < 0.5 else one_of(rng, _TYPES)) + b","
    if kind == 5:
        start, end = one_of(rng, shape.members)
        again = shape.text[start:end]
        return (start, start), again + b","
    return one_of(rng, shape.values), value(rng)


def array(rng: random.Random) -> bytes:
    """What may come where an array of events is expected."""
    if rng.random() < 0.01:
        return one_of(rng, _NO_ARRAYS)
    elements = [event(rng) if rng.random() < 0.93 else value(rng) for _ in range(one_of(rng, _ELEMENTS))]
    body = b"[" + (one_of(rng, _COMMAS).join(elements) if elements else b"") + b"]"
    if rng.random() < 0.02:
        front, back = one_of(rng, _WRAPPERS)
        body = front + body + back
    while rng.random() < 0.03:
        body = bend_bytes(rng, body)
    return body
