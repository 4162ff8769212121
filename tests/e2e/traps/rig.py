"""What the tests of known traps share: the real flow in this process, and one source driven by hand over real HTTP."""

import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main
from prometheus_client import REGISTRY

from flows.configuration.settings import load
from flows.system_log import build_flow
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.fetching.pool import ByteBudget, Shared
from okta_source.polling.event import Batch, Malformed
from okta_source.polling.limits import Backoff
from okta_source.polling.outcome import Failure
from okta_source.simulator import Organisation
from okta_source.source import OktaSource
from tests.e2e.harness import Workplace, wait_for
from tests.unit.okta_source.fakes import Clock, InlinePool

HOUR = timedelta(hours=1)


def drain(place: Workplace) -> Mapping[str, Failure]:
    """Run the real flow until drained, here, on the saved state; returns the tenants that could not be."""
    control = RunControl(until_drained=True)
    _run(place, control)
    return control.undrained()


def poll(place: Workplace, until: Callable[[], bool], what: str, timeout_seconds: float = 20.0) -> None:
    """Run the real flow here until something is so, then stop it as a signal would."""
    control = RunControl()

    def watch() -> None:
        try:
            wait_for(until, what, timeout_seconds)
        finally:
            control.request_stop()

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        _run(place, control)
        watching.result()


def _run(place: Workplace, control: RunControl) -> None:
    if not place.state.exists():
        place.state.mkdir()
        init_db_dir(place.state, 1)
    flow = build_flow(load(place.config, {}), control, place.state)
    run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(place.state)))


def workplace(folder: Path, url: str, organisation: Organisation, **keys: object) -> Workplace:
    """A workplace with one tenant, ready to run."""
    place = Workplace(folder)
    place.add(organisation.name, url, organisation.token, **keys)
    place.write()
    return place


def series(name: str, **labels: str) -> float:
    """The present value of a metric of this process; 0.0 where there is none."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


@contextmanager
def growth(name: str, by: float, **labels: str) -> Iterator[None]:
    """Assert by how much a metric grows."""
    before = series(name, **labels)
    yield
    assert series(name, **labels) - before == by


class ByHand:
    """The source's partitions, driven as Bytewax drives them, over real HTTP, with a clock that the test moves.

    A request is made within the `next_batch` that asks for it, so that nothing is left to chance.

    Args:
        tenants: Whom to poll.
        states: Snapshots of an earlier source by tenant.
        clock: A clock to go on with.
        until_drained: Whether partitions end.
        memory: The page memory.
    """

    def __init__(
        self,
        *tenants: TenantConfig,
        states: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        until_drained: bool = False,
        memory: ByteBudget | None = None,
    ) -> None:
        self.clock = clock or Clock(datetime.now(UTC))
        self.control = RunControl(until_drained=until_drained, clock=self.clock)
        self._pool = InlinePool()
        source = OktaSource(tenants, control=self.control, now=self.clock.now)
        source._shared = Shared(self._pool, memory, clock=self.clock)  # type: ignore[arg-type]
        self.partitions = {name: source.build_part("okta", name, (states or {}).get(name)) for name in source.list_parts()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for partition in self.partitions.values():
            partition.close()

    def ask(self, tenant: str | None = None) -> list[Batch | Malformed]:
        """What one call of `next_batch` hands over, after any request that it makes has ended."""
        items = self.partitions[tenant or next(iter(self.partitions))].next_batch()
        self._pool.run()
        return items

    def settle(self, tenant: str | None = None, calls: int = 1000) -> list[Batch | Malformed]:
        """Call until nothing more can happen at this moment of the clock."""
        items: list[Batch | Malformed] = []
        quiet = 0
        for _ in range(calls):
            got = self.ask(tenant)
            items += got
            partition = self.partitions[tenant or next(iter(self.partitions))]
            quiet = 0 if got or partition._feed.idle_seconds() == 0.0 else quiet + 1  # type: ignore[union-attr]
            if quiet == 2:
                return items
        msg = f"it never rested in {calls} calls"
        raise AssertionError(msg)

    def snapshots(self) -> dict[str, Any]:
        return {name: partition.snapshot() for name, partition in self.partitions.items()}


def tenant(folder: Path, url: str, organisation: Organisation, **keys: object) -> TenantConfig:
    """A tenant's settings, read as a configuration file is."""
    return workplace_settings(workplace(folder, url, organisation, **keys))[0]


def workplace_settings(place: Workplace) -> tuple[TenantConfig, ...]:
    return load(place.config, {}).tenants


def uuids(items: list[Batch | Malformed]) -> list[str]:
    """The uuids of all events among the items, in order."""
    return [head.uuid for item in items if isinstance(item, Batch) for head in item.heads]


def event(number: int, published: datetime, **more: object) -> bytes:
    """An event as Okta might write it."""
    moment = published.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps(
        {"uuid": f"{number:08x}-0000-11f0-8000-00000000abcd", "published": moment, "eventType": "user.session.start", **more}
    )


@contextmanager
def all_names_lead_here() -> Iterator[None]:
    """Every name leads to this machine, whatever it is, and no proxy is in between."""
    resolve: Callable[..., Any] = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NO_PROXY", "*")
        patched.setattr(socket, "getaddrinfo", lambda _host, *args, **keys: resolve("127.0.0.1", *args, **keys))
        yield


@contextmanager
def quick_backoff() -> Iterator[None]:
    """Let the waits after failures last milliseconds: for runs until drained, which give a tenant five tries."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("okta_source.source.Backoff", lambda rng: Backoff(rng, base_seconds=0.01, cap_seconds=0.02))
        yield
