"""The URL of a proxy as the environment holds it: it may have a password, which no message shows, and nobody has checked it before."""

from urllib.parse import urlsplit

from okta_source.polling.outcome import TransportFailure

__all__ = ["proxy_host", "unusable_proxy", "with_scheme"]

_SCHEMES = ("http", "https")


def with_scheme(url: str) -> str:
    """The URL of a proxy that was given as `HOST:PORT` alone, as curl takes it too; any other one as it is."""
    return url if "://" in url else f"http://{url}"


def proxy_host(url: str) -> str:
    """Host and port, for messages: never user and password, however odd the URL is."""
    return url.rpartition("@")[2].rpartition("://")[2].partition("/")[0]


def unusable_proxy(url: str) -> TransportFailure | None:
    """Why a proxy can't be used at all; nothing where its URL makes sense.

    Args:
        url: With its scheme.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        parts.netloc.encode("latin-1")  # what http.client can send
    except ValueError:
        usable = False
    if usable:
        return None
    return TransportFailure(
        "connection",
        "The proxy's URL, from HTTPS_PROXY in the environment, is none that can be used.",
        "Write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with %XX for characters such as @, / and : in the password.",
    )
