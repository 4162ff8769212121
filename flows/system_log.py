"""The main flow: every tenant's System Log, tagged, into every sink. Only wiring.

    bytewax-okta run [--state STATE]
    python -m bytewax.run flows.system_log [-r STATE -s 10 -b 0]
    python -m bytewax.run "flows.system_log:get_flow('okta.toml', until_drained=True)"

The ids of the flow and its steps are part of the saved state and never change:

| id | step |
|---|---|
| `system_log` | the flow |
| `okta` | the input, one partition a tenant |
| `enrich` | tags |
| `match`, `correlate` | detections; only with a table [detections] |
| `route_NAME` | a sink's filter; only where it has one |
| `sink_NAME` | a sink, one partition a tenant |
| `dead_letters` | what Okta sent that is no event |
| `stop` | relays a stop signal to every process of a cluster |
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytewax.dataflow import Dataflow

from flows.configuration.settings import ConfigurationError, Settings, load
from flows.pipeline.delivery import deliver
from flows.pipeline.unsent import unsent
from flows.runtime.housekeeping import tune_process
from flows.runtime.invocation import recovery_dir
from flows.runtime.lifecycle import EXIT_CONFIGURATION, conclude, heed_signals, install, is_program
from flows.runtime.logs import configure_logging, log_as, warn_of
from flows.runtime.metrics_endpoint import MetricsUnavailable, prepare_metrics
from flows.runtime.recovery import known_state_keys
from flows.runtime.state_directory import MAIN_FLOW, WAY_OUT, take_state
from flows.runtime.stop_relay import relay_stops
from flows.runtime.stores import StateUnusable
from okta_source.detections.problems import Problem, RulesError
from okta_source.fetching.control import RunControl
from okta_source.source import OktaSource, okta_input

if TYPE_CHECKING:
    from okta_source.detections.rules import RuleSet

__all__ = ["Run", "build_flow", "get_flow", "prepare_run"]

FLOW_ID = MAIN_FLOW
INPUT_STEP = "okta"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the main flow that is ready to begin, in a process of its own.

    Attributes:
        flow: The dataflow.
        control: Its switches.
        names: Each tenant's name for people.
        settings: The configuration.
    """

    flow: Dataflow
    control: RunControl
    names: dict[str, str]
    settings: Settings

    def conclude(self) -> int:
        """Say how it has ended, once Bytewax has returned; the exit code, see `flows.runtime.lifecycle`."""
        return conclude(self.control, self.names)


def get_flow(config_path: str | None = None, *, until_drained: bool = False) -> Dataflow:
    """The flow of a configuration file, ready to run.

    Where `bytewax.run` is the program, this also sets up logging, signals, exit codes and the state directory named on its command line;
    elsewhere it touches nothing but the file.

    Args:
        config_path: The file; by default `$OKTA_PIPELINE_CONFIG`, else `okta.toml`.
        until_drained: Whether to end once every tenant is drained and outboxes are empty, instead of polling for ever.

    Returns:
        The dataflow.

    Raises:
        SystemExit: With code 2 when the configuration or the state directory is wrong or the port for metrics is in use; what to do is on
            stderr. No request has been made.
        ConfigurationError: The configuration is wrong, where `bytewax.run` is not the program.
        RulesError: A rule is, likewise.
    """
    if not is_program():
        settings = load(config_path)
        return build_flow(settings, RunControl(until_drained=until_drained), None, _read_rules(settings)[0])
    return prepare_run(config_path, until_drained=until_drained, begins=lambda control, names: install(control, names=names)).flow


def prepare_run(
    config_path: str | None,
    *,
    until_drained: bool,
    make_state: Callable[[Path], None] = lambda _: None,
    begins: Callable[[RunControl, dict[str, str]], None] = lambda control, _: heed_signals(control),
) -> Run:
    """Make this process ready for the main flow, which is all that it is there for.

    Args:
        config_path: As for `get_flow`.
        until_drained: As for `get_flow`.
        make_state: Called with the state directory once the configuration is known to be right.
        begins: Called with the run's switches and the tenants' names for people: takes care of signals, and of the end where nobody else
            does.

    Returns:
        The run.

    Raises:
        SystemExit: As for `get_flow`.
    """
    control = RunControl(until_drained=until_drained)
    configure_logging()
    tune_process()
    state_dir = recovery_dir()
    try:
        settings = load(config_path)
        log_as(settings.pipeline.log_format)
        rules, doubts = _read_rules(settings)
        if state_dir is not None:
            make_state(state_dir)
        if state_dir is not None:
            take_state(state_dir, FLOW_ID, settings.sinks, way_out=WAY_OUT)
        prepare_metrics()
    except ConfigurationError as error:
        sys.stderr.write("".join(f"{told}\n" for told in (error, *_problems_of_rules(config_path))))
        raise SystemExit(EXIT_CONFIGURATION) from None
    except (RulesError, StateUnusable, MetricsUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    forgotten = unsent(settings.pipeline.outbox_dir, settings.sinks, detects=rules is not None)
    warn_of([*settings.warnings, *map(str, doubts), *forgotten])
    names = {tenant.name: tenant.display_name for tenant in settings.tenants}
    begins(control, names)
    return Run(build_flow(settings, control, state_dir, rules), control, names, settings)


def _read_rules(settings: Settings) -> "tuple[RuleSet | None, list[Problem]]":
    """The rules in force and what deserves a look; no rules without a table [detections]."""
    if settings.detections is None:
        return None, []
    from okta_source.detections.library import load_rules  # noqa: PLC0415 (0.05 s of every start, for those who detect)

    return load_rules(settings.detections)


def _problems_of_rules(config_path: str | None) -> Iterator[RulesError]:
    """What is wrong with the rules of a configuration that has other problems: it is told with them."""
    from okta_source.detections.library import load_rules  # noqa: PLC0415 (see `_read_rules`)
    from okta_source.detections.table import read_table  # noqa: PLC0415 (likewise)

    try:
        table = read_table(config_path)
        if table is not None:
            load_rules(table)
    except RulesError as error:
        yield error
    except ConfigurationError:
        return  # told already


def build_flow(settings: Settings, control: RunControl, state_dir: Path | None, rules: "RuleSet | None" = None) -> Dataflow:
    """Wire the flow.

    Args:
        settings: The configuration.
        control: The run's switches.
        state_dir: Bytewax's recovery directory, None when the run keeps no state. This process holds it, see
            `flows.runtime.state_directory`.
        rules: The rules in force; None where nothing is detected.

    Returns:
        The dataflow.
    """
    retired = set(settings.pipeline.retired)
    if state_dir is not None:
        retired.update(known_state_keys(state_dir, f"{FLOW_ID}.{INPUT_STEP}"))
    source = OktaSource(
        settings.tenants,
        retired=retired,
        dedupe_window_seconds=settings.pipeline.dedupe_window_seconds,
        control=control,
        spool_dir=settings.hooks.spool_dir,
    )
    flow = Dataflow(FLOW_ID)
    okta = okta_input(INPUT_STEP, flow, source)
    alerts = None
    if rules is not None and settings.detections is not None:
        from flows.pipeline.alerts import alert_documents  # noqa: PLC0415 (see `_read_rules`)
        from okta_source.detections.steps import detect  # noqa: PLC0415 (likewise)

        alerts = alert_documents(detect(okta.oks, rules, settings.detections), {tenant.name: tenant for tenant in settings.tenants})
    deliver(
        okta.oks,
        okta.errs,
        tenants=settings.tenants,
        sinks=settings.sinks,
        ocsf_version=settings.pipeline.ocsf_version,
        dead_letter_dir=settings.pipeline.dead_letter_dir,
        outbox_dir=settings.pipeline.outbox_dir,
        partition_names=source.partition_names,
        state_dir=state_dir,
        control=control,
        alerts=alerts,
    )
    if not control.until_drained:
        relay_stops("stop", flow, control)
    return flow


def __getattr__(name: str) -> Any:
    """`flow`, which `bytewax.run flows.system_log` looks for, is made when it is asked for: importing this module reads no file."""
    if name == "flow":
        return get_flow()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
