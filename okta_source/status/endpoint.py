"""A metrics endpoint: how people may write its address, and what it answers."""

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import requests

from okta_source.status.samples import NotOurs, Samples, parse

__all__ = ["Look", "default_endpoint", "look_at", "url_of"]

_DEFAULT_PORT = 3030
_TIMEOUT_SECONDS = 10.0
_MOST_AT_ONCE = 16
_NOT_OURS = (
    ": this is no metrics endpoint of bytewax-okta. A pipeline with BYTEWAX_DATAFLOW_API_ENABLED=1 serves one at port "
    "BYTEWAX_DATAFLOW_API_PORT (3030), path /metrics."
)


@dataclass(frozen=True, slots=True)
class Look:
    """What an endpoint said.

    Attributes:
        url: The endpoint.
        samples: Its samples, None where it could not be read.
        problem: Why not and what to do, else empty.
    """

    url: str
    samples: Samples | None = None
    problem: str = ""


def default_endpoint(environ: Mapping[str, str] = os.environ) -> str:
    """The endpoint of a pipeline on this machine."""
    return f"http://127.0.0.1:{environ.get('BYTEWAX_DATAFLOW_API_PORT', _DEFAULT_PORT)}/metrics"


def url_of(address: str) -> str:
    """The URL of an endpoint: `host:3031`, `host` and `http://host:3031` mean `http://host:3031/metrics` and its like.

    Args:
        address: What was typed.
    """
    is_bare = "://" not in address
    parts = urlsplit(f"http://{'127.0.0.1' if address.startswith(':') else ''}{address}" if is_bare else address)
    has_port = re.search(r":[^\]]*$", parts.netloc) is not None
    netloc = parts.netloc if has_port or not is_bare else f"{parts.netloc}:{_DEFAULT_PORT}"
    return urlunsplit((parts.scheme, netloc, parts.path if parts.path.strip("/") else "/metrics", parts.query, ""))


def look_at(urls: Sequence[str]) -> list[Look]:
    """Read several endpoints at once; never raises for one that can't be read.

    Args:
        urls: As `url_of` gives them.

    Returns:
        What each said, in their order.
    """
    with ThreadPoolExecutor(min(len(urls), _MOST_AT_ONCE) or 1) as pool:
        return list(pool.map(_look, urls))


def _look(url: str) -> Look:
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy for the internet doesn't know our hosts, and no credential is to be sent
            answer = session.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
    except requests.Timeout:
        return Look(url, problem=f"no answer within {_TIMEOUT_SECONDS:g} s. Is the port open to this machine?")
    except requests.ConnectionError:
        return Look(url, problem="nobody answers there. The pipeline has to be running, with BYTEWAX_DATAFLOW_API_ENABLED=1.")
    except requests.RequestException as error:
        return Look(url, problem=f"this is no address of an endpoint ({error}).")
    if answer.status_code != 200:
        return Look(url, problem=f"it answered {answer.status_code}{_NOT_OURS}")
    answer.encoding = "utf-8"
    try:
        return Look(url, parse(answer.text))
    except NotOurs as error:
        return Look(url, problem=f"{error}{_NOT_OURS}")
