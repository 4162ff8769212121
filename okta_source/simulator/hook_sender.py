"""Delivers an organisation's events by its hooks, on a thread, as well and as badly as Okta does: late, in batches, at most twice."""

import http.client
import json
import random
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from okta_source.simulator.event_hook import EventHook, HookDelivery
from okta_source.simulator.hook_forms import as_envelope, as_eventbridge, as_hook_event, made_up_event
from okta_source.simulator.log import EventLog

__all__ = ["HookSender"]

_LOOK_SECONDS = 0.05
_AT_ONCE = 16


class HookSender:
    """One organisation's deliveries.

    Args:
        name: The organisation's name.
        log: Its events; those before the start are never delivered.
        hooks: Its hooks, which may be changed while it runs.
        now_ms: The organisation's clock.
        rng: What losses, repetitions and disorder are drawn from.
        ssl_context: What the receiver's certificate is checked against; by default this machine's authorities.
    """

    def __init__(
        self,
        name: str,
        log: EventLog,
        hooks: list[EventHook],
        now_ms: Callable[[], int],
        rng: random.Random,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._name = name
        self._log = log
        self._hooks = hooks
        self._now_ms = now_ms
        self._rng = rng
        self._ssl_context = ssl_context
        self._base_url = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None

    def start(self, base_url: str) -> None:
        """Begin with the events that are persisted from now on."""
        self._base_url = base_url
        self._stopping.clear()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="okta-hook")
        self._thread = threading.Thread(target=self._work, args=(len(self._log),), name="okta-hooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what is on its way is waited for."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def preview(self, hook: EventHook, event: dict[str, Any] | None = None) -> int:
        """Press "Deliver Request" in the console: an event of the admin's choice, or a made-up one. Returns the answer's status."""
        now = self._now_ms() / 1000
        chosen = made_up_event(str(uuid.uuid4()), now) if event is None else event
        delivery_id = str(uuid.uuid4())
        body = as_envelope([chosen], base_url=self._base_url, hook_id=hook.hook_id, delivery_id=delivery_id, now=now)
        return self._request(hook, "POST", body, delivery_id, (str(chosen.get("uuid")),))

    def verify(self, hook: EventHook) -> bool:
        """Send a challenge, and again once if need be; whether it came back."""
        for _ in range(2):
            challenge = uuid.uuid4().hex
            try:
                status, body = self._exchange(hook, "GET", b"", {"X-Okta-Verification-Challenge": challenge})
                if status == 200 and json.loads(body).get("verification") == challenge:
                    return True
            except (OSError, http.client.HTTPException, ValueError):
                continue
        return False

    def _work(self, start: int) -> None:
        position = start
        held: dict[EventHook, deque[bytes]] = {}
        while not self._stopping.wait(_LOOK_SECONDS):
            now_ms = self._now_ms()
            self._log.grow(now_ms)
            delay_seconds = min((hook.delay_seconds for hook in self._hooks), default=0.0)
            end = position
            while end < len(self._log) and self._log.persisted_ms(end) <= now_ms - delay_seconds * 1000:
                end += 1
            due, position = self._log.slice(position, end), end
            for hook in list(self._hooks):
                self._deliver(hook, due, held.setdefault(hook, deque()))

    def _deliver(self, hook: EventHook, due: list[bytes], held: deque[bytes]) -> None:
        """Send what is due by one hook; some of it is held back for the next time."""
        batch = list(held)
        held.clear()
        for event in due:
            if not hook.delivers or not hook.wants(json.loads(event).get("eventType", "")) or self._draw(hook.loss):
                continue
            (held if self._draw(hook.reorder) else batch).append(event)
        if self._is_quiet(hook):
            return
        size = 1 if hook.form == "eventbridge" else hook.most_events
        for first in range(0, len(batch), size):
            self._send(hook, batch[first : first + size], times=2 if self._draw(hook.repeat) else 1)

    def _is_quiet(self, hook: EventHook) -> bool:
        """Whether the hook has failed so often that nothing is sent for a while."""
        since = time.time() - hook.quiet_seconds
        recent = [delivery for delivery in hook.deliveries[-hook.quiet_failures * 2 :] if delivery.at >= since]
        return sum(not 200 <= delivery.status < 300 for delivery in recent) >= hook.quiet_failures

    def _draw(self, probability: float) -> bool:
        return bool(probability) and self._rng.random() < probability

    def _send(self, hook: EventHook, events: list[bytes], times: int) -> None:
        now, delivery_id = self._now_ms() / 1000, str(uuid.uuid4())
        uuids = tuple(str(json.loads(event).get("uuid")) for event in events)
        if hook.form == "eventbridge":
            body = as_eventbridge(events[0], organisation=self._name, delivery_id=delivery_id, now=now)
        else:
            forms = [as_hook_event(event) for event in events]
            body = as_envelope(forms, base_url=self._base_url, hook_id=hook.hook_id, delivery_id=delivery_id, now=now)
        assert self._pool is not None  # noqa: S101  # it runs
        for _ in range(times):
            self._pool.submit(self._attempt_twice, hook, body, delivery_id, uuids)

    def _attempt_twice(self, hook: EventHook, body: bytes, delivery_id: str, uuids: tuple[str, ...]) -> None:
        status = self._request(hook, "POST", body, delivery_id, uuids)
        if (status == 0 or status >= 500) and not self._stopping.wait(hook.retry_seconds):
            self._request(hook, "POST", body, delivery_id, uuids)

    def _request(self, hook: EventHook, method: str, body: bytes, delivery_id: str, uuids: tuple[str, ...]) -> int:
        started, at = time.monotonic(), time.time()
        try:
            status, _ = self._exchange(hook, method, body, {"Content-Type": "application/json"})
        except (OSError, http.client.HTTPException):
            status = 0
        hook.deliveries.append(HookDelivery(at, delivery_id, uuids, status, time.monotonic() - started))
        return status

    def _exchange(self, hook: EventHook, method: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        parts = urlsplit(hook.url)
        host, port = parts.hostname or "", parts.port
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=hook.timeout_seconds, context=self._ssl_context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=hook.timeout_seconds)
        try:
            agent = "Okta-Integrations" if method == "GET" else "Okta Hook Service v1.0.0"
            every = {"Accept": "application/json", "User-Agent": agent, "X-Okta-Request-Id": uuid.uuid4().hex, hook.header: hook.secret}
            connection.request(method, parts.path or "/", body if method == "POST" else None, {**every, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
