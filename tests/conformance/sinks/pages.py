"""Pages of events as the flow gives them to sinks: tags in front, bodies that are views of what Okta sent, and nothing in it is plain."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from okta_source.polling.event import Head
from sinks.documents import Documents

__all__ = ["content", "page", "tenant_in", "uuid_in", "uuids"]

_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
_UUID = re.compile(rb'"uuid" : "([^"]+)"')
_TENANT = re.compile(rb'"_okta_tenant":"([^"]+)"')


def page(tenant: str, numbers: Iterable[int], *, big: Sequence[int] = (), broken: Sequence[int] = (), second: int = 0) -> Documents:
    """A page of events with these numbers, those of more than 11 a day later.

    Args:
        tenant: The tenant.
        numbers: The events'.
        big: Those that are to have 100,000 bytes.
        broken: Those that are to be no UTF-8.
        second: When the page was fetched; it is another one after a restart.
    """
    tags = f'"_okta_tenant":"{tenant}","_okta_org":"{tenant}.okta.com","_okta_ingested_at":"2026-05-03T00:00:{second:02}.000Z"'
    prefix = f'{{"_okta_event_type":"systemLog",{tags},'.encode()
    heads, events = [], []
    for number in numbers:
        published = _NOON + timedelta(hours=number, milliseconds=number)
        uuid = f"{tenant}-{number}"
        heads.append(Head(uuid=uuid, published=published, event_type="user.session.start"))
        odd = b"\xff\xfe" if number in broken else b"Zo\xc3\xab \xf0\x9f\x94\x90 \xe2\x80\xa8 \\u00e9"
        pad = b"x" * (100_000 if number in big else 0)
        events.append(
            b'{"uuid" : "%s",  "n":1.50e2,"big":123456789012345678901234567890,"who":"%s","pad":"%s" }' % (uuid.encode(), odd, pad)
        )
    sent = memoryview(b"[" + b",".join(events) + b"]")
    bodies = []
    start = 1
    for event in events:
        bodies.append(sent[start + 1 : start + len(event)])
        start += len(event) + 1
    return Documents(tenant, heads, [prefix] * len(heads), bodies)


def content(*pages: Documents) -> dict[str, bytes]:
    """The documents of pages by uuid."""
    return {head.uuid: documents.document(index) for documents in pages for index, head in enumerate(documents.heads)}


def uuids(*pages: Documents) -> list[str]:
    """The ids of pages' events, in order."""
    return [head.uuid for documents in pages for head in documents.heads]


def uuid_in(document: bytes) -> str:
    """A document's id."""
    found = _UUID.search(document)
    assert found, document
    return found[1].decode()


def tenant_in(document: bytes) -> str:
    """A document's tenant."""
    found = _TENANT.search(document)
    assert found, document
    return found[1].decode()
