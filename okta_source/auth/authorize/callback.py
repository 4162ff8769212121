"""The loopback server to which Okta sends the browser back: one path, one answer that counts, and a page for it."""

import hmac
import http.server
import queue
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from okta_source.auth.authorize.page import HEADERS, notice_page
from okta_source.auth.authorize.request import CALLBACK_PATH

__all__ = ["CallbackServer"]

_HOST = "127.0.0.1"
_MOST_FIELDS = 20
# Browsers open connections ahead of time and leave them idle.
_READ_TIMEOUT_SECONDS = 10.0
_WRITTEN_WITHIN_SECONDS = 5.0
_POLL_SECONDS = 0.05

_NOT_HERE = ("There is nothing here.", "This address is for the end of a sign-in at Okta alone.")
_ODD = ("This is no answer of Okta's.", "A sign-in ends here with one code or one error. Start again from the URL in the terminal.")
_FOREIGN = (
    "This answer belongs to another sign-in.",
    "It may come from an earlier run of the command, whose time is over, or somebody may have made it up. Nothing was changed. Open the "
    "URL that the terminal shows now.",
)
_AGAIN = ("This sign-in has been answered already.", "The first answer counts: the terminal says how it ended.")


class CallbackServer:
    """Listens on the loopback interface, from its making to `close`.

    Args:
        port: Where; the whole address is registered with the app.
        state: What the one answer that counts repeats.
        on_foreign: Called when an answer comes that belongs to another sign-in.

    Raises:
        OSError: The port can't be had.
    """

    def __init__(self, port: int, state: str, on_foreign: Callable[[], None] = lambda: None) -> None:
        self._state = state.encode()
        self._on_foreign = on_foreign
        self._lock = threading.Lock()
        self._taken = False
        self._answers: queue.Queue[Mapping[str, str]] = queue.Queue()
        self._page = (HTTPStatus.BAD_REQUEST, b"")
        self._page_is_there = threading.Event()
        self._page_is_sent = threading.Event()
        self._server = _Server((_HOST, port), self)
        # By another name nobody is meant to come here (DNS rebinding).
        self.authority = f"{_HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), name="callback", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def wait(self, timeout_seconds: float) -> Mapping[str, str] | None:
        """Wait for the answer to this sign-in.

        Returns:
            Its parameters; nothing if none came in time. The browser then waits for `finish`.
        """
        try:
            return self._answers.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def finish(self, page: bytes, *, ok: bool) -> None:
        """Give the browser its page; returns when that has been sent, or the browser is gone."""
        self._page = (HTTPStatus.OK if ok else HTTPStatus.BAD_REQUEST, page)
        self._page_is_there.set()
        self._page_is_sent.wait(_WRITTEN_WITHIN_SECONDS)

    def close(self) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, target: str, host: str, send: Callable[[HTTPStatus, bytes], None]) -> None:
        """Reply to a GET; for the one that counts, that is after `finish`.

        Args:
            target: The request's target.
            host: Its Host header.
            send: Sends status and page.
        """
        refusal = self._refusal(target, host)
        if refusal is not None:
            status, texts = refusal
            send(status, notice_page(*texts))
            return
        self._page_is_there.wait()
        try:
            send(*self._page)
        finally:
            self._page_is_sent.set()

    def _refusal(self, target: str, host: str) -> tuple[HTTPStatus, tuple[str, str]] | None:
        """Why a request is not the one that counts; nothing for the one that is, whose parameters then are with `wait`."""
        try:
            parts = urlsplit(target)
            pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            return HTTPStatus.BAD_REQUEST, _ODD
        if host != self.authority or parts.path != CALLBACK_PATH:
            return HTTPStatus.NOT_FOUND, _NOT_HERE
        parameters = dict(pairs)
        if not hmac.compare_digest(parameters.get("state", "").encode(errors="replace"), self._state):
            self._on_foreign()
            return HTTPStatus.BAD_REQUEST, _FOREIGN
        if len(parameters) != len(pairs) or bool(parameters.get("code")) == bool(parameters.get("error")):
            return HTTPStatus.BAD_REQUEST, _ODD
        with self._lock:
            taken, self._taken = self._taken, True
        if taken:
            return HTTPStatus.CONFLICT, _AGAIN
        self._answers.put(parameters)
        return None


class _Server(http.server.ThreadingHTTPServer):
    """A thread for each connection, none of which holds the end of the process up."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], owner: CallbackServer) -> None:
        self.owner = owner
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no news; a traceback would show the address, with the code in it."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    server_version = "bytewax-okta"
    sys_version = ""
    timeout = _READ_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Every request of a browser's."""
        self.server.owner.reply(self.path, self.headers.get("Host", ""), self._send)

    def _send(self, status: HTTPStatus, page: bytes) -> None:
        self.send_response(status)
        for name, value in (*HEADERS, ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives
        """Write nothing: the target holds the code."""
