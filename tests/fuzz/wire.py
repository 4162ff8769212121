"""HTTP answers as they come over a wire, bent; and a connection that holds one."""

import gzip
import io
import random
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from okta_source.http.client import _response
from okta_source.http.exchange import Answer
from okta_source.http.inflate import CORRUPT
from okta_source.http.network_error import explain
from okta_source.polling.outcome import Response, TransportFailure
from tests.fuzz.odd import bend_bytes, one_of
from tests.unit.okta_source.fakes import ORG

__all__ = ["SECRET", "answer_bytes", "header_lines", "read"]

SECRET = "00sEcReT-/+\\tOkEn"
_LARGEST_BYTES = 1024 * 1024
_STATUSES = (200,) * 12 + (400, 401, 403, 404, 408, 410, 429, 500, 503, 100, 102, 204, 206, 301, 302, 304, 599, 999)
_NUMBERS = ("0", "1", "-1", "600", "1772366460", "1772366400", "9" * 20, "9" * 5000, "1e9", "NaN", "", "1,2", "0x1", "\u0661")
_DATES = (
    "Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 +2359", "Sat, 01 Jan 0001 00:00:00 +1400",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "1772366400", "", "Sun, 99 Mar 2026 12:00:00 GMT", "Sunday, 01-Mar-26 12:00:00 GMT", "x" * 500,
)  # fmt: skip
_WORDS = (
    f"{SECRET}", "a\tb", "\x1b[31mred", "\x9b31m", "a\x85b", "\u202e".encode().decode("latin-1"), "x" * 3000, "{}", '{"a":"b"}',
    "%0d%0a", "{org_url}",
)  # fmt: skip
_CHALLENGES = (
    'DPoP error="use_dpop_nonce", error_description="nonce"', 'Bearer error="insufficient_scope"', "Basic", 'Bearer error="' + "\\" * 400,
    'Bearer error="invalid_token", error_description="' + SECRET.replace("\\", "\\\\") + '"', "bearer",
)  # fmt: skip


def header_lines(rng: random.Random, *more: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Some header lines, odd ones among them."""
    several = (
        ("X-Rate-Limit-Limit", _NUMBERS), ("X-Rate-Limit-Remaining", _NUMBERS), ("X-Rate-Limit-Reset", _NUMBERS), ("Date", _DATES),
        ("Retry-After", (*_NUMBERS, *_DATES)), ("WWW-Authenticate", _CHALLENGES), ("Location", (*_WORDS, "https://evil.example/")),
        ("DPoP-Nonce", (*_WORDS, "n" * 5000)), ("Connection", ("close", "keep-alive", "")), ("Transfer-Encoding", ("chunked", "gzip", "")),
        ("Content-Length", ("0", "5", "-1", "9" * 30, "1, 1", "x")), ("X", _WORDS),
    )  # fmt: skip
    lines = []
    for name, values in (*several[:4], *(one_of(rng, several) for _ in range(int(rng.random() * 3)))):
        if rng.random() < 0.4:
            lines.append(f"{name}: {one_of(rng, values)}")
    return lines


def answer_bytes(rng: random.Random, lines: list[str], body: bytes) -> bytes:
    """An answer: status line, headers, body, which may be compressed or chunked."""
    if rng.random() < 0.3:
        body = gzip.compress(body, 1)
        lines = [*lines, "Content-Encoding: gzip"]
        if rng.random() < 0.2:
            body = bend_bytes(rng, body)
    if rng.random() < 0.1:
        lines = [*lines, "Transfer-Encoding: chunked"]
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    elif rng.random() < 0.9:
        lines = [*lines, f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"HTTP/1.1 {one_of(rng, _STATUSES)} OK", *lines, "", ""]).encode("utf-8", "replace")
    if rng.random() < 0.1:
        head = bend_bytes(rng, head)
    return head + body


def read(data: bytes) -> Response | TransportFailure:
    """What the client makes of it."""
    answer = Answer(_Wire(data))  # type: ignore[arg-type]
    try:
        answer.begin()
        body, whole = answer.read_body(_LARGEST_BYTES)
        return _response(answer.status, answer.fields, body, _LARGEST_BYTES, whole=whole)
    except CORRUPT as error:
        return TransportFailure("decode", f"The compressed body is corrupt or cut short ({error}).", "The same page is asked for again.")
    except (HTTPException, OSError) as error:
        return explain(error, ORG, 30.0)
    finally:
        answer.close()


class _Wire:
    """As much of a socket as an answer reads."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))  # type: ignore[arg-type]

    def gettimeout(self) -> float | None:
        return None
