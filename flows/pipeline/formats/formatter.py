"""Raw documents → documents in a sink's format. Pure.

An event that can't be mapped goes out raw, with the reason in `_okta_mapping_error`; none is dropped, and nothing leaves by an exception.
"""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Final, Protocol

import orjson

from flows.pipeline.formats.event import Event
from flows.pipeline.formats.page import Page, Unmapped, to_page
from sinks.documents import DocumentHead, Documents

__all__ = ["Format", "Formatter"]

_ALERT: Final = b'{"_okta_event_type":"alert"'
_LONGEST_REASON_CHARACTERS: Final = 500
_EVENT_TYPE = attrgetter("event_type")


class Format(Protocol):
    """A format other than raw, and what it remembers; one object for all sinks of a process that want it."""

    @property
    def name(self) -> str:
        """As the configuration has it."""
        ...

    def context(self, tags: bytes) -> bytes:
        """What the events of a page have in common, made of the tags of one of them."""
        ...

    @property
    def body(self) -> Callable[[Event, datetime, bytes], bytes]:
        """Makes a document without its prefix and its tail, of an event, when it happened and its page's context."""
        ...

    @property
    def with_original(self) -> Callable[[bytes, bytes], bytes]:
        """Gives a body its end, in which the event stands as Okta sent it."""
        ...

    @property
    def without_original(self) -> Callable[[bytes], bytes]:
        """Gives a body its end."""
        ...

    def prefix(self, tags: bytes, event_type: str, *, with_original: bool, namespace: str) -> bytes:
        """A document's beginning, made of its tags."""
        ...

    def unmapped(self, head: DocumentHead) -> bytes:
        """Members that a raw document needs among documents of this format, each with a comma behind it."""
        ...

    def alert(self, text: bytes, *, with_original: bool, namespace: str) -> bytes:
        """An alert as a whole document."""
        ...


class _Prefixes(dict[str, bytes]):
    """Event type → prefix, made when first asked for: a page has a few dozen."""

    def __init__(self, document_format: Format, page: Page, *, with_original: bool, namespace: str) -> None:
        super().__init__()
        self._format, self._page, self._with_original = document_format, page, with_original
        self._namespace = namespace.replace("{tenant}", page.tenant)

    def __missing__(self, event_type: str) -> bytes:
        at = next(at for at, head in enumerate(self._page.heads) if head.event_type == event_type)
        prefix = self[event_type] = self._format.prefix(
            self._page.prefixes[at], event_type, with_original=self._with_original, namespace=self._namespace
        )
        return prefix


class Formatter:
    """Gives pages the format of one sink.

    Args:
        document_format: The format.
        with_original: Whether documents hold the event as Okta sent it.
        is_shared: Whether other sinks want the format too, so that it pays to keep what is made of a page.
        namespace: `data_stream.namespace` of ECS documents; `{tenant}` may stand in it.
        on_error: Told how many events of a tenant could not be mapped; once for each event, however many sinks want it.
    """

    def __init__(
        self,
        document_format: Format,
        *,
        with_original: bool,
        is_shared: bool = True,
        namespace: str = "default",
        on_error: Callable[[str, int], None],
    ) -> None:
        self._format = document_format
        self._with_original = with_original
        self._is_shared = is_shared
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
        prefixes = _Prefixes(self._format, page, with_original=self._with_original, namespace=self._namespace)
        made_prefixes = list(map(prefixes.__getitem__, map(_EVENT_TYPE, page.heads)))
        made_bodies = self._bodies(page)
        for at, body in enumerate(made_bodies):
            if isinstance(body, Unmapped):
                made_prefixes[at] = self._apologise(page.prefixes[at], page.heads[at], body)
                made_bodies[at] = page.bodies[at]
        return Documents(page.tenant, page.heads, made_prefixes, made_bodies)  # type: ignore[arg-type]  # none is unmapped any more

    def _bodies(self, page: Page) -> list[bytes | memoryview | Unmapped]:
        """The whole bodies; those that no sink has asked for yet are mapped."""
        made, read = page.forms.bodies(self._format.name), page.forms.read
        remember = self._is_shared
        map_event, context = self._format.body, self._format.context(page.prefixes[0])
        with_original, without_original = self._format.with_original, self._format.without_original
        wanted: list[bytes | memoryview | Unmapped] = []
        unmapped = 0
        for place, head, raw in zip(page.places, page.heads, page.bodies, strict=True):
            body = made[place]
            try:
                if body is None:
                    text, event = read(place, raw)
                    body = map_event(event, head.published, context)
                    if remember:
                        made[place] = body
                    wanted.append(with_original(body, text) if self._with_original else without_original(body))
                elif isinstance(body, Unmapped):
                    wanted.append(body)
                elif self._with_original:
                    wanted.append(with_original(body, b"".join((b"{", raw))))
                else:
                    wanted.append(without_original(body))
            except Exception as error:  # noqa: BLE001
                # Whatever it is, it is one event's doing, and an audit log loses none.
                made[place] = failure = Unmapped(f"{type(error).__name__}: {error}"[:_LONGEST_REASON_CHARACTERS])
                wanted.append(failure)
                unmapped += 1
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
