import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sinks.delivery.batch import Batch
from sinks.documents import Documents

FIRST_PUBLISHED = datetime(2026, 5, 1, 9, 30, 0, 123_000, tzinfo=UTC)


@dataclass(frozen=True)
class Head:
    uuid: str
    published: datetime
    event_type: str = "user.session.start"


def part(tenant: str, *uuids: str, members: Mapping[str, Any] | None = None, org: str | None = None) -> Documents:
    """A page of events, a second apart; `members` are Okta's own."""
    front = {"_okta_event_type": "systemLog", "_okta_tenant": tenant, "_okta_org": org or f"{tenant}.okta.com"}
    prefix = json.dumps(front, separators=(",", ":"))[:-1].encode() + b","
    body = json.dumps({**(members or {})}, ensure_ascii=False)[1:]
    return Documents(
        tenant,
        [Head(uuid, FIRST_PUBLISHED + timedelta(seconds=number)) for number, uuid in enumerate(uuids)],
        [prefix] * len(uuids),
        [memoryview(f'"uuid":{json.dumps(uuid)}{"," if members else ""}{body}'.encode()) for uuid in uuids],
    )


@pytest.fixture
def make_part() -> Callable[..., Documents]:
    return part


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    return lambda *uuids, tenant="acme", **details: Batch((part(tenant, *uuids, **details),))
