"""One Okta organisation: its log, its settings, and the memory of who asked it for what."""

import random
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from okta_source.simulator.answers import wall_ms
from okta_source.simulator.attacks import ATTACK_SPAN_SECONDS, attack_events
from okta_source.simulator.event_hook import EventHook
from okta_source.simulator.events import EventFactory
from okta_source.simulator.faults import Faults
from okta_source.simulator.hook_api import HookApi
from okta_source.simulator.hook_sender import HookSender
from okta_source.simulator.log import EventLog
from okta_source.simulator.oauth import Administrator, AuthorizationServer, OAuthClient, TokenRequest
from okta_source.simulator.rate_limit import RateLimit, RateLimiter
from okta_source.simulator.records import Answer, Request, RequestRecord, Script
from okta_source.simulator.service import LogService
from okta_source.simulator.settings import Settings

_KEPT_REQUESTS = 100_000


class Organisation(Settings):
    """An Okta organisation.

    Args:
        name: Its name, unique in a simulator.
        seed: Same seed, settings and `now`: the same events, byte for byte, and the same faults.
        events: How many events are persisted before the start.
        span_seconds: Over how long the backlog is spread; it ends now.
        rate_per_second: Events persisted per second while it runs.
        token: The accepted SSWS token; assign another one to rotate it.
        bearer_tokens: The accepted OAuth access tokens.
        rate_limit: The budget; None sends no X-Rate-Limit headers and limits nothing.
        faults: Faults by probability; may be replaced while it runs.
        latency_seconds: Wait before each answer.
        link_form: Form of the Link header, one of `okta_source.simulator.links.FORMS`.
        cursor_form: `okta`, or `encoded` for percent-encoded base64 that must come back byte for byte.
        since_in_next: Whether next links repeat `since` and `sortOrder` beside `after`; Okta does either.
        late_probability: Share of events persisted long after `published`.
        event_bytes: Mean event size in bytes to pad to; None for natural events of about 2.2 KB. Below 1.8 KB it has no effect.
        gzip: Whether to compress for clients that accept it.
        body_form: `content-length`, `chunked`, or `mixed`, which alternates.
        users: How many people there are; by default it follows from `events`.
        now: The present at the moment of creation; the organisation's clock runs on from there. Default: this machine's.
        public_url: What links start with, when clients come through a proxy; by default what the client called.
        forbidden: Answer 403 to every authenticated request.
        oauth_clients: The apps that its authorization server knows; `register` adds more.
        administrators: The people who can sign in; by default one, `admin@NAME.example.com` with the password `simulated-NAME`.
        hooks: Its event hooks (and EventBridge rules); what they are due for is said in every event from the first on.
        mix: `varied`, of everything something, or `everyday`, nothing that anybody should look at.
        attacks: Names of `okta_source.simulator.attacks.ATTACKS`, which happen within the last three hours of the backlog.
        hooks_context: What receivers' certificates are checked against; by default this machine's authorities.

    Attributes:
        oauth: Its authorization server, with everything that tests do to it.
        hooks: Its hooks.
        hook_sender: Delivers by them.
    """

    def __init__(
        self,
        name: str,
        *,
        seed: int = 1,
        events: int = 0,
        span_seconds: float = 86_400.0,
        rate_per_second: float = 0.0,
        token: str | None = None,
        bearer_tokens: Sequence[str] = (),
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - frozen
        faults: Faults | None = None,
        latency_seconds: float = 0.0,
        link_form: str = "joined",
        cursor_form: str = "okta",
        since_in_next: bool = True,
        late_probability: float = 0.0,
        event_bytes: int | None = None,
        gzip: bool = True,
        body_form: str = "mixed",
        users: int | None = None,
        now: datetime | None = None,
        public_url: str | None = None,
        forbidden: bool = False,
        oauth_clients: Iterable[OAuthClient] = (),
        administrators: Iterable[Administrator] | None = None,
        hooks: Iterable[EventHook] = (),
        hooks_context: ssl.SSLContext | None = None,
        mix: str = "varied",
        attacks: Sequence[str] = (),
    ) -> None:
        if attacks and span_seconds < ATTACK_SPAN_SECONDS:
            msg = f"attacks need a backlog of at least {ATTACK_SPAN_SECONDS} seconds; it is of {span_seconds:g}"
            raise ValueError(msg)
        super().__init__(
            token=f"00sim-{name}" if token is None else token,
            bearer_tokens=set(bearer_tokens),
            rate_limit=rate_limit,
            faults=Faults() if faults is None else faults,
            latency_seconds=latency_seconds,
            link_form=link_form,
            cursor_form=cursor_form,
            since_in_next=since_in_next,
            gzip=gzip,
            body_form=body_form,
            public_url=public_url,
            forbidden=forbidden,
        )
        self.name = name
        self.rate_per_second = rate_per_second
        self.requests_count = 0
        self.rejected_429_count = 0
        self._clock_offset_seconds = now.timestamp() - time.time() if now else 0.0
        self._id_rng = random.Random(f"{name}:{seed}:ids")
        self._limiter = RateLimiter(self._id_rng.random())
        self._requests: deque[RequestRecord] = deque(maxlen=_KEPT_REQUESTS)
        self._scripts: deque[Script] = deque()
        self._lock = threading.Lock()
        people = users or min(1000, max(25, events // 100))
        self.hooks = list(hooks)
        factory = EventFactory(name, seed, people, event_bytes, self._hooks_of, everyday=mix == "everyday")
        self._log = EventLog(factory, seed, late_probability)
        hook_rng = random.Random(f"{name}:{seed}:hooks")
        self.hook_sender = HookSender(name, self._log, self.hooks, self.now_ms, hook_rng, hooks_context)
        people_signing_in = [Administrator(f"admin@{name}.example.com", f"simulated-{name}")] if administrators is None else administrators
        self.oauth = AuthorizationServer(name, self, lambda: self.now_ms() / 1000, oauth_clients, people_signing_in)
        self._service = LogService(self, self._log, f"{name}:{seed}", random.Random(f"{name}:{seed}:faults"), self.oauth.admit)
        self._hook_api = HookApi(self.hooks, self.oauth.admit, self.hook_sender.verify)
        end_ms = int(now.timestamp() * 1000) if now else self.now_ms()
        attacking = attack_events(attacks, factory.population, random.Random(f"{name}:{seed}:attacks"), end_ms)
        self._log.fill_around(end_ms - int(span_seconds * 1000), end_ms, events, attacking)

    def now_ms(self) -> int:
        """Unix milliseconds of the organisation's clock."""
        return wall_ms(self._clock_offset_seconds)

    def advance_clock(self, seconds: float) -> None:
        """Let time pass at once: tokens expire, rate limits start anew, live events arrive."""
        self._clock_offset_seconds += seconds

    def register(self, client: OAuthClient) -> OAuthClient:
        """Make an app known to the authorization server; one with the same id is replaced."""
        return self.oauth.register(client)

    @property
    def token_requests(self) -> list[TokenRequest]:
        """The requests to the token endpoint so far; they are not among `requests`, nor are others to the authorization server."""
        return self.oauth.token_requests

    def start(self) -> None:
        """Let live events begin; the simulator calls it when it starts to listen."""
        self._log.start_live(self.now_ms(), self.rate_per_second)

    def start_hooks(self, url: str) -> None:
        """Let deliveries begin; the simulator calls it once it listens.

        Args:
            url: Where it does, which deliveries name as their source.
        """
        if self.hooks:
            self.hook_sender.start(self.public_url or url)

    def stop_hooks(self) -> None:
        """End deliveries; what is on its way is waited for."""
        self.hook_sender.stop()

    def persisted(self) -> list[bytes]:
        """The exact bytes of every event so far, in the order of their persistence."""
        return list(self.iterate_persisted())

    def iterate_persisted(self) -> Iterator[bytes]:
        """As `persisted`, one event at a time, for logs that are too large for memory."""
        self._log.grow(self.now_ms())
        return self._log.iterate()

    def uuids(self) -> list[str]:
        """The uuid of every event so far, in the order of their persistence; cheap even for a million events."""
        self._log.grow(self.now_ms())
        return [self._log.uuid(position) for position in range(len(self._log))]

    def __len__(self) -> int:
        self._log.grow(self.now_ms())
        return len(self._log)

    def append(self, events: int | Sequence[bytes]) -> list[str]:
        """Persist more events now.

        Args:
            events: How many to make up, or the exact bytes of each, which may be malformed or repeat others.

        Returns:
            Their uuids; empty texts for bytes that have none.
        """
        with self._lock:
            if isinstance(events, int):
                first = self._log.append_generated(self.now_ms(), events)
            else:
                first = self._log.append_raw(self.now_ms(), events)
            count = events if isinstance(events, int) else len(events)
        return [self._log.uuid(position) for position in range(first, first + count)]

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests so far, the last hundred thousand of them."""
        with self._lock:
            return list(self._requests)

    def script(self, *answers_to_come: Script) -> None:
        """Decide the next answers, one a request, before normal service goes on."""
        with self._lock:
            self._scripts.extend(answers_to_come)

    def spend_rate_limit(self, requests: int) -> None:
        """Use up some of the present window's budget, as another client of the organisation would."""
        if self.rate_limit is not None:
            with self._lock:
                self._limiter.spend(self.rate_limit, self.now_ms() / 1000, requests)

    def rate_limit_window(self, at: float) -> int:
        """The number of the rate limit's window that a request belongs to which came at Unix time `at`; 0 without a limit."""
        return self._limiter.window_of(self.rate_limit, wall_ms(self._clock_offset_seconds, at) / 1000) if self.rate_limit else 0

    def warm(self, limit: int = 1000) -> None:
        """Prepare the pages that a client with this limit will ask for, for benchmarks in which the server shall cost little."""
        self._service.warm(limit)

    def respond(self, request: Request) -> Answer:
        """The answer to a request; for the server."""
        if self._hook_api.serves(request.path):
            with self._lock:
                request_id = f"{self._id_rng.getrandbits(96):024x}"
            return self._hook_api.respond(request, request_id, self.now_ms() / 1000)
        if self.oauth.serves(request.path):
            with self._lock:
                request_id = f"{self._id_rng.getrandbits(96):024x}"
            answer = self.oauth.respond(request, request_id)
            answer.delay_seconds += self.latency_seconds
            return answer
        with self._lock:
            script = self._scripts.popleft() if self._scripts else None
            self.requests_count += 1
            came_at = time.time()  # what it is counted by, and not the moment of its answer
            now_ms = wall_ms(self._clock_offset_seconds, came_at)
            budget = self._limiter.spend(self.rate_limit, now_ms / 1000) if self.rate_limit else None
            request_id = f"{self._id_rng.getrandbits(96):024x}"
        scripted = script(request) if callable(script) else script
        answer = self._service.answer(request, scripted, budget, now_ms=now_ms, request_id=request_id)
        answer.delay_seconds += self.latency_seconds
        answer.chunked = self.body_form == "chunked" or (self.body_form == "mixed" and self.requests_count % 2 == 0)
        record = RequestRecord(
            at=came_at,
            method=request.method,
            target=request.target,
            headers=request.headers,
            status=0 if answer.silent else answer.status,
            events=answer.events,
            cursor=request.query.get("after"),
        )
        with self._lock:
            self._requests.append(record)
            self.rejected_429_count += record.status == 429
        return answer

    def _hooks_of(self, event_type: str) -> str:
        """What `targetEventHookIds` says; EventBridge is no hook."""
        return ",".join(hook.hook_id for hook in self.hooks if hook.form == "hook" and hook.wants(event_type))
