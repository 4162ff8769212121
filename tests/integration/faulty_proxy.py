"""An HTTP proxy in front of a server that does what networks and load balancers do on a bad day."""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self
from urllib.parse import urlsplit

from tests.integration.faulty_connection import Answer, Fault, Listener, Request, Reset
from tests.integration.servers import free_port

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_CLOSE_SECONDS = 5.0


@dataclass
class _Rule:
    fault: Fault
    path: re.Pattern[str]
    times: int | None


class FaultyProxy:
    """A proxy on loopback that forwards everything, until a test tells it not to.

    Each method that names a fault adds a rule, at any time and from any thread. A request gets the first rule, in the order in which they
    were added, that has not been used up and whose `path`, a regular expression, is found in the request's path (with the query); without
    one it is forwarded. `times` is for how many requests a rule holds; without it, until `clear`.

    When the server behind it does not answer, the client's connection is reset.

    Args:
        upstream_url: The server behind it, such as "http://127.0.0.1:9200".
    """

    def __init__(self, upstream_url: str) -> None:
        self._upstream = urlsplit(upstream_url).netloc
        self._port = free_port()
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._listener: Listener | None = None
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *exception: object) -> None:
        self.down()

    def answer(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] = _NO_HEADERS,
        *,
        times: int | None = None,
        path: str = "",
    ) -> None:
        """Answer in the server's place; Content-Length is set."""
        self._add(Fault("answer", answer=Answer(status, tuple(headers.items()), body)), times, path)

    def hang(
        self,
        when: Literal["before_delivery", "after_delivery"] = "before_delivery",
        *,
        times: int | None = None,
        path: str = "",
    ) -> None:
        """Take the request and never answer; "after_delivery", the server has executed it."""
        self._add(Fault("hang", hang=when), times, path)

    def reset(self, when: Reset, *, times: int | None = None, path: str = "") -> None:
        """Reset the connection (RST).

        Args:
            when: "mid_request" when the head of the request has come, its body not read; "before_delivery" when all has come, but the
                server has seen nothing; "after_delivery" when the server has executed it and no answer has been sent; "mid_answer" when
                half of the answer's body has been sent.
            times: For how many requests.
            path: For requests with this path only.
        """
        self._add(Fault("reset", reset=when), times, path)

    def delay(self, seconds: float, *, times: int | None = None, path: str = "") -> None:
        """Forward only after a time."""
        self._add(Fault("delay", delay_seconds=seconds), times, path)

    def trickle(self, write_bytes: int, pause_seconds: float, *, times: int | None = None, path: str = "") -> None:
        """Forward, and send the answer's body so many bytes at a time, with a pause before each."""
        self._add(Fault("trickle", write_bytes=write_bytes, pause_seconds=pause_seconds), times, path)

    def clear(self) -> None:
        """Forget the rules: from now on forward. What hangs goes on hanging, until its client leaves."""
        with self._lock:
            self._rules.clear()

    def down(self) -> None:
        """Refuse connections and end those that there are, as a server does that stops."""
        listener, self._listener = self._listener, None
        if not listener:
            return
        listener.shutdown()
        listener.server_close()
        deadline = time.monotonic() + _CLOSE_SECONDS
        while listener.connections:
            listener.drop_connections()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(listener.connections)} connections of the proxy have not ended in {_CLOSE_SECONDS:g} s")
            time.sleep(0.005)

    def up(self) -> None:
        """Listen again, on the same port."""
        if not self._listener:
            self._listener = Listener(self._port, self._upstream, self._take)
            threading.Thread(target=self._listener.serve_forever, args=(0.02,), name="faulty-proxy", daemon=True).start()

    def _add(self, fault: Fault, times: int | None, path: str) -> None:
        with self._lock:
            self._rules.append(_Rule(fault, re.compile(path), times))

    def _take(self, request: Request) -> Fault:
        """Record a request and use up what rule it gets."""
        with self._lock:
            self.requests.append(request)
            for rule in self._rules:
                if rule.times != 0 and rule.path.search(request.path):
                    if rule.times is not None:
                        rule.times -= 1
                    request.fault = rule.fault.name
                    return rule.fault
        return Fault()
