"""HTTP/1.1 on one connection: as little as a client of the log needs, so that one core serves thousands of requests a second."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from okta_source.simulator.records import Answer, Request

Responder = Callable[[Request], Answer]

_MAX_HEAD_BYTES = 65_536
_CHUNK_BYTES = 65_536
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
# SO_LINGER with a time of 0 makes close() send a reset.
_RESET = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """One client's connection; its requests are answered one after the other.

    Args:
        loop: Where delays wait.
        respond: Decides the answer to a request.
        connections: Open connections of the listener, for closing them all.
        scheme: `http` or `https`, for links.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, respond: Responder, connections: "set[Connection]", scheme: str) -> None:
        self._loop = loop
        self._respond = respond
        self._connections = connections
        self._scheme = scheme
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection."""
        self._transport = transport  # type: ignore[assignment]
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection and whatever it was waiting for."""
        self._connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take in bytes and answer every request that is complete."""
        self._buffer += data
        self._serve()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _serve(self) -> None:
        while not self._busy and self._transport is not None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _MAX_HEAD_BYTES:
                    self._refuse()
                return
            request = parse_head(self._buffer[:end], self._scheme)
            if request is None:
                self._refuse()
                return
            length = request.headers.get("content-length", "0")
            size = int(length) if length.isdecimal() else 0
            if len(self._buffer) < end + 4 + size:
                return
            if size:
                request = replace(request, body=self._buffer[end + 4 : end + 4 + size])
            self._buffer = self._buffer[end + 4 + size :]
            self._busy = True
            answer = self._respond(request)
            if answer.delay_seconds > 0:
                self._timer = self._loop.call_later(answer.delay_seconds, self._send_later, answer, request)
            else:
                self._send(answer, request)

    def _refuse(self) -> None:
        if self._transport is not None:
            self._transport.write(_BAD_REQUEST)
            self._transport.close()

    def _send_later(self, answer: Answer, request: Request) -> None:
        self._send(answer, request)
        self._serve()

    def _send(self, answer: Answer, request: Request) -> None:
        transport = self._transport
        if transport is None:
            return
        closing = request.headers.get("connection", "").lower() == "close"
        if not answer.silent:
            transport.write(encode(answer, closing=closing))
        if answer.ending == "hang":
            # The connection stays busy: nothing else is answered on it.
            self._timer = self._loop.call_later(answer.hang_seconds, self.abort)
        elif answer.ending == "reset":
            connected: socket.socket = transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        elif answer.ending == "close" or closing:
            transport.close()
        else:
            self._busy = False


def parse_head(head: bytes, scheme: str) -> Request | None:
    """A request from its request line and headers, without the empty line; None when they make no sense."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        name, value = name.lower(), value.strip()
        # A repeated header is one with all values (RFC 9110, section 5.3).
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    path, _, raw_query = parts[1].partition("?")
    query = dict(pair.partition("=")[::2] for pair in raw_query.split("&")) if raw_query else {}
    base_url = f"{scheme}://{headers.get('host', 'localhost')}"
    return Request(method=parts[0], target=parts[1], path=path, query=query, headers=headers, base_url=base_url)


def encode(answer: Answer, *, closing: bool) -> bytes:
    """An answer as the bytes of its head and of as much of its body as shall be sent."""
    body = answer.body
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    names = {name.lower() for name, _ in answer.headers}
    chunked = answer.chunked and "content-length" not in names
    if chunked:
        lines.append("transfer-encoding: chunked")
    elif "content-length" not in names:
        lines.append(f"content-length: {len(body)}")
    if closing:
        lines.append("connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    stop = answer.stop_after_bytes
    if not chunked:
        return head + (body if stop is None else body[:stop])
    if stop is not None:
        # Announce the whole chunk and send part of it: the client can tell that the body is not complete.
        return head + f"{len(body) + 1:x}\r\n".encode() + body[:stop]
    return head + b"".join(_chunks(body)) + b"0\r\n\r\n"


def _chunks(body: bytes) -> list[bytes]:
    pieces = [body[start : start + _CHUNK_BYTES] for start in range(0, len(body), _CHUNK_BYTES)]
    return [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]
