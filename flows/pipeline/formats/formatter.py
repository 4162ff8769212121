"""Raw documents → documents in a sink's format. Pure.

An event that can't be mapped goes out raw, with the reason in `_okta_mapping_error`; none is dropped, and nothing leaves by an exception.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
import orjson

from flows.pipeline.formats import ecs, ocsf
from flows.pipeline.formats.alerts import alert_to_ecs, alert_to_ocsf
from flows.pipeline.formats.event import Event
from flows.pipeline.formats.moments import normalised
from flows.pipeline.formats.page import Page, Unmapped, to_page
from sinks.documents import DocumentHead, Documents

__all__ = ["EcsFormat", "Format", "Formatter", "OcsfFormat"]

_ALERT: Final = b'{"_okta_event_type":"alert"'
_LONGEST_REASON_CHARACTERS: Final = 500


class Format(Protocol):
    """A format other than raw, and what it remembers; one object for all sinks of a process that want it."""

    @property
    def name(self) -> str:
        """As the configuration has it."""
        ...

    def context(self, tags: bytes) -> bytes:
        """What the events of a page have in common, made of the tags of one of them."""
        ...

    def body(self, event: Event, published: datetime, context: bytes) -> bytes:
        """A document without its prefix and its tail."""
        ...

    def prefix(self, tags: bytes, event_type: str, *, with_original: bool, namespace: str) -> bytes:
        """A document's beginning, made of its tags."""
        ...

    def tail(self, body: bytes, text: bytes | None) -> bytes:
        """A body with its end, in which the event stands as Okta sent it where it is given."""
        ...

    def unmapped(self, head: DocumentHead) -> bytes:
        """Members that a raw document needs among documents of this format, each with a comma behind it."""
        ...

    def alert(self, text: bytes, *, with_original: bool, namespace: str) -> bytes:
        """An alert as a whole document."""
        ...


class EcsFormat:
    """`ecs`."""

    name: Final = "ecs"

    def __init__(self) -> None:
        self._mapper = ecs.EcsMapper()

    def context(self, tags: bytes) -> bytes:  # noqa: ARG002
        """Nothing: all that is common stands in the prefix."""
        return b""

    def body(self, event: Event, published: datetime, context: bytes) -> bytes:  # noqa: ARG002
        """See `ecs.EcsMapper.body`."""
        return self._mapper.body(event)

    def prefix(self, tags: bytes, event_type: str, *, with_original: bool, namespace: str) -> bytes:
        """See `ecs.prefix`."""
        members: dict[str, Any] = msgspec.json.decode(tags[:-1] + b"}")
        members.pop("_okta_event_type", None)
        pipeline = {name.removeprefix("_okta_"): value for name, value in members.items()}
        return ecs.prefix(event_type, pipeline, event_original=with_original, namespace=namespace)

    def tail(self, body: bytes, text: bytes | None) -> bytes:
        """See `ecs.with_original`."""
        return ecs.without_original(body) if text is None else ecs.with_original(body, text)

    def unmapped(self, head: DocumentHead) -> bytes:
        """The member that a data stream requires."""
        return b'"@timestamp":%b,' % normalised(head.published)

    def alert(self, text: bytes, *, with_original: bool, namespace: str) -> bytes:
        """See `alerts.alert_to_ecs`."""
        return alert_to_ecs(text, event_original=with_original, namespace=namespace, mapper=self._mapper)


class OcsfFormat:
    """`ocsf`.

    Args:
        version: The version that documents claim.
    """

    name: Final = "ocsf"

    def __init__(self, version: str) -> None:
        self._version = version
        self._mapper = ocsf.OcsfMapper(version)

    def context(self, tags: bytes) -> bytes:
        """See `ocsf.page_metadata`."""
        members: dict[str, Any] = msgspec.json.decode(tags[:-1] + b"}")
        return ocsf.page_metadata(members["_okta_org"], datetime.fromisoformat(members["_okta_ingested_at"]))

    def body(self, event: Event, published: datetime, context: bytes) -> bytes:
        """See `ocsf.OcsfMapper.body`."""
        return self._mapper.body(event, published, context)

    def prefix(self, tags: bytes, event_type: str, *, with_original: bool, namespace: str) -> bytes:  # noqa: ARG002
        """See `ocsf.prefix`."""
        return ocsf.prefix(tags)

    def tail(self, body: bytes, text: bytes | None) -> bytes:
        """See `ocsf.with_raw_data`."""
        return ocsf.without_raw_data(body) if text is None else ocsf.with_raw_data(body, text)

    def unmapped(self, head: DocumentHead) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""

    def alert(self, text: bytes, *, with_original: bool, namespace: str) -> bytes:  # noqa: ARG002
        """See `alerts.alert_to_ocsf`."""
        return alert_to_ocsf(text, version=self._version, raw_data=with_original)


class Formatter:
    """Gives pages the format of one sink.

    Args:
        document_format: The format.
        with_original: Whether documents hold the event as Okta sent it.
        namespace: `data_stream.namespace` of ECS documents; `{tenant}` may stand in it.
        on_error: Told how many events of a tenant could not be mapped; once for each event, however many sinks want it.
    """

    def __init__(
        self, document_format: Format, *, with_original: bool, namespace: str = "default", on_error: Callable[[str, int], None]
    ) -> None:
        self._format = document_format
        self._with_original = with_original
        self._namespace = namespace
        self._on_error = on_error

    def keyed(self, item: tuple[str, Documents]) -> tuple[str, Documents]:
        """The same for a page with its tenant's name in front, as keyed sinks take it."""
        return item[0], self(item[1])

    def __call__(self, documents: Documents) -> Documents:
        """Documents in the sink's format, one for each, in the same order."""
        if not len(documents):
            return documents
        page = documents if isinstance(documents, Page) else to_page(documents, several=False)
        if page.prefixes[0].startswith(_ALERT):
            return self._alerts(page)
        namespace = self._namespace.replace("{tenant}", page.tenant)
        prefixes: dict[str, bytes] = {}
        made_prefixes: list[bytes] = []
        made_bodies: list[bytes | memoryview] = []
        for at, (tags, body) in enumerate(zip(page.prefixes, self._bodies(page), strict=True)):
            whole = self._with_tail(page, at, body)
            if isinstance(whole, Unmapped):
                made_prefixes.append(self._apologise(tags, page.heads[at], whole))
                made_bodies.append(page.bodies[at])
                continue
            event_type = page.heads[at].event_type
            prefix = prefixes.get(event_type)
            if prefix is None:
                prefix = prefixes[event_type] = self._format.prefix(
                    tags, event_type, with_original=self._with_original, namespace=namespace
                )
            made_prefixes.append(prefix)
            made_bodies.append(whole)
        return Documents(page.tenant, page.heads, made_prefixes, made_bodies)

    def _with_tail(self, page: Page, at: int, body: bytes | Unmapped) -> bytes | Unmapped:
        if isinstance(body, Unmapped):
            return body
        if not self._with_original:
            return self._format.tail(body, None)
        try:
            return self._format.tail(body, b"".join((b"{", page.bodies[at])))
        except UnicodeDecodeError as error:
            self._on_error(page.tenant, 1)
            return Unmapped(f"{type(error).__name__}: {error}"[:_LONGEST_REASON_CHARACTERS])

    def _bodies(self, page: Page) -> Sequence[bytes | Unmapped]:
        """The bodies, without their tails; those that no sink has asked for yet are made."""
        made = page.forms.bodies(self._format.name)
        wanted: list[bytes | Unmapped] = []
        context = self._format.context(page.prefixes[0])
        unmapped = 0
        for place, head, raw in zip(page.places, page.heads, page.bodies, strict=True):
            body = made[place]
            if body is None:
                try:
                    _, event = page.forms.read(place, raw)
                    body = self._format.body(event, head.published, context)
                except Exception as error:  # noqa: BLE001
                    # Whatever it is, it is one event's doing, and an audit log loses none.
                    body = Unmapped(f"{type(error).__name__}: {error}"[:_LONGEST_REASON_CHARACTERS])
                    unmapped += 1
                made[place] = body
            wanted.append(body)
        if unmapped:
            self._on_error(page.tenant, unmapped)
        return wanted

    def _apologise(self, tags: bytes, head: DocumentHead, unmapped: Unmapped) -> bytes:
        reason = orjson.dumps(unmapped.reason.encode(errors="replace").decode())
        return b"".join((tags, b'"_okta_mapping_error":', reason, b",", self._format.unmapped(head)))

    def _alerts(self, page: Page) -> Documents:
        namespace = self._namespace.replace("{tenant}", page.tenant)
        prefixes: list[bytes] = []
        bodies: list[bytes | memoryview] = []
        for at in range(len(page)):
            try:
                document = self._format.alert(page.document(at), with_original=self._with_original, namespace=namespace)
                prefixes.append(b"{")
                bodies.append(document[1:])
            except Exception as error:  # noqa: BLE001
                unmapped = Unmapped(f"{type(error).__name__}: {error}"[:_LONGEST_REASON_CHARACTERS])
                prefixes.append(self._apologise(page.prefixes[at], page.heads[at], unmapped))
                bodies.append(page.bodies[at])
                self._on_error(page.tenant, 1)
        return Documents(page.tenant, page.heads, prefixes, bodies)
