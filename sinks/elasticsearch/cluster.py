"""Requests to a cluster of several hosts: one that can't be reached is passed over for the next."""

import base64
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from sinks.delivery.target import Again
from sinks.elasticsearch.hosts import Hosts
from sinks.errors import SecretUnavailable
from sinks.http.client import Answer, HttpClient, NoAnswer
from sinks.http.clock import ClockWatch
from sinks.http.masking import mask_of

__all__ = ["Answered", "Cluster"]

# What the load balancer in front of a host says when there is nobody behind it.
_NOBODY_THERE = (502, 503, 504)
_SHORTEST_TIMEOUT_SECONDS = 0.05
_SHORTEST_DECODED = 8


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer and who gave it.

    Attributes:
        answer: The answer, of any status.
        origin: The host, for messages.
    """

    answer: Answer
    origin: str


class Cluster:
    """The hosts of one sink. Used by several threads at once.

    Args:
        hosts: Their URLs; a path in front of the server's own may stand there.
        http: The connections.
        authorization: Gives the headers that authorise a request, anew for each.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        http: HttpClient,
        authorization: Callable[[], Mapping[str, str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        hosts = [host.rstrip("/") for host in hosts]
        self._hosts = Hosts(hosts, clock)
        self._http = http
        self._authorization = authorization
        self._clock = clock
        self.address = ", ".join(map(_origin, hosts))
        self._clocks = {host: ClockWatch(_origin(host)) for host in hosts}

    def request(
        self, method: str, path: str, *, timeout_seconds: float, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answered | Again:
        """Send one request.

        It goes to another host at once, in the time that is left, where one can't be reached or breaks the connection: what is sent twice
        so does no harm, since documents are only ever created under ids of their own.

        Args:
            method: The HTTP method.
            path: The server's own path, with the query.
            timeout_seconds: For the whole attempt.
            body: What is sent.
            headers: Beside those that authorise.

        Returns:
            The answer, or why there is none, with no positions.
        """
        deadline = self._clock() + timeout_seconds
        try:
            credentials = self._authorization()
        except SecretUnavailable as error:
            return Again((), str(error), "Look at the sink's credentials.", "auth")
        all_headers = {**(headers or {}), **credentials}
        failure = NoAnswer("connection", "No host was asked.", "")
        doubtful: NoAnswer | None = None
        for host in self._hosts.candidates():
            began = self._clock()
            if began > deadline - _SHORTEST_TIMEOUT_SECONDS and failure.fix:
                break
            answer = self._http.request(
                method, host + path, body=body, headers=all_headers, timeout_seconds=max(_SHORTEST_TIMEOUT_SECONDS, deadline - began)
            )
            if isinstance(answer, Answer):
                self._clocks[host].look(answer.headers, time.time())
                if answer.status in _NOBODY_THERE:
                    self._hosts.failed(host, began)
                else:
                    self._hosts.answered(host)
                return Answered(_masked(answer, credentials), _origin(host))
            failure = answer
            if failure.blame == "doubtful":
                doubtful = failure
            if failure.error_type in ("connection", "tls", "dns", "timeout"):
                self._hosts.failed(host, began)
            else:
                break
        # Where one host broke off over what was sent, that others can't be reached says nothing of it.
        failure = doubtful or failure
        return Again((), failure.reason, failure.fix, failure.error_type, blame=failure.blame)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()


def _masked(answer: Answer, credentials: Mapping[str, str]) -> Answer:
    """An answer fit for messages and dead letters: whoever refuses a request may repeat it, credentials and all."""
    if answer.status == 200 or not credentials:
        return answer
    # Latin-1 knows every byte, so that nothing else changes.
    body = mask_of([*credentials.values(), *_decoded(credentials.values())])(answer.body.decode("latin-1")).encode("latin-1")
    return replace(answer, body=body)


def _decoded(values: Iterable[str]) -> Iterator[str]:
    """What a server finds in `Basic` and `ApiKey`: the pair, and the secret half of it, where that is too long to be a common word."""
    for value in values:
        with contextlib.suppress(ValueError):
            pair = base64.b64decode(value.rpartition(" ")[2], validate=True).decode()
            secret = pair.partition(":")[2]
            yield from (pair, secret) if len(secret) >= _SHORTEST_DECODED else ()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
