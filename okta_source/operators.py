"""The Okta System Log in a dataflow of your own.

    import okta_source.operators as okta

    flow = Dataflow("mine")
    acme = okta.TenantConfig(name="acme", org_url="acme.okta.com", auth=okta.SswsAuth(token_env="ACME_OKTA_TOKEN"))
    polled = okta.input("okta", flow, tenants=[acme])
    events = okta.events("events", polled.oks)
    alerts = okta.detect("detect", polled.oks, [acme])

Settings are built in code, with the names, defaults and checks of the configuration file (docs/configuration.md); no file is needed. What a
process wants beside its dataflow (signals that end it with a last snapshot, a state directory that a crash left half written) is one call:
`flows.runtime.own_flow.prepare`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow, Stream

from okta_source.config.auth import ClientSecretAuth, PrivateKeyJwtAuth, RefreshTokenAuth
from okta_source.config.ssws import SswsAuth
from okta_source.config.tenant import TenantConfig, TlsConfig
from okta_source.detections.alerts import Alert
from okta_source.detections.documents import AlertHead, AlertPage, AlertPages
from okta_source.detections.table import DetectionsConfig
from okta_source.events.categories import action, category
from okta_source.events.tags import Tagged, Tagger
from okta_source.fetching.control import RunControl
from okta_source.polling.event import Batch, Malformed
from okta_source.source import OktaOut, OktaSource, okta_input

__all__ = [
    "Alert",
    "AlertHead",
    "AlertPage",
    "Batch",
    "ClientSecretAuth",
    "DetectionsConfig",
    "Event",
    "Malformed",
    "OktaOut",
    "PrivateKeyJwtAuth",
    "RefreshTokenAuth",
    "RunControl",
    "SswsAuth",
    "Tagged",
    "TenantConfig",
    "TlsConfig",
    "detect",
    "enrich",
    "events",
    "input",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the System Log.

    Attributes:
        tenant: The name of the tenant in whose log it stands.
        uuid: Its id, unique within the organisation.
        published: When it happened, time-zone aware.
        event_type: Okta's name of what happened, such as `user.session.start`.
        raw: Okta's own JSON object, byte for byte, but that line breaks between tokens are spaces.
    """

    tenant: str
    uuid: str
    published: datetime
    event_type: str
    raw: bytes

    @property
    def category(self) -> str:
        """What it is about, as `_okta_category` says."""
        return category(self.event_type)

    @property
    def action(self) -> str | None:
        """What was attempted, as `_okta_action` says; None where there is none."""
        return action(self.event_type)

    def json(self) -> dict[str, Any]:
        """The whole event as Python objects; parsed at each call.

        Raises:
            msgspec.DecodeError: Some string in it is none, which was not looked at before.
        """
        event: dict[str, Any] = msgspec.json.decode(self.raw)
        return event


def input(  # noqa: A001  # as in Bytewax's own connectors: the module is the name space
    step_id: str,
    flow: Dataflow,
    *,
    tenants: Iterable[TenantConfig],
    retired: Iterable[str] = (),
    dedupe_window_seconds: float = 3600.0,
    control: RunControl | None = None,
) -> OktaOut:
    """Poll organisations.

    Unit of parallelism: the tenant. A tenant's events come on one worker, in the order in which Okta persisted them. Requests run on
    threads beside the worker's loop, which never waits.

    Delivery: with a recovery store, every event enters the dataflow exactly once across crash, resume and rescaling, as far as Okta
    delivers it within `dedupe_window_seconds` of its repetition. What a step does with it in an epoch that a crash interrupts is done
    again, as everywhere in Bytewax. A failure of Okta's, of the network or of a credential is logged with its fix and tried again; it ends
    nothing.

    A snapshot holds, for each tenant, Okta's own link to the next page, the newest `published`, and the uuids of the last
    `dedupe_window_seconds` (16 bytes each). It is keyed by the tenant's name and the step's id: neither may change.

    Args:
        step_id: Unique id; part of the saved state.
        flow: The dataflow.
        tenants: The organisations, each with a name of its own.
        retired: Names of tenants of earlier runs that are no longer among `tenants`. With a recovery store Bytewax panics where it finds
            state of a partition that nobody lists; `flows.runtime.own_flow.Run.retired` finds them.
        dedupe_window_seconds: How far behind a tenant's newest event its uuids are remembered.
        control: Ends the input; without one only an exception or a kill does. `RunControl(until_drained=True)` ends it once every tenant
            has answered an empty page, or a short one with a fresh end.

    Returns:
        `oks`: one `Batch` a page that holds new events. `errs`: what Okta sent that is no event. `tenants`: the names of all partitions.

    Raises:
        ValueError: Two tenants have the same name, or there is none.
    """
    listed = tuple(tenants)
    names = [tenant.name for tenant in listed]
    if not names or len(set(names)) != len(names):
        msg = f"the tenants of step {step_id!r} must have names of their own, and there must be one: {', '.join(names) or 'none given'}"
        raise ValueError(msg)
    source = OktaSource(listed, retired=retired, dedupe_window_seconds=dedupe_window_seconds, control=control)
    return okta_input(step_id, flow, source)


def events(step_id: str, up: Stream[Batch]) -> Stream[Event]:
    """Take pages apart, for steps that look at one event at a time.

    A step of Bytewax costs 5 to 10 µs an item: what can be done with a page at once, such as `enrich` and a sink, is better done so.

    Args:
        step_id: Unique id.
        up: `input(…).oks`.

    Returns:
        The events, in their order.
    """
    return op.flat_map(step_id, up, _events)


def enrich(step_id: str, up: Stream[Batch], tenants: Iterable[TenantConfig]) -> Stream[Tagged]:
    """Put the tags in front of Okta's own bytes (docs/event.md): what the outputs of `sinks.operators` take.

    Stateless, a page at a time.

    Args:
        step_id: Unique id.
        up: `input(…).oks`.
        tenants: The same as those of `input`.

    Returns:
        Pages of documents.
    """
    return op.map(step_id, up, Tagger({tenant.name: tenant for tenant in tenants}))


def detect(step_id: str, up: Stream[Batch], tenants: Iterable[TenantConfig], config: DetectionsConfig | None = None) -> Stream[AlertPage]:
    """Run detection rules (docs/detections.md): the managed ones, and Sigma rules of your own.

    Unit of parallelism: events are matched where their page is, correlated by tenant. Delivery: an alert belongs to the epoch of the
    events that it is made of, and has the same `uuid` whenever they come again. A snapshot holds what each tenant's correlations remember:
    groups, episodes, what has been seen. It is keyed by the tenant's name and by `STEP_correlate`: neither may change.

    Args:
        step_id: Unique id; the steps inside are `STEP_match`, `STEP_correlate`, `STEP_known` and `STEP_pages`.
        up: `input(…).oks`: before anything that would leave events out, as rules are made for all of them.
        tenants: The same as those of `input`.
        config: Which rules are in force, as in the table `[detections]`; relative paths count from the working directory. By default the
            managed ones that are on by default.

    Returns:
        Pages of alerts, one item for what a tenant's page brought: what the outputs of `sinks.operators` take; `heads[i].alert` is the
        alert itself.

    Raises:
        okta_source.detections.problems.RulesError: With every problem of every rule.
    """
    # Rules and their engine: 0.05 s of every start, for those who detect.
    from okta_source.detections.library import load_rules  # noqa: PLC0415
    from okta_source.detections.steps import detect as match_and_correlate  # noqa: PLC0415

    by_name = {tenant.name: tenant for tenant in tenants}
    config = config or DetectionsConfig()
    rules, _ = load_rules(config)
    alerts = match_and_correlate(up, rules, config, match_id=f"{step_id}_match", correlate_id=f"{step_id}_correlate")
    # A tenant that is gone may still have waits that end.
    known = op.filter(f"{step_id}_known", alerts, lambda item: item[0] in by_name)
    return op.map(f"{step_id}_pages", known, AlertPages(by_name))


def _events(batch: Batch) -> Iterable[Event]:
    for head, body in zip(batch.heads, batch.bodies, strict=True):
        yield Event(batch.tenant, head.uuid, head.published, head.event_type, b"{" + bytes(body))
