"""Okta, made of paper: events, pages, answers, a clock and a transport that reads them from a script."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from requests.structures import CaseInsensitiveDict

from okta_source.polling.outcome import Response, TransportFailure

ORG = "https://acme.okta.com"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
Answer = Response | TransportFailure | Callable[[], Response | TransportFailure]


def uuid(number: int) -> str:
    return f"{number:08x}-0000-11f0-8000-00000000abcd"


def event(number: int, published: datetime = NOW, **more: Any) -> dict[str, Any]:
    moment = published.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"uuid": uuid(number), "published": moment, "eventType": "user.session.start", **more}


def events(first: int, count: int, published: datetime = NOW) -> list[dict[str, Any]]:
    """Events with consecutive numbers, a second apart, the last one at `published`."""
    return [event(first + step, published - timedelta(seconds=count - 1 - step)) for step in range(count)]


def link_to(after: str, org: str = ORG, limit: int = 3) -> str:
    return f"{org}/api/v1/logs?limit={limit}&after={after}"


def headers(**values: str) -> Mapping[str, str]:
    """Headers by their names with underscores for dashes."""
    return CaseInsensitiveDict({name.replace("_", "-"): value for name, value in values.items()})


def answer(body: bytes | Sequence[Any] = b"", next_url: str | None = None, *, status: int = 200, **more: str) -> Response:
    found = dict(headers(**more))
    if next_url:
        found["Link"] = f'<{ORG}/api/v1/logs>; rel="self", <{next_url}>; rel="next"'
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, CaseInsensitiveDict(found), data, len(data))


def refusal(status: int, **headers: str) -> Response:
    """Okta's own error."""
    return answer(b'{"errorCode":"E0000001","errorSummary":"No."}', status=status, **headers)


def failure(error_type: Any = "connection") -> TransportFailure:
    return TransportFailure(error_type, f"it failed: {error_type}.", "Mend it.")


class Clock:
    """A monotonic clock and a calendar that move only when told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self._start = now
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds - 1000.0)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class FakeTransport:
    """Answers from a script, in order; the last answer is repeated. `urls` holds what was asked for.

    Args:
        script: Answers; a callable is called on the fetching thread, so it may block.
    """

    def __init__(self, *script: Answer) -> None:
        self._script = list(script)
        self._lock = threading.Lock()
        self.urls: list[str] = []
        self.closed = False
        self.in_flight = 0
        self.most_in_flight = 0

    def get(self, url: str) -> Response | TransportFailure:
        with self._lock:
            self.urls.append(url)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            scripted = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        try:
            return scripted() if callable(scripted) else scripted
        finally:
            with self._lock:
                self.in_flight -= 1

    def close(self) -> None:
        self.closed = True


class InlinePool:
    """A fetch pool without threads: jobs run when the test says so."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.backed_up = False

    def submit(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)

    def is_backed_up(self) -> bool:
        return self.backed_up

    def relieve(self) -> None:
        """Nothing hangs here."""

    def run(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()
