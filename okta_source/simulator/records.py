"""What the simulator remembers of requests, and how a script decides on answers."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    Attributes:
        method: HTTP method.
        target: Path and query, byte for byte.
        path: The path alone.
        query: Raw (still percent-encoded) values of the query's parameters by name.
        headers: Header values by lower-case name.
        base_url: Scheme, host and port that the client called.
        body: The body.
    """

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    base_url: str
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request and what became of it.

    Attributes:
        at: Unix time in seconds at which the request was read, by the real clock.
        method: HTTP method.
        target: Path and query, byte for byte.
        headers: Header values by lower-case name.
        status: Status of the answer; 0 when the connection was reset or hung instead.
        events: How many events the answer held.
        cursor: The raw `after` of the request, or None.
    """

    at: float
    method: str
    target: str
    headers: dict[str, str]
    status: int
    events: int
    cursor: str | None


@dataclass(slots=True)
class Scripted:
    """The answer to one request, decided by a test.

    Without `fallthrough` the answer is complete: status, headers, body. It is sent as it is, with `date`,
    `x-okta-request-id`, the organisation's rate-limit headers and `content-length` added where it doesn't name them. A
    status from 400 on without a body gets Okta's usual error body. With `fallthrough` the request is served normally and
    only what is set here differs.

    Attributes:
        status: HTTP status; None means 200, or with `fallthrough` the normal one.
        headers: Headers to add or replace; None as a value leaves that header out.
        body: The exact body.
        delay_seconds: Wait before the headers.
        stall_after_bytes: Send the headers and so many bytes of the body, then nothing more.
        close_after_bytes: Send so many bytes of the body, then close the connection.
        reset: Close with a TCP reset; alone, without any answer.
        next_url: URL of the next link; empty for none.
        link_form: Form of the Link header, see `okta_source.simulator.links`.
        fallthrough: Serve the request normally but for the parts set here.
    """

    status: int | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    delay_seconds: float = 0.0
    stall_after_bytes: int | None = None
    close_after_bytes: int | None = None
    reset: bool = False
    next_url: str | None = None
    link_form: str | None = None
    fallthrough: bool = False


Script = Scripted | Callable[[Request], Scripted]
"""An answer, or a function that decides it when the request is there."""


@dataclass(slots=True)
class Answer:
    """What the server sends.

    Attributes:
        status: HTTP status.
        headers: Header lines in order; a name may repeat.
        body: The body as it goes on the wire.
        events: How many events are in it.
        chunked: Whether to send it in chunks instead of with a content-length.
        delay_seconds: Wait before the headers.
        stop_after_bytes: Send only so many bytes of the body, then do what `ending` says.
        ending: `keep` the connection, `close`, `reset`, or `hang` for `hang_seconds` and then close.
        hang_seconds: How long a hanging connection hangs.
        silent: Don't send anything before `ending`.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    events: int = 0
    chunked: bool = False
    delay_seconds: float = 0.0
    stop_after_bytes: int | None = None
    ending: str = "keep"
    hang_seconds: float = 3600.0
    silent: bool = False
