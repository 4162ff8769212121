"""One tenant put together from real parts, with a scripted transport, a clock that stands still and threads that run when told."""

import itertools
import random
from datetime import timedelta
from typing import Any

from prometheus_client import REGISTRY

from okta_source.fetching.control import RunControl
from okta_source.fetching.feed import TenantFeed
from okta_source.fetching.pool import ByteBudget, Shared
from okta_source.metrics import TenantMetrics
from okta_source.partition import TenantPartition
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.limits import Backoff
from okta_source.polling.poller import Poller
from okta_source.polling.query import Query
from okta_source.polling.state import TenantState
from tests.unit.okta_source.fakes import NOW, ORG, Answer, Clock, FakeTransport, InlinePool

_NUMBERS = itertools.count(1)


class Rig:
    """A tenant of its own name, so that its metrics start at zero.

    Args:
        script: What Okta answers.
        until_drained: As in `RunControl`.
        pool: Fetch threads; by default jobs run when `fetch` is called.
        memory_bytes: Of the page memory.
        plain: A snapshot to resume from.
        org: The organisation's host.
        query: Parameters of the query that differ.
    """

    def __init__(
        self,
        *script: Answer,
        until_drained: bool = False,
        pool: Any = None,
        memory_bytes: int = 64 * 1024 * 1024,
        plain: dict[str, Any] | None = None,
        shared: Shared | None = None,
        reserve: float = 0.0,
        org: str = "acme.okta.com",
        **query: Any,
    ) -> None:
        self.tenant = f"rig{next(_NUMBERS)}"
        self.clock = Clock()
        self.pool = pool or InlinePool()
        self.memory = ByteBudget(memory_bytes)
        self.shared = shared or Shared(self.pool, self.memory, self.clock)
        self.transport = FakeTransport(*script)
        self.control = RunControl(until_drained=until_drained, clock=self.clock)
        self.metrics = TenantMetrics(self.tenant, now=self.clock.now, clock=self.clock)
        saved = TenantState.from_plain(plain) if plain else None
        if saved:
            self.metrics.resumed(saved.high_water, drained=saved.drained)
        asked = Query(**({"tenant": self.tenant, "org_url": ORG, "page_limit": 3} | query))
        self.poller = Poller(asked, Backoff(random.Random(1)), since=NOW - timedelta(hours=1), now=self.clock.now(), state=saved)
        self.feed = TenantFeed(
            label=f"{self.tenant} (Acme Inc.)",
            tenant=self.tenant,
            poller=self.poller,
            transport=self.transport,
            shared=self.shared,
            org_host=org,
            rate_limit_reserve=reserve,
            metrics=self.metrics,
            control=self.control,
            now=self.clock.now,
        )
        drained = saved.drained if saved else None
        state = TenantState(self.poller.cursor, self.poller.started_at, self.poller.high_water, asked.fingerprint(), drained=drained)
        window = SeenWindow(3600.0, saved.window if saved else ())
        self.partition = TenantPartition(self.tenant, self.feed, state, window, self.metrics, self.control)

    def metric(self, name: str, **labels: str) -> float:
        """A sample of this tenant, 0.0 where there is none."""
        return REGISTRY.get_sample_value(name, {"tenant": self.tenant, **labels}) or 0.0

    def has(self, name: str, **labels: str) -> bool:
        """Whether there is such a sample."""
        return REGISTRY.get_sample_value(name, {"tenant": self.tenant, **labels}) is not None

    def fetch(self) -> None:
        """Let the feed start what it may, and run it."""
        self.feed.poke()
        self.pool.run()
