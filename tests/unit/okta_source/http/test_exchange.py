"""The bytes of a request, and what is made of an answer's, odd ones too."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from okta_source.http.exchange import Answer, request_head
from okta_source.http.headers import Headers

ORIGIN = urlsplit("https://acme.okta.com")


@contextmanager
def answer(sent: bytes) -> Iterator[Answer]:
    """An answer of these bytes, after which the server closes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10.0)
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        made = Answer(ours)
        yield made
        made.close()


def whole(sent: bytes, largest_bytes: int = 1 << 20) -> tuple[int, Headers, bytes, bool, bool]:
    """Status, headers, body, whether that is all of it, and whether the connection may be used again."""
    with answer(sent) as made:
        made.begin()
        body, is_whole = made.read_body(largest_bytes)
        return made.status, made.fields, body, is_whole, not made.will_close


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://acme.okta.com", b"acme.okta.com"),
        ("https://acme.okta.com:443", b"acme.okta.com"),
        ("https://acme.okta.com:8443", b"acme.okta.com:8443"),
        ("http://127.0.0.1:80", b"127.0.0.1"),
        ("http://[::1]:4580", b"[::1]:4580"),
    ],
)
def test_a_request_names_its_host_as_browsers_do(url: str, host: bytes) -> None:
    assert request_head(urlsplit(url), "/x?y", {"A": "1"}) == b"GET /x?y HTTP/1.1\r\nHost: " + host + b"\r\nA: 1\r\n\r\n"


@pytest.mark.parametrize("value", ["s3cret\r\nX-Evil: 1", "s3cret\n", " s3cret", "s3cret€"])
def test_what_no_header_can_carry_is_refused_unseen(value: str) -> None:
    with pytest.raises(ValueError, match="holds a") as refused:
        request_head(ORIGIN, "/", {"Authorization": value})
    assert "s3cret" not in str(refused.value)


def test_headers_have_no_case_and_lines_of_one_name_are_joined() -> None:
    _, headers, body, is_whole, is_kept = whole(
        b'HTTP/1.1 200 OK\r\nLINK: <a>; rel="self"\r\nlink:<b>; rel="next"  \r\nContent-Length: 2\r\n\r\n[]'
    )
    assert headers["Link"] == '<a>; rel="self", <b>; rel="next"'
    assert dict(headers) == {"link": headers["LINK"], "content-length": "2"}
    assert (headers.get("Date"), headers.get("Date", "-"), len(headers)) == (None, "-", 2)
    assert (body, is_whole, is_kept) == (b"[]", True, True)


@pytest.mark.parametrize(
    ("sent", "body", "is_kept"),
    [
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n[]", b"[]", True),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n[]", b"[]", True),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
            b"[]",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1;x=y\r\n]\r\n0\r\nTrailer: 1\r\n\r\n", b"[]", True),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", b"[]", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: what\r\n\r\n[]", b"[]", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n[]", b"[]", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]", b"[]", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"[]", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n[]", b"[]", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\n[]", b"[]", True),
    ],
)
def test_bodies_end_where_they_end(sent: bytes, body: bytes, *, is_kept: bool) -> None:
    _, _, read, is_whole, kept = whole(sent)
    assert (read, is_whole, kept) == (body, True, is_kept)


def test_a_value_on_several_lines_is_one() -> None:
    assert whole(b"HTTP/1.1 200 OK\r\nLink: <a>;\r\n\trel=next\r\nContent-Length: 0\r\n\r\n")[1]["link"] == "<a>; rel=next"


def test_of_a_body_that_is_too_large_there_is_the_beginning() -> None:
    for head in (
        b"Content-Length: 10\r\n\r\n0123456789",
        b"\r\n0123456789",
        b"Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
    ):
        _, _, body, is_whole, _ = whole(b"HTTP/1.1 200 OK\r\n" + head, 4)
        assert (body, is_whole) == (b"0123", False)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
    ],
)
def test_what_is_no_answer_or_not_all_of_one_is_an_error(sent: bytes) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        whole(sent)
