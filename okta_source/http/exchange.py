"""One request and its answer on a connection that stands: what is left of HTTP/1.1 when a thousand tenants ask every ten seconds.

`requests` prepares, hooks, redirects and builds three objects for each answer, and http.client parses header lines as if they were mail:
0.40 ms of CPU an exchange, while the interpreter lock is held for nearly all of it. Here a request's head is a few bytes joined, and an
answer's lines are split: 0.10 ms. Whatever there is to bodies (chunks, lengths, ends) is still http.client's, and connections, TLS and
proxies are urllib3's.
"""

import http.client
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult

from okta_source.http.deadline import within
from okta_source.http.headers import Headers

__all__ = ["Answer", "request_head"]

_LONGEST_LINE_BYTES = 65_536
_MOST_LINES = 100
_CHUNK_BYTES = 1 << 18
_DEFAULT_PORTS = {"http": 80, "https": 443}


def request_head(origin: SplitResult, target: str, headers: Mapping[str, str]) -> bytes:
    """A GET request as it goes out.

    Args:
        origin: Of the organisation: scheme, host and port.
        target: What stands in the request line, byte for byte.
        headers: The request's own headers, `Host` apart.

    Raises:
        ValueError: A header holds what none can carry. The value is not in the message.
    """
    host = f"[{origin.hostname}]" if ":" in (origin.hostname or "") else origin.hostname
    port = "" if origin.port in (None, _DEFAULT_PORTS.get(origin.scheme)) else f":{origin.port}"
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}{port}"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value or value != value.strip():
            msg = f"{name} holds a line break, or a space at one of its ends"
            raise ValueError(msg)
        lines.append(f"{name}: {value}")
    try:
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
    except UnicodeEncodeError:
        msg = "a header holds a character that none can carry"
        raise ValueError(msg) from None


class Answer(http.client.HTTPResponse):
    """An answer whose headers and body have to be there within the socket's time-out.

    Args:
        sock: A connection on which a GET request has been sent.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, method="GET")
        self.fp: Any = within(sock, self.fp)
        self.fields = Headers()
        """The headers; HTTPResponse's own are mail."""

    def begin(self) -> None:
        """Read the status line and the headers.

        Raises:
            http.client.HTTPException: They are none.
            OSError: The connection broke or the time is over.
        """
        while True:
            version, self.status, self.reason = self._read_status()  # type: ignore[attr-defined]  # RemoteDisconnected, BadStatusLine
            headers = Headers(_lines(self.fp))
            if not 100 <= self.status < 200:
                break
        self.code = self.status
        self.fields = headers
        self.version = 10 if version == "HTTP/1.0" else 11
        self.chunked = (headers.get("transfer-encoding") or "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else self._told_length(headers)
        connection = (headers.get("connection") or "").lower()
        kept = "close" not in connection if self.version == 11 else "keep-alive" in connection
        self.will_close = not kept or (not self.chunked and self.length is None)

    def read_body(self, largest_bytes: int) -> tuple[bytes, bool]:
        """The body as it was sent; not more than `largest_bytes` of it, and whether that is all.

        Raises:
            http.client.IncompleteRead: It ends before its end.
            OSError: The connection broke or the time is over.
        """
        pieces: list[bytes] = []
        room = largest_bytes
        while True:
            piece = self.read(min(self.length, _CHUNK_BYTES)) if self.length else self.read1(_CHUNK_BYTES)
            if not piece:
                break
            pieces.append(piece)
            room -= len(piece)
            if room < 0:
                return b"".join(pieces)[:largest_bytes], False
        if self.length:
            missing = self.length
            raise http.client.IncompleteRead(pieces[-1] if pieces else b"", missing)
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), True

    def _told_length(self, headers: Headers) -> int | None:
        if self.status in (http.client.NO_CONTENT, http.client.NOT_MODIFIED):
            return 0
        told = (headers.get("content-length") or "").partition(",")[0]
        return int(told) if told.isascii() and told.isdigit() else None


def _lines(file: Any) -> Iterator[tuple[str, str]]:
    """The header lines up to the empty one."""
    found: list[list[str]] = []
    while True:
        line: bytes = file.readline(_LONGEST_LINE_BYTES + 1)
        if len(line) > _LONGEST_LINE_BYTES:
            msg = "header line"
            raise http.client.LineTooLong(msg)
        if line in (b"\r\n", b"\n", b""):
            break
        if len(found) > _MOST_LINES:
            msg = f"got more than {_MOST_LINES} headers"
            raise http.client.HTTPException(msg)
        text = line.decode("latin-1")
        if text[0] in " \t" and found:
            found[-1][1] += f" {text.strip()}"  # a value on several lines, which RFC 9112 (5.2) has given up
            continue
        name, colon, value = text.partition(":")
        if colon:
            found.append([name.strip(), value.strip()])
    return iter([(name, value) for name, value in found])
