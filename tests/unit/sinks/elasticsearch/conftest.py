from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.elasticsearch import ElasticsearchTarget
from sinks.http.client import HttpClient
from tests.unit.sinks.search_server import FakeSearch

FIRST_PUBLISHED = datetime(2026, 5, 1, 9, 30, 0, 123_000, tzinfo=UTC)


@dataclass(frozen=True)
class Head:
    uuid: str
    published: datetime
    event_type: str = "user.session.start"


def part(tenant: str, *uuids: str, published: Sequence[datetime] | None = None, front: bytes = b"") -> Documents:
    """A page of events, a second apart unless told otherwise."""
    moments = published or [FIRST_PUBLISHED + timedelta(seconds=number) for number in range(len(uuids))]
    return Documents(
        tenant,
        [Head(uuid, moment) for uuid, moment in zip(uuids, moments, strict=True)],
        [front or b'{"_okta_tenant":"%s",' % tenant.encode()] * len(uuids),
        [memoryview(b'"n":%d}' % number) for number in range(len(uuids))],
    )


def batch(*uuids: str, tenant: str = "acme", published: Sequence[datetime] | None = None) -> Batch:
    return Batch((part(tenant, *uuids, published=published),))


@pytest.fixture
def search() -> Iterator[FakeSearch]:
    with FakeSearch() as server:
        yield server


@pytest.fixture
def make_target(search: FakeSearch) -> Iterator[Callable[..., ElasticsearchTarget]]:
    """A target of the fake server, or of other hosts."""
    made = []

    def make(index: str = "logs-okta", *, hosts: Sequence[str] = (), sink_name: str = "search", **settings: object) -> ElasticsearchTarget:
        settings = {"http": HttpClient(4, None, "test"), "authorization": dict, "manage_template": True, "compression": "none"} | settings
        target = ElasticsearchTarget(sink_name, hosts or [search.url], index, **settings)  # type: ignore[arg-type]
        made.append(target)
        return target

    yield make
    for target in made:
        target.close()
