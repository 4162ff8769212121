"""Odd pieces to bend JSON with: values, moments, names, bytes."""

import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["BROKEN", "MOMENTS", "NAMES", "VALUES", "bend_bytes", "one_of", "value"]

T = TypeVar("T")

VALUES: Sequence[bytes] = (
    b"null", b"true", b"false", b"0", b"-0", b"1", b"-1", b"0.5", b"1e5", b"1E+400", b"-1e999", b"1e-999", b"9" * 400, b"9" * 4_400,
    b"18446744073709551616", b"-9223372036854775809", b'""', b'" "', b'"text"', b'"null"', b"[]", b"{}", b"[[]]", b"[1,2,3]",
    b'{"a":1,"a":2}', b'{"":{}}', b'["a",null,{}]', rb'"\ud83d\ude00"', rb'"\u0000"', rb'"\u005fokta_"', rb'"\/\"\\"',
    "\"\u2028\u2029\x85\"".encode(), b'"\x7f"', "\"\u202e\u2066\ufeff\U0010ffff\"".encode(), b'"' + b"x" * 1_000 + b'"',
    b"[" * 20 + b"]" * 20, b"[" * 500 + b"]" * 500, b'{"a":' * 300 + b"1" + b"}" * 300, b'{"_okta_tenant":"other"}', b'"_okta_tenant"',
    b'{"uuid":"inner","published":"x"}', b" 1 ", b"\n2\r\n", b"\t[ ]",
)  # fmt: skip
"""What JSON allows."""
BROKEN: Sequence[bytes] = (
    b"01", b"+1", b".5", b"1.", b"0x10", b"NaN", b"Infinity", b"-Infinity", b"nul", b"", b"[1,]", b"{,}", b'{"a"}', b'{"a":}', b"]", b"}",
    b"[", b"{", b'"', b'"\\', b"'x'", b"// x", b"/**/1", b"\xef\xbb\xbf1", rb'"\u12"', rb'"\x41"', b'"\xff"', b'"\xed\xa0\xbd"',
    b'"\xc0\xaf"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\x00"', b'"\x1f"', b'"\x1b[31m"', b'"a\nb"', b'"a\r\nb"', b'"a\tb"',
    rb'"\ud83d"', rb'"\ude00"', rb'"\ude00\ud83d"', rb'"\uD800\u0041"', b"[" * 1100 + b"]" * 1100,
    b'{"a":' * 1100 + b"1" + b"}" * 1100, b"[" * 1200, b"1 2", b'"a""b"', b"1]", b"1}",
)  # fmt: skip
"""What it doesn't, or not every parser."""
_ENDS = ("0001-01-01T00:00:00", "0001-01-01T23:59:59.999999", "9999-12-31T00:00:00", "9999-12-31T23:59:59.999999999", "1970-01-01T00:00:00")
_ZONES = ("Z", "+00:00", "-00:00", "+14:00", "-12:00", "+23:59", "-23:59", "+24:00", "+0530", "+05", "", "z", " Z", "+99:99")
MOMENTS: Sequence[bytes] = (
    *(f'"{wall}{zone}"'.encode() for wall in _ENDS for zone in _ZONES),
    *(f'"{moment}"'.encode() for moment in (
        "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "2026-02-29T00:00:00Z", "2024-02-29T23:59:60Z",
        "2026-02-28t11:59:00z", "2026-02-28 11:59:00Z", "2026-02-28", "11:59:00Z", "2026-02-28T24:00:00Z", "2026-02-28T11:59Z",
        "2026-02-28T11:59:00,5Z", "2026-02-28T11:59:00.Z", "2026-02-28T11:59:00." + "9" * 40 + "Z", "2026-W09-6T11:59:00Z", "1772280000",
        "\u0662\u0660\u0662\u0666-02-28T11:59:00Z", "2026-02-28T11:59:00Z ", "2024-02-28T11:59:00Z", "2026-03-04T11:59:00Z",
        "2525-01-01T00:00:00.000Z", "2026-02-28T11:59:00.123456789Z", "2026-03-01T12:00:00.000+05:30",
    )),
    rb'"2026-02-28T11:59:00\u005a"', b"1772280000", b"1772280000.5",
)  # fmt: skip
NAMES: Sequence[bytes] = (
    b'"_okta_tenant"', b'"_okta_"', b'"_okta_event_type"', rb'"\u005fokta_org"', rb'"_o\u006Bta_x"', rb'"_ok\u0074a_x"', b'"okta_tenant"',
    b'"__okta_x"', b'"_OKTA_x"', b'"uuid"', b'"published"', b'"eventType"', rb'"uu\u0069d"', b'"UUID"', b'"severity"',
    b'"@timestamp"', b'""',
    rb'"\ud83d"', b'"\xff"', b'"a.b"', b'"__proto__"', b'"' + b"n" * 300 + b'"', b'"_id"', b'"event"', b'"class_uid"', b"name", b"1",
    b"null",
)  # fmt: skip
_PIECES: Sequence[bytes] = (
    b"", b"\x00", b"\xff", b"\x80", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r\n", b" ", b"1", b"e", b"null", b",1,1,1",
    b"}{", b"},{", b"[[[[[[[[", b"]]]]]]]]", b"\xef\xbb\xbf", b"_okta_", rb"\u", rb"\ud800", b"<html>",
)  # fmt: skip


def one_of(rng: random.Random, several: Sequence[T]) -> T:
    """One of them; `rng.choice` takes four times as long."""
    return several[int(rng.random() * len(several))]


def value(rng: random.Random) -> bytes:
    """A value; one of twenty-five is none."""
    return one_of(rng, VALUES if rng.random() < 0.96 else BROKEN)


def bend_bytes(rng: random.Random, data: bytes) -> bytes:
    """The same with one accident: cut, a byte changed, a piece put in, left out, or there twice."""
    place, kind = int(rng.random() * (len(data) + 1)), int(rng.random() * 6)
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + bytes((int(rng.random() * 256),)) + data[place + 1 :]
    if kind == 2:
        return data[:place] + one_of(rng, _PIECES) + data[place:]
    other = min(len(data), place + int(rng.random() * 40))
    if kind == 3:
        return data[:place] + data[other:]
    if kind == 4:
        return data[:other] + data[place:]
    return data[place:]
