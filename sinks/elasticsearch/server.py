"""What kind of server answers, from `GET /`. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

__all__ = ["Server", "read_server"]

_VERSION = re.compile(r"(\d+)\.(\d+)")
_NEWEST = (99, 0)


@dataclass(frozen=True, slots=True)
class Server:
    """A server, as far as its kind matters.

    Attributes:
        distribution: Which of the two.
        version: Major and minor; of Elasticsearch's serverless offer, which has every feature and no version, a very high one.
    """

    distribution: Literal["elasticsearch", "opensearch"]
    version: tuple[int, int]

    def __str__(self) -> str:
        name = "Elasticsearch" if self.distribution == "elasticsearch" else "OpenSearch"
        return f"{name} serverless" if self.version == _NEWEST else f"{name} {self.version[0]}.{self.version[1]}"


class _Version(msgspec.Struct):
    number: str
    distribution: str = ""
    build_flavor: str = ""
    lucene_version: str = ""


class _Info(msgspec.Struct):
    version: _Version
    tagline: str = ""


def read_server(body: bytes) -> Server | None:
    """Tell the server from the body of its answer to `GET /`; None where it is something else.

    OpenSearch 1 and 2 may be set to call themselves 7.10.2 without a distribution (`compatibility.override_main_response_version`, a
    checkbox on AWS). The tagline and Lucene's version still tell: 2.8 was the first with Lucene 9.6.
    """
    try:
        info = msgspec.json.decode(body, type=_Info)
    except (ValueError, RecursionError):
        return None
    version = _parse(info.version.number)
    if version is None:
        return None
    if info.version.distribution == "opensearch":
        return Server("opensearch", version)
    if "opensearch" in info.tagline.casefold():
        return Server("opensearch", (2, 8) if (_parse(info.version.lucene_version) or (0, 0)) >= (9, 6) else (1, 0))
    return Server("elasticsearch", _NEWEST if info.version.build_flavor == "serverless" else version)


def _parse(number: str) -> tuple[int, int] | None:
    match = _VERSION.match(number)
    return (int(match[1]), int(match[2])) if match else None
