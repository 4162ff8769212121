"""Each kind of sink with the server that it writes to: how to configure it, what arrived there, and how to make it fail."""

import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

import msgspec
import pytest

from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, SinkConfig, WebhookSinkConfig
from tests.conformance.sinks.pages import tenant_in, uuid_in
from tests.unit.sinks.firewall import Firewall
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import FakeSearch, ItemError

__all__ = ["FILE", "HOOKS", "KINDS", "SEARCHES", "SENDERS", "FileKind", "HookKind", "Kind", "SearchKind", "Sender", "for_each"]

_TIMESTAMP = re.compile(rb'\{"@timestamp":"([^"]+)",')


class Kind(ABC):
    """A sink and its destination, from `with` to its end."""

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *exc_info: object) -> None: ...

    @abstractmethod
    def config(self, folder: Path, **keys: Any) -> SinkConfig:
        """The sink's table; `keys` beside or instead of the kind's own."""

    @abstractmethod
    def documents(self) -> Sequence[bytes]:
        """What the destination has taken, in the order of arrival and without what the protocol puts around it, as often as it is there."""

    def by_uuid(self) -> dict[str, bytes]:
        """The same by id."""
        return {uuid_in(document): document for document in self.documents()}

    def arrived(self) -> list[str]:
        """The ids of what was taken."""
        return [uuid_in(document) for document in self.documents()]


class FileKind(Kind):
    """Files below a folder."""

    def __init__(self) -> None:
        self._out = Path()

    def __exit__(self, *exc_info: object) -> None:
        """There is no server."""

    def config(self, folder: Path, **keys: Any) -> FileSinkConfig:
        self._out = folder / "out"
        return FileSinkConfig.model_validate({"type": "file", "path": str(self._out / "{tenant}/{date}.ndjson"), **keys})

    @property
    def files(self) -> list[Path]:
        """All that there are."""
        return sorted(self._out.rglob("*.ndjson"))

    def documents(self) -> Sequence[bytes]:
        """Their lines."""
        contents = [path.read_bytes() for path in self.files]
        assert all(data.endswith(b"\n") for data in contents)
        return [line for data in contents for line in data.removesuffix(b"\n").split(b"\n")]


class Sender(Kind):
    """A sink that sends, to a server with faults to order.

    Attributes:
        server: The server: both have the same faults.
        refuses_single_events: Whether it says which event of a request it refuses; otherwise it refuses them all.
    """

    server: Receiver | FakeSearch
    refuses_single_events: bool

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.server.clear()
        self.server.__exit__(*exc_info)

    @abstractmethod
    def sent(self) -> list[list[str]]:
        """The ids of each request that arrived whole, whatever became of it."""

    @abstractmethod
    def refuse(self, refused: Sequence[str]) -> None:
        """Never take these events, for being what they are; the server's words are `poison`."""

    @abstractmethod
    def limit(self, size_bytes: int | None) -> None:
        """Answer requests that are larger with 413."""

    def firewall(self, uuid: str, how: Literal["403-html", "502-html", "hang", "reset", "alert"], page: bytes) -> None:
        """Put something in front of it that lets no request through in which this event is."""
        self.server.firewall = Firewall(b'"uuid" : "%s"' % uuid.encode(), how, page)

    def wait_for_requests(self, count: int) -> None:
        """Until so many have arrived."""
        self.server.wait_for(lambda _server: len(self.sent()) >= count)


class HookKind(Sender):
    """A receiver of webhooks.

    Args:
        encoding: The sink's.
    """

    def __init__(self, encoding: Literal["json", "ndjson", "hec"]) -> None:
        self.server: Receiver = Receiver()
        self._encoding = encoding
        self.refuses_single_events = encoding == "hec"

    def secure(self, tls: ssl.SSLContext) -> None:
        """Be a receiver by https from now on."""
        self.__exit__()
        self.server = Receiver(tls=tls)
        self.__enter__()

    def config(self, folder: Path, **keys: Any) -> WebhookSinkConfig:
        own = {"type": "webhook", "url": self.server.url, "encoding": self._encoding, "batch_events": 3}
        return WebhookSinkConfig.model_validate({**own, **keys})

    def documents(self) -> Sequence[bytes]:
        return [document for request in list(self.server.requests) if request.taken for document in self._documents(request.body)]

    def sent(self) -> list[list[str]]:
        return [[uuid_in(document) for document in self._documents(request.body)] for request in list(self.server.requests)]

    def message_ids(self) -> list[tuple[str, tuple[str, ...]]]:
        """The `webhook-id` of each request that arrived, with its events."""
        ids = [request.headers["webhook-id"] for request in list(self.server.requests)]
        return list(zip(ids, map(tuple, self.sent()), strict=False))

    def refuse(self, refused: Sequence[str]) -> None:
        self.server.poison = lambda event: event["uuid"] in refused

    def limit(self, size_bytes: int | None) -> None:
        self.server.max_body_bytes = size_bytes

    def _documents(self, body: bytes) -> list[bytes]:
        if self._encoding == "json":
            return [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
        lines = body.removesuffix(b"\n").split(b"\n")
        if self._encoding == "ndjson":
            return lines
        return [bytes(msgspec.json.decode(line, type=_Envelope).event) for line in lines]


class _Envelope(msgspec.Struct):
    event: msgspec.Raw


class SearchKind(Sender):
    """An Elasticsearch or OpenSearch.

    Args:
        distribution: Which.
        dated: Whether the target is an index for each tenant and day instead of a data stream.
    """

    refuses_single_events = True

    def __init__(self, distribution: Literal["elasticsearch", "opensearch"], *, dated: bool) -> None:
        self.server: FakeSearch = FakeSearch(distribution, {"elasticsearch": "8.19.0", "opensearch": "2.19.6"}[distribution])
        self._dated = dated

    def config(self, folder: Path, **keys: Any) -> ElasticsearchSinkConfig:
        target = "okta-{tenant}-{date}" if self._dated else "logs-okta.system-default"
        own = {"type": "elasticsearch", "hosts": [self.server.url], "target": target, "batch_events": 3}
        return ElasticsearchSinkConfig.model_validate({**own, **keys})

    def documents(self) -> Sequence[bytes]:
        with self.server.changed:
            assert self.server.templates or not self.server.indices, "written before the template was there"
            found = [(index, uuid, source) for index, sources in self.server.indices.items() for uuid, source in sources.items()]
        return [self._as_given(index, uuid, source) for index, uuid, source in found]

    def sent(self) -> list[list[str]]:
        return [[uuid_in(line) for line in request.body.split(b"\n")[1::2]] for request in self.server.sent_to("/_bulk")]

    def refuse(self, refused: Sequence[str]) -> None:
        error = ItemError(400, "mapper_parsing_exception", "poison")
        self.server.verdict = lambda event: error if uuid_in(event) in refused else None

    def limit(self, size_bytes: int | None) -> None:
        self.server.max_content_length = size_bytes

    def _as_given(self, index: str, uuid: str, source: bytes) -> bytes:
        """A document without its @timestamp, after a look at where it is and under which id."""
        timestamp = _TIMESTAMP.match(source)
        assert timestamp, source
        document = b"{" + source[timestamp.end() :]
        assert uuid_in(document) == uuid
        if self._dated:
            assert index == f"okta-{tenant_in(document)}-{timestamp[1][:10].decode()}"
        else:
            assert index == "logs-okta.system-default"
        return document


FILE = ("file",)
SEARCHES = ("elasticsearch-stream", "elasticsearch-dated", "opensearch-stream", "opensearch-dated")
HOOKS = ("webhook-json", "webhook-ndjson", "webhook-hec")
SENDERS = (*SEARCHES, *HOOKS)

KINDS: Mapping[str, Callable[[], Kind]] = MappingProxyType({
    "file": FileKind,
    "elasticsearch-stream": lambda: SearchKind("elasticsearch", dated=False),
    "elasticsearch-dated": lambda: SearchKind("elasticsearch", dated=True),
    "opensearch-stream": lambda: SearchKind("opensearch", dated=False),
    "opensearch-dated": lambda: SearchKind("opensearch", dated=True),
    "webhook-json": lambda: HookKind("json"),
    "webhook-ndjson": lambda: HookKind("ndjson"),
    "webhook-hec": lambda: HookKind("hec"),
})  # fmt: skip
"""Every kind of sink by its name here."""


def for_each(*kinds: str) -> pytest.MarkDecorator:
    """Run a case on a bench for each of these kinds."""
    return pytest.mark.parametrize("bench", kinds, indirect=True)
