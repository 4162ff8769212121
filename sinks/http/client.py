"""Requests to a target: one session, no redirects, no cookies, no surprises from the environment, and failures as values."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3
import urllib3.exceptions

from sinks.http.connections import POOL_CLASSES, SOCKET_OPTIONS
from sinks.http.no_answer import NoAnswer, explain
from sinks.http.retry_after import retry_after_seconds as asked_seconds

__all__ = ["Answer", "HttpClient", "NoAnswer", "retry_after_seconds"]

_LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_LONGEST_RETRY_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: The HTTP status.
        headers: Its headers; names are compared without case.
        body: The whole body, inflated.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Connections to one sink's servers, shared by its sender threads.

    An answer has to be there as a whole within the time-out, where `requests` counts from byte to byte and a trickle never ends.

    Args:
        connections: How many requests may be under way at once.
        tls: The context for https; the system's defaults without one.
        user_agent: Sent with each request.
    """

    def __init__(self, connections: int, tls: ssl.SSLContext | None, user_agent: str) -> None:
        self._session = _Session()
        # No environment at request time: requests would read .netrc and every *_proxy variable for each request.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.clear()
        self._session.headers.update({"Accept-Encoding": "gzip", "User-Agent": user_agent})
        self._adapter = _Adapter(connections, tls)
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._proxies: dict[str, dict[str, str]] = {}

    def request(
        self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str], timeout_seconds: float
    ) -> Answer | NoAnswer:
        """Send a request and read the whole answer; redirects are answers.

        Args:
            method: The HTTP method.
            url: An absolute URL; names the server in messages, its path and query don't appear there.
            body: What is sent.
            headers: Beside the client's own.
            timeout_seconds: For connecting, for each wait while sending, and for the whole answer.
        """
        origin = _origin(url)
        try:
            with self._session.request(
                method,
                url,
                data=body,
                headers=dict(headers),
                timeout=timeout_seconds,
                allow_redirects=False,
                stream=True,
                proxies=self._proxies_of(url),
            ) as answer:
                return Answer(answer.status_code, answer.headers, _read(answer))
        except _TooLargeError as error:
            return NoAnswer("decode", f"{origin}: {error}", "Look at what answers there: it is no such server.", "doubtful")
        except requests.exceptions.InvalidURL:
            # Not shown: its message is the whole URL.
            return NoAnswer("connection", f"No request can be made for {origin}: the URL is none.", "Correct the address.")
        except requests.exceptions.InvalidHeader:
            return _unsendable_header(origin)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = explain(error, origin, timeout_seconds)
            if reason.error_type == "timeout":
                # What one of them has forgotten, the others may have forgotten too.
                self._adapter.forget_connections()
            return reason
        except ValueError:
            return _unsendable_header(origin)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _proxies_of(self, url: str) -> dict[str, str]:
        """What the environment said once, at the first request; never a proxy for this machine itself."""
        host = urlsplit(url).hostname or ""
        if host not in self._proxies:
            self._proxies[host] = {} if _is_loopback(host) else requests.utils.get_environ_proxies(url)
        return self._proxies[host]


class _Session(requests.Session):
    """Knows no redirects: requests would read their bodies and look at their targets although they are not followed."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return


class _Adapter(requests.adapters.HTTPAdapter):
    """Gives every connection a TLS context of ours: requests itself knows no password for a client's key."""

    def __init__(self, connections: int, tls: ssl.SSLContext | None) -> None:
        self._tls = tls or ssl.create_default_context()
        # Without it, urllib3 compares names itself where the context doesn't.
        self._assert_hostname = None if self._tls.check_hostname else False
        if self._tls.verify_mode == ssl.CERT_NONE:
            # The configuration has been warned of already, with the sink's name.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(
            *args, ssl_context=self._tls, assert_hostname=self._assert_hostname, socket_options=SOCKET_OPTIONS, **kwargs
        )
        self.poolmanager.pool_classes_by_scheme = dict(POOL_CLASSES)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(
            proxy, ssl_context=self._tls, assert_hostname=self._assert_hostname, socket_options=SOCKET_OPTIONS, **kwargs
        )
        manager.pool_classes_by_scheme = dict(POOL_CLASSES)
        return manager

    def forget_connections(self) -> None:
        """Close what is idle; the next requests connect anew."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            manager.clear()

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """The context already holds what `verify` and `cert` would set."""
        host_params, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host_params, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context already verifies."""


def retry_after_seconds(headers: Mapping[str, str], now_epoch_seconds: float) -> float | None:
    """What a `Retry-After` header asks for, at most an hour; None where there is none that can be read.

    Args:
        headers: The answer's.
        now_epoch_seconds: The present; the answer's own `Date` is preferred, since the two clocks may differ.
    """
    seconds = asked_seconds(headers, now_epoch_seconds)
    return None if seconds is None else min(seconds, _LONGEST_RETRY_AFTER_SECONDS)


def _unsendable_header(origin: str) -> NoAnswer:
    # The exception is not shown: requests and http.client put the header's value into its message.
    return NoAnswer(
        "auth",
        f"A header for {origin} holds a character that no HTTP header can carry.",
        "Look at the sink's credentials and headers.",
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _TooLargeError(Exception):
    def __str__(self) -> str:
        return f"the answer is larger than {_LARGEST_ANSWER_BYTES // 1024 // 1024} MiB."


def _read(answer: requests.Response) -> bytes:
    pieces = []
    size = 0
    while piece := answer.raw.read1(_CHUNK_BYTES, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > _LARGEST_ANSWER_BYTES:
            raise _TooLargeError
    return b"".join(pieces)
