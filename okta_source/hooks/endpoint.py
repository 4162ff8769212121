"""The receiver's own endpoint: `/metrics` for Prometheus, `/healthz` for whoever routes deliveries."""

from collections.abc import Callable
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from tornado import httputil
from tornado.httpserver import HTTPServer

__all__ = ["make_endpoint"]


def make_endpoint(trouble: Callable[[], str]) -> HTTPServer:
    """The server, not listening yet.

    Args:
        trouble: What keeps deliveries from being stored; empty while nothing does.
    """

    def answer(request: httputil.HTTPServerRequest) -> None:
        status, kind, body = _answer(request, trouble())
        headers = httputil.HTTPHeaders({"Content-Type": kind, "Content-Length": str(len(body))})
        assert request.connection is not None  # noqa: S101  # it is a server's
        request.connection.write_headers(httputil.ResponseStartLine("HTTP/1.1", status, HTTPStatus(status).phrase), headers, body)
        request.connection.finish()

    return HTTPServer(answer, idle_connection_timeout=60.0, body_timeout=2.0, max_header_size=16 * 1024, max_body_size=1024)


def _answer(request: httputil.HTTPServerRequest, trouble: str) -> tuple[int, str, bytes]:
    if request.method != "GET":
        return 405, "text/plain; charset=utf-8", b"only GET is answered here\n"
    if request.path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
    if request.path == "/healthz":
        if trouble:
            return 503, "text/plain; charset=utf-8", f"the spool can't be written: {trouble}\n".encode()
        return 200, "text/plain; charset=utf-8", b"ok\n"
    return 404, "text/plain; charset=utf-8", b"/metrics and /healthz are here\n"
