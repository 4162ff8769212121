"""Runs a `HistorySource` the way Bytewax does, without Bytewax: until it ends, or until so many items have come."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.fetching.pool import Shared
from okta_source.history import HistorySource, Ledger, Slice, SliceDone
from okta_source.history.partition import SlicePartition
from okta_source.polling.event import Batch, Malformed
from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import judge, wait_for

DEADLINE_SECONDS = 60.0


def tenant_of(sim: Simulator, organisation: Organisation, **settings: Any) -> TenantConfig:
    auth = {"method": "ssws", "token_env": f"TOKEN_{organisation.name.upper()}"}
    return TenantConfig.model_validate(
        {"name": organisation.name, "org_url": sim.url(organisation.name), "auth": auth, "request_timeout_seconds": 2, **settings}
    )


class Driver:
    """A backfill that is run in lives; each takes up what the one before has snapshotted.

    Attributes:
        ledger: Of the last life.
        control: Of the last life.
        lines: Every event handed over, as tagged lines, by tenant.
        malformed: What goes to the dead letters.
        done: The slices told to be complete.
    """

    def __init__(self, tenants: Sequence[TenantConfig], slices: Sequence[Slice], **settings: Any) -> None:
        self.tenants = tenants
        self.slices = slices
        self.settings = settings
        self.states: dict[str, Any] = {}
        self.lines: dict[str, list[bytes]] = {tenant.name: [] for tenant in tenants}
        self.malformed: list[Malformed] = []
        self.done: Counter[str] = Counter()
        self.ledger = Ledger(slices)
        self.control = RunControl()

    def live(self, *, batches: int | None = None, stop_after: int | None = None, nap_seconds: float = 0.001) -> "Driver":
        """One life: to the end, killed after so many batches, or asked to stop then; with long naps, pages wait to be taken."""
        self.ledger, self.control = Ledger(self.slices), RunControl()
        source = HistorySource(self.tenants, self.slices, control=self.control, ledger=self.ledger, shared=Shared(), **self.settings)
        parts = {key: source.build_part("step", key, self.states.get(key)) for key in source.list_parts()}
        due = {key: datetime.min.replace(tzinfo=UTC) for key in parts}
        deadline, seen = time.monotonic() + DEADLINE_SECONDS, 0
        while parts:
            assert time.monotonic() < deadline, "the backfill does not end"
            for key, part in list(parts.items()):
                if datetime.now(UTC) < due[key]:
                    continue
                try:
                    items = part.next_batch()
                except StopIteration:
                    self.states[key] = part.snapshot()
                    part.close()
                    del parts[key]
                    continue
                due[key] = part.next_awake() or due[key]
                seen += self._take(items)
                self.states[key] = part.snapshot()
                if batches is not None and seen >= batches:
                    self._bury(parts.values())
                    return self
            if stop_after is not None and seen >= stop_after:
                self.control.request_stop()
            time.sleep(nap_seconds)
        return self

    def _bury(self, parts: Iterable[Any]) -> None:
        """What the end of a process does: nothing is under way any more, and no connection open."""
        self.control.request_stop()
        for part in parts:
            if isinstance(part, SlicePartition):
                wait_for(lambda part=part: not part._feed.in_flight, "the end of a request")
            part.close()

    def _take(self, items: Sequence[Any]) -> int:
        batches = 0
        for item in items:
            if isinstance(item, SliceDone):
                self.done[item.slice.key] += 1
            elif isinstance(item, Malformed):
                self.malformed.append(item)
            else:
                assert isinstance(item, Batch)
                tag = f'{{"_okta_tenant":"{item.tenant}",'.encode()
                self.lines[item.tenant] += [tag + bytes(body) for body in item.bodies]
                batches += 1
        return batches

    def judge(self, organisation: Organisation, expected: list[bytes] | None = None) -> None:
        """Assert that exactly the expected events were handed over (by default all), once, and each slice told done once."""
        judge(self.lines[organisation.name], organisation.persisted() if expected is None else expected, organisation.name)
        assert self.done == Counter(wanted.key for wanted in self.slices)
