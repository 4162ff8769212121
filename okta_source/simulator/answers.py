"""Answers as bytes and headers: normal pages, errors, scripted answers, and what faults make of them."""

import random
import threading
import time
from collections import OrderedDict
from email.utils import formatdate

from isal import igzip, isal_zlib

from okta_source.simulator.errors import OktaError, error_of_status
from okta_source.simulator.faults import Faults
from okta_source.simulator.rate_limit import Budget
from okta_source.simulator.records import Answer, Scripted

JSON = "application/json"
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"
_SERVER_ERRORS = ((500, "E0000009"), (500, "E0000053"), (502, ""), (503, "E0000010"), (504, ""))
_SORRY = "Sorry, there's been an error processing your request."


class PageCache:
    """Compressed full pages, which never change, bounded in bytes; they make a benchmark's server cheap."""

    def __init__(self, capacity_bytes: int = 512_000_000) -> None:
        self._pages: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._capacity_bytes = capacity_bytes
        self._held_bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int, int]) -> bytes | None:
        """The compressed page under `key`."""
        with self._lock:
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            return page

    def put(self, key: tuple[int, int, int], page: bytes) -> None:
        """Keep a compressed page, and let the ones that were asked for longest ago go."""
        with self._lock:
            if key not in self._pages:
                self._pages[key] = page
                self._held_bytes += len(page)
            while self._held_bytes > self._capacity_bytes:
                _, oldest = self._pages.popitem(last=False)
                self._held_bytes -= len(oldest)


def compress(body: bytes) -> bytes:
    """`body` as gzip, always the same bytes for the same body."""
    return igzip.compress(body, 1, mtime=0)


def base_headers(now: float, request_id: str, budget: Budget | None) -> list[tuple[str, str]]:
    """The headers of every answer.

    Args:
        now: Unix time of the organisation's clock.
        request_id: Okta's id of the request.
        budget: What the rate-limit headers say; None leaves them out.
    """
    headers = [
        ("date", formatdate(now, usegmt=True)),
        ("server", "nginx"),
        ("x-okta-request-id", request_id),
        ("cache-control", "no-cache, no-store"),
        ("expires", "0"),
    ]
    if budget is not None:
        headers += [
            ("x-rate-limit-limit", str(budget.limit)),
            ("x-rate-limit-remaining", str(budget.remaining)),
            ("x-rate-limit-reset", str(budget.reset)),
        ]
    return headers


def error_answer(error: OktaError, headers: list[tuple[str, str]], error_id: str) -> Answer:
    """An error as Okta answers it."""
    extra = [("content-type", JSON)]
    if error.authenticate:
        extra.append(("www-authenticate", error.authenticate))
    return Answer(error.status, [*headers, *extra, *error.headers], error.body(error_id))


def scripted_answer(script: Scripted, headers: list[tuple[str, str]], link: list[str], error_id: str) -> Answer:
    """A complete scripted answer; see `Scripted`."""
    status = 200 if script.status is None else script.status
    body = script.body
    if body is None:
        body = error_of_status(status).body(error_id) if status >= 400 else b""
    headers = [*headers, ("content-type", JSON), *(("link", value) for value in link)]
    answer = Answer(status, headers, body)
    apply_script(script, answer)
    return answer


def apply_script(script: Scripted, answer: Answer) -> None:
    """Change an answer where a script says so; its body and status only when they are set."""
    if script.status is not None:
        answer.status = script.status
    if script.body is not None:
        answer.body = script.body
        answer.headers = [(name, value) for name, value in answer.headers if name != "content-encoding"]
    given = {name.lower() for name in script.headers}
    kept = [(name, value) for name, value in answer.headers if name.lower() not in given]
    answer.headers = kept + [(name, value) for name, value in script.headers.items() if value is not None]
    answer.delay_seconds += script.delay_seconds
    if script.stall_after_bytes is not None:
        answer.stop_after_bytes, answer.ending = script.stall_after_bytes, "hang"
    elif script.close_after_bytes is not None:
        answer.stop_after_bytes, answer.ending = script.close_after_bytes, "reset" if script.reset else "close"
    elif script.reset:
        answer.silent, answer.ending = True, "reset"


def fault_error(fault: str, faults: Faults, rng: random.Random, now: float, limit: int) -> tuple[OktaError, Budget | None] | None:
    """The error answer that a fault stands for and its rate-limit headers (None: the normal ones); None when it is no error."""
    match fault:
        case "server_error":
            status, code = _SERVER_ERRORS[int(rng.random() * len(_SERVER_ERRORS))]
            return OktaError(status, code, _SORRY, empty=not code), None
        case "unauthorized":
            return OktaError(401, "E0000011"), None
        case "cursor_expired":
            return OktaError(400, "E0000001", "after", causes=("after: The after parameter has expired",)), None
        case "rate_limited":
            return OktaError(429, "E0000047"), Budget(limit, 0, _reset(now, faults), allowed=False)
        case "concurrency_limited":
            return OktaError(429, "E0000047"), Budget(0, 0, _reset(now, faults), allowed=False)
        case _:
            return None


def _reset(now: float, faults: Faults) -> int:
    return int(now + faults.rate_limit_reset_seconds) + 1


def spoil(fault: str, faults: Faults, rng: random.Random, answer: Answer) -> None:
    """Change a good answer as the fault demands."""
    body = answer.body
    match fault:
        case "timeout":
            answer.silent, answer.ending, answer.hang_seconds, answer.events = True, "hang", faults.hang_seconds, 0
        case "connection_reset":
            answer.silent, answer.ending, answer.events = True, "reset", 0
        case "stall":
            answer.stop_after_bytes, answer.ending, answer.hang_seconds = len(body) // 2, "hang", faults.hang_seconds
        case "truncated":
            answer.stop_after_bytes, answer.ending = int(len(body) * rng.random()), "close"
        case "corrupt":
            # Cut and overwritten, so that neither gzip nor JSON can survive it.
            answer.body = body[: len(body) // 2] + b"\x00\xff{\x00"
        case "html" | "not_an_array":
            answer.body = _HTML if fault == "html" else b'{"events":[]}'
            content_type = "text/html" if fault == "html" else JSON
            kept = [(name, value) for name, value in answer.headers if name not in ("content-encoding", "content-type", "link")]
            answer.headers = [*kept, ("content-type", content_type)]
            answer.events = 0
        case "latency":
            answer.delay_seconds += faults.extra_latency_seconds


def wall_ms(offset_seconds: float, at: float | None = None) -> int:
    """Unix milliseconds of a clock that is `offset_seconds` ahead of this machine's, now or at a moment of this one's."""
    return int(((time.time() if at is None else at) + offset_seconds) * 1000)


def expand(packed: bytes) -> bytes:
    """The body that `compress` packed."""
    body: bytes = isal_zlib.decompress(packed, 31)
    return body
