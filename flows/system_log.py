"""The main flow: every tenant's System Log, tagged, into every sink. Only wiring.

    python -m bytewax.run flows.system_log [-r STATE -s 10 -b 0]
    python -m bytewax.run "flows.system_log:get_flow('okta.toml', until_drained=True)"

The ids of the flow and its steps are part of the saved state and never change:

| id | step |
|---|---|
| `system_log` | the flow |
| `okta` | the input, one partition a tenant |
| `enrich` | tags |
| `route_NAME` | a sink's filter; only where it has one |
| `sink_NAME` | a sink, one partition a tenant |
| `dead_letters` | what Okta sent that is no event |
| `stop` | relays a stop signal to every process of a cluster |
"""

import sys
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from flows.destinations import build_sink
from flows.enrich import Enricher, to_rejected
from flows.housekeeping import tune_process
from flows.lifecycle import EXIT_CONFIGURATION, StopsRun, StopsRunKeyed, configure_logging, install, is_program
from flows.recovery import StateUnusable, check_usable, fence_off_uncommitted, in_cluster, known_state_keys, recovery_dir
from flows.routing import Router
from flows.settings import ConfigurationError, Settings, load
from flows.stop_relay import relay_stops
from okta_source.control import RunControl
from okta_source.source import OktaSource, okta_input
from sinks.dead_letter import DeadLetterFile, DeadLetterSink
from sinks.documents import Documents

__all__ = ["build_flow", "get_flow"]

FLOW_ID = "system_log"
INPUT_STEP = "okta"


def get_flow(config_path: str | None = None, *, until_drained: bool = False) -> Dataflow:
    """The flow of a configuration file, ready to run.

    Where `bytewax.run` is the program, this also sets up logging, signals, exit codes and the state directory named on its command line;
    elsewhere it touches nothing but the file.

    Args:
        config_path: The file; by default `$OKTA_PIPELINE_CONFIG`, else `okta.toml`.
        until_drained: Whether to end once every tenant has answered a short page, instead of polling for ever.

    Returns:
        The dataflow.

    Raises:
        SystemExit: With code 2 when the configuration or the state directory is wrong; what to do is on stderr. No request has been made.
        ConfigurationError: The configuration is wrong, where `bytewax.run` is not the program.
    """
    control = RunControl(until_drained=until_drained)
    if not is_program():
        return build_flow(load(config_path), control, None)
    configure_logging()
    tune_process()
    state_dir = recovery_dir()
    try:
        settings = load(config_path)
        if state_dir is not None:
            check_usable(state_dir, alone=not in_cluster())
    except (ConfigurationError, StateUnusable) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    for warning in settings.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    install(control, names={tenant.name: tenant.display_name for tenant in settings.tenants})
    return build_flow(settings, control, state_dir)


def build_flow(settings: Settings, control: RunControl, state_dir: Path | None) -> Dataflow:
    """Wire the flow.

    Args:
        settings: The configuration.
        control: The run's switches.
        state_dir: Bytewax's recovery directory, None when the run keeps no state. What a crash left uncommitted in it is removed here.

    Returns:
        The dataflow.
    """
    retired = set(settings.pipeline.retired)
    if state_dir is not None:
        fence_off_uncommitted(state_dir)
        retired.update(known_state_keys(state_dir, f"{FLOW_ID}.{INPUT_STEP}"))
    source = OktaSource(settings.tenants, retired=retired, dedupe_window_seconds=settings.pipeline.dedupe_window_seconds, control=control)
    flow = Dataflow(FLOW_ID)
    okta = okta_input(INPUT_STEP, flow, source)
    documents = op.map("enrich", okta.oks, Enricher({tenant.name: tenant for tenant in settings.tenants}))
    keyed = op.map("key_by_tenant", documents, _by_tenant)
    letters = DeadLetterFile(settings.pipeline.dead_letter_dir)
    for name, config in settings.sinks.items():
        sink = build_sink(
            name,
            config,
            source.partition_names,
            state_dir=state_dir,
            letters=letters,
            stop_deadline=control.delivery_deadline,
        )
        router = Router(name, config)
        routed = keyed if router.passes_all else op.filter_map(f"route_{name}", keyed, router.keyed)
        op.output(f"sink_{name}", routed, StopsRunKeyed(sink))
    rejected = op.map("reject", okta.errs, to_rejected)
    op.output("dead_letters", rejected, StopsRun(DeadLetterSink(settings.pipeline.dead_letter_dir)))
    if not control.until_drained:
        relay_stops("stop", flow, control)
    return flow


def _by_tenant(documents: Documents) -> tuple[str, Documents]:
    return documents.tenant, documents


def __getattr__(name: str) -> Any:
    """`flow`, which `bytewax.run flows.system_log` looks for, is made when it is asked for: importing this module reads no file."""
    if name == "flow":
        return get_flow()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
