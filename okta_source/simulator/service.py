"""`GET /api/v1/logs`: admission, page, links, faults and scripts of one organisation."""

import itertools
import random
from collections.abc import Callable
from urllib.parse import unquote

from okta_source.simulator import answers
from okta_source.simulator.cursor import Cursors
from okta_source.simulator.errors import OktaError
from okta_source.simulator.links import link_headers
from okta_source.simulator.log import EventLog
from okta_source.simulator.pages import Page, Pager
from okta_source.simulator.query import parse_query
from okta_source.simulator.rate_limit import Budget
from okta_source.simulator.records import Answer, Request, Scripted
from okta_source.simulator.schedule import timestamp
from okta_source.simulator.settings import Settings

LOGS_PATH = "/api/v1/logs"
_SMALL_BODY_BYTES = 200
_CARRIED = ("since", "until", "limit", "sortOrder", "filter", "q")
_CARRIED_SHORT = ("limit", "filter", "q")
_MALFORMED = (b'{"uuid":null}', b'"not an event"', b"{}", b"17")
_PAGES = answers.PageCache()
_SERIALS = itertools.count()


class LogService:
    """Answers requests for one organisation's log.

    Args:
        settings: How to answer; read anew for each request.
        log: The events.
        organisation: Its name and seed, which its cursors belong to.
        rng: What faults are drawn from.
        admit: Raises `OktaError` for a request whose credential isn't good at this Unix time.
    """

    def __init__(
        self, settings: Settings, log: EventLog, organisation: str, rng: random.Random, admit: Callable[[Request, float], None]
    ) -> None:
        self._settings = settings
        self._log = log
        self._pager = Pager(log, Cursors(log, organisation, settings))
        self._rng = rng
        self._admit_credential = admit
        self._serial = next(_SERIALS)

    def answer(self, request: Request, script: Scripted | None, budget: Budget | None, *, now_ms: int, request_id: str) -> Answer:
        """The answer to a request.

        Args:
            request: The request.
            script: What a test wants of the answer.
            budget: The rate limit's state after this request; None when there is no rate limit.
            now_ms: The present in Unix milliseconds.
            request_id: Okta's id of the request.
        """
        now = now_ms / 1000
        base_url = self._settings.public_url or request.base_url
        if script and not script.fallthrough:
            if script.status == 429 and budget:
                budget = Budget(budget.limit, 0, int(now) + 2, allowed=False)
            form = script.link_form or self._settings.link_form
            link = link_headers(base_url + request.target, script.next_url, form) if script.next_url else []
            return answers.scripted_answer(script, answers.base_headers(now, request_id, budget), link, f"oae{request_id}")
        fault = ""
        try:
            self._admit(request, budget, now)
            fault = self._settings.faults.draw(self._rng, has_cursor="after" in request.query)
            limit = self._settings.rate_limit.limit if self._settings.rate_limit else 600
            failure = answers.fault_error(fault, self._settings.faults, self._rng, now, limit)
            if failure:
                budget = failure[1] or budget
                raise failure[0]
            answer = self._page_answer(request, script, answers.base_headers(now, request_id, budget), now_ms=now_ms, fault=fault)
        except OktaError as error:
            answer = answers.error_answer(error, answers.base_headers(now, request_id, budget), f"oae{request_id}")
        else:
            answers.spoil(fault, self._settings.faults, self._rng, answer)
        if script:
            answers.apply_script(script, answer)
        return answer

    def warm(self, limit: int) -> None:
        """Make and compress every full page of `limit` events from the start, so that serving them costs next to nothing."""
        for start in range(0, len(self._log) - limit + 1, limit):
            self._body(Page(None, span=(start, start + limit), full=True), b"", accepts_gzip=True)

    def _admit(self, request: Request, budget: Budget | None, now: float) -> None:
        """Refuse what never reaches the log.

        Raises:
            OktaError: 404, 405, 429, or what is wrong with the credential.
        """
        if request.path != LOGS_PATH:
            raise OktaError(404, "E0000007", f"{request.path} (Endpoint)")
        if request.method != "GET":
            raise OktaError(405, "E0000022")
        if budget is not None and not budget.allowed:
            raise OktaError(429, "E0000047")
        self._admit_credential(request, now)

    def _page_answer(self, request: Request, script: Scripted | None, headers: list[tuple[str, str]], *, now_ms: int, fault: str) -> Answer:
        base_url = self._settings.public_url or request.base_url
        self._log.grow(now_ms)
        query = parse_query(request.query, now_ms)
        extra = self._extra_event(fault, query.polling, request)
        page = self._pager.page(query, now_ms, reserve=1 if extra else 0)
        next_url = self._next_url(request, query.polling, page, now_ms, base_url)
        form = self._settings.link_form
        if script:
            next_url = next_url if script.next_url is None else script.next_url
            form = script.link_form or form
        headers += [("link", value) for value in link_headers(base_url + request.target, next_url, form)]
        headers.append(("content-type", answers.JSON))
        body, encoding = self._body(page, extra, accepts_gzip="gzip" in request.headers.get("accept-encoding", ""))
        if encoding:
            headers += [("content-encoding", encoding), ("vary", "Accept-Encoding")]
        return Answer(200, headers, body, events=page.count + (1 if extra else 0))

    def _extra_event(self, fault: str, polling: bool, request: Request) -> bytes:  # noqa: FBT001
        """What the faults `duplicate` and `malformed_event` put into a page; empty for nothing."""
        if fault == "malformed_event":
            return _MALFORMED[int(self._rng.random() * len(_MALFORMED))]
        if fault != "duplicate" or not polling or unquote(request.query.get("limit", "")) == "1":
            return b""
        position = self._pager.start_of(request.query.get("after"))
        if not position:
            return b""
        earlier = max(0, position - 1 - int(self._rng.random() * 1000))
        return self._log.slice(earlier, earlier + 1)[0]

    def _next_url(self, request: Request, polling: bool, page: Page, now_ms: int, base_url: str) -> str | None:  # noqa: FBT001
        if page.after is None:
            return None
        carried = _CARRIED if self._settings.since_in_next or not polling else _CARRIED_SHORT
        query = {name: request.query[name] for name in carried if name in request.query}
        if not polling and "until" not in query:
            query["until"] = timestamp(now_ms)
        query["after"] = page.after
        return f"{base_url}{LOGS_PATH}?" + "&".join(f"{name}={value}" for name, value in query.items())

    def _body(self, page: Page, extra: bytes, *, accepts_gzip: bool) -> tuple[bytes, str]:
        """The body and its content encoding."""
        accepts_gzip = accepts_gzip and self._settings.gzip
        key = (self._serial, *page.span) if page.span and page.full and not extra else None
        packed = _PAGES.get(key) if key else None
        if packed is None:
            events = list(self._pager.events_of(page))
            if extra:
                events.insert(int(self._rng.random() * (len(events) + 1)), extra)
            body = b"[" + b",".join(events) + b"]"
            if not accepts_gzip or len(body) < _SMALL_BODY_BYTES:
                return body, ""
            packed = answers.compress(body)
            if key:
                _PAGES.put(key, packed)
        return (packed, "gzip") if accepts_gzip else (answers.expand(packed), "")
