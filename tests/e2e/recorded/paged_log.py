"""An Okta log of given events, a few a page: nothing of it depends on the release, so that a cursor means the same for all of them."""

import re
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PAGE_EVENTS = 2


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed is meant to be."""


class PagedLog:
    """Serves `GET /api/v1/logs` on a port of its own. A cursor is the number of the events before it.

    Args:
        events: The log, in the order of persistence.
        latency_seconds: Wait before each answer.
    """

    def __init__(self, events: Sequence[bytes], latency_seconds: float = 0.0) -> None:
        self.events = list(events)
        self.cursors: list[int] = []
        log = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                after = re.search(r"[?&]after=(\d+)", self.path)
                start = int(after[1]) if after else 0
                log.cursors.append(start)
                time.sleep(latency_seconds)
                page = log.events[start : start + PAGE_EVENTS]
                body = b"[" + b",".join(page) + b"]"
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Link", f'<{log.url}/api/v1/logs?limit={PAGE_EVENTS}&after={start + len(page)}>; rel="next"')
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
