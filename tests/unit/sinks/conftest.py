import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from sinks.documents import Documents


@dataclass(frozen=True)
class Head:
    uuid: str
    published: datetime
    event_type: str = "user.session.start"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def page(tenant: str, *events: tuple[int, str]) -> Documents:
    """A page of events (number, published)."""
    return Documents(
        tenant,
        [Head(str(number), at(published)) for number, published in events],
        [b'{"_okta_tenant":"%s",' % tenant.encode()] * len(events),
        [memoryview(b'"n":%d}' % number) for number, _ in events],
    )


@pytest.fixture
def make_page() -> Callable[..., Documents]:
    return page


def numbers(data: bytes) -> Sequence[int]:
    """The event numbers in NDJSON; fails on a line that isn't whole."""
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line)["n"] for line in data.splitlines()]


@pytest.fixture
def numbers_in() -> Callable[[bytes], Sequence[int]]:
    return numbers
