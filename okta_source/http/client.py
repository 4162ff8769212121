"""One organisation's HTTP: gives an answer or the reason why there is none, and never raises for the network.

Redirects are not followed (the credential would go along), cookies are not kept, `.netrc` is not read (it would replace the
`Authorization` header). TLS is 1.2 or newer. Pages are asked for as in `okta_source.http.exchange`, forms by a `requests` session; both
over the same connection. The body is read raw, since `response.content` inflates in pieces of 10 KB.
"""

import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
import requests.utils
import urllib3.exceptions

from okta_source import __version__
from okta_source.config.org_url import is_loopback
from okta_source.config.tenant import TenantConfig
from okta_source.http.adapter import ExchangingPool, OneConnection, OneTlsConnection
from okta_source.http.connection_slots import LONGEST_IDLE_SECONDS
from okta_source.http.exchange import request_head
from okta_source.http.inflate import CORRUPT, inflate
from okta_source.http.network_error import drop_tracebacks, explain
from okta_source.http.proxy_url import proxy_host, unusable_proxy, with_scheme
from okta_source.polling.outcome import Response, TransportFailure

__all__ = ["HttpClient", "proxies_of"]

USER_AGENT = f"bytewax-okta/{__version__}"
_CONNECT_TIMEOUT_SECONDS = 10.0
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "Content-Type": "application/json", "User-Agent": USER_AGENT}
_CHUNK_BYTES = 1 << 18
# A thousand events of 33 KB each, where 2 KB is usual. What is made of a body takes memory while every other organisation waits for it.
_LARGEST_BODY_BYTES = 32 * 1024 * 1024
_LARGEST_FORM_ANSWER_BYTES = 1024 * 1024
# Okta accepts a rotated refresh token once more for 30 s, unless told otherwise: a lost answer must be asked for again within that time.
_FORM_TIMEOUT_SECONDS = 12.0


class HttpClient:
    """One tenant's connection, kept alive: its TLS settings, proxy and time-out. For one thread at a time.

    Args:
        tenant: Its configuration.
    """

    def __init__(self, tenant: TenantConfig) -> None:
        self.org_url = tenant.org_url
        self._timeout_seconds = tenant.request_timeout_seconds
        self._session = requests.Session()
        # No environment at request time: requests would read .netrc and every *_proxy variable for each page.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.clear()
        self._session.headers.update(_HEADERS)
        chosen = requests.utils.select_proxy(tenant.org_url, proxies_of(tenant))
        proxy = with_scheme(chosen) if chosen else ""
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._proxy_host = proxy_host(proxy)
        self._unusable_proxy = unusable_proxy(proxy) if proxy else None
        # Mounted for both schemes: a link to another host is of the organisation's own.
        self._adapter = OneTlsConnection(tenant.tls) if tenant.org_url.startswith("https:") else OneConnection()
        self._session.mount(f"{tenant.org_url.partition(':')[0]}://", self._adapter)
        self._pool: ExchangingPool | None = None
        self._origin = ""
        self._last_answer_at = time.monotonic()

    def get(self, url: str, headers: Mapping[str, str]) -> Response | TransportFailure:
        """Ask for `url`.

        Args:
            url: Already checked against the organisation's hosts; it goes out byte for byte, while requests would re-quote Okta's cursor.
            headers: The credential.

        Returns:
            The whole answer, inflated, or the beginning of one that is larger than a page can be; or why there is none.
        """
        return self._explained(lambda: self._exchange(url, headers), self._timeout_seconds)

    def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Response | TransportFailure:
        """Send a form, as an authorization server wants it.

        Args:
            url: An endpoint of the organisation.
            form: The fields.
            headers: What goes with them.

        Returns:
            The whole answer, inflated; or why there is none.
        """
        more = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        try:
            request = self._session.prepare_request(requests.Request("POST", url, headers=more, data=dict(form)))
        except requests.RequestException:
            return _odd_credential()
        timeout_seconds = min(self._timeout_seconds, _FORM_TIMEOUT_SECONDS)
        answer = self._explained(lambda: self._post(request, timeout_seconds, _LARGEST_FORM_ANSWER_BYTES), timeout_seconds)
        if isinstance(answer, Response) and answer.is_cut:
            return TransportFailure("decode", "The answer is larger than a megabyte.", "Look at what stands between here and Okta.")
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
        self._pool = None

    def _exchange(self, url: str, headers: Mapping[str, str]) -> Response:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin != self._origin or self._pool is None:
            self._pool, self._origin = self._adapter.pool_for(origin, self._proxies), origin
        target = url[len(origin) :].partition("#")[0]  # a fragment is the client's own
        target = target if target.startswith("/") else f"/{target}"
        # A proxy is asked for plain http by the whole URL; for https it only tunnels.
        line = f"{origin}{target}" if self._proxies and parts.scheme == "http" else target
        answer, sent, whole = self._pool.exchange(
            request_head(parts, line, {**_HEADERS, **headers}),
            connect_seconds=min(_CONNECT_TIMEOUT_SECONDS, self._timeout_seconds),
            answer_seconds=self._timeout_seconds,
            largest_bytes=_LARGEST_BODY_BYTES,
        )
        return _response(answer.status, answer.fields, sent, _LARGEST_BODY_BYTES, whole=whole)

    def _post(self, request: requests.PreparedRequest, timeout_seconds: float, largest_bytes: int) -> Response:
        timeout = (min(_CONNECT_TIMEOUT_SECONDS, timeout_seconds), timeout_seconds)
        answer = self._adapter.send(request, stream=True, timeout=timeout, proxies=self._proxies)
        try:
            return _read(answer, largest_bytes)
        except BaseException:
            answer.close()
            raise

    def _explained(self, ask: Callable[[], Response], timeout_seconds: float) -> Response | TransportFailure:
        if self._unusable_proxy:
            return self._unusable_proxy
        if time.monotonic() - self._last_answer_at > LONGEST_IDLE_SECONDS:
            self._drop()  # the next request makes a new connection
        try:
            response = ask()
        except CORRUPT as error:
            return TransportFailure(
                "decode", f"The compressed body is corrupt or cut short ({error}).", "The same page is asked for again."
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            failure = explain(error, self.org_url, timeout_seconds, self._proxy_host)
            drop_tracebacks(error)
            return failure
        except ValueError:
            return _odd_credential()
        self._last_answer_at = time.monotonic()
        return response

    def _drop(self) -> None:
        """Close the connection."""
        self._adapter.close()
        self._pool = None


def _odd_credential() -> TransportFailure:
    # The exception is not shown: http.client and requests put the header's value into their messages.
    return TransportFailure("auth", "The credential holds a character that no HTTP header can carry.", "Look at `tenants.auth`.")


def _read(answer: requests.Response, largest_bytes: int) -> Response:
    raw = answer.raw
    pieces = []
    size = 0
    # urllib3 raises for a body that ends before its Content-Length or its last chunk.
    while piece := raw.read1(_CHUNK_BYTES, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > largest_bytes:
            answer.close()  # the rest of it still stands in the connection
            return _response(answer.status_code, answer.headers, b"".join(pieces)[:largest_bytes], largest_bytes, whole=False)
    # A kept-alive connection goes back to the pool when the body has been read; close() would throw it away.
    raw.release_conn()
    return _response(answer.status_code, answer.headers, b"".join(pieces), largest_bytes, whole=True)


def _response(status: int, headers: Mapping[str, str], sent: bytes, largest_bytes: int, *, whole: bool) -> Response:
    packed = headers.get("Content-Encoding", "").lower() in {"gzip", "x-gzip"}
    if not whole:
        return Response(status, headers, b"" if packed else sent, len(sent), is_cut=True)
    body, is_cut = inflate(sent, largest_bytes) if packed else (sent, False)
    return Response(status, headers, body, len(sent), is_cut=is_cut)


def proxies_of(tenant: TenantConfig) -> dict[str, str]:
    """The tenant's proxy, else what the environment (`HTTPS_PROXY`, `NO_PROXY`) says once at start; never one for this machine itself."""
    if tenant.proxy:
        return {"http": tenant.proxy, "https": tenant.proxy}
    if is_loopback(urlsplit(tenant.org_url).hostname or ""):
        return {}
    return requests.utils.get_environ_proxies(tenant.org_url)
