"""What a dataflow of your own needs from its process, as one call.

    run = prepare("mine")
    flow = Dataflow("mine")
    polled = okta.input("okta", flow, tenants=[acme], control=run.control, retired=run.retired("okta"))

Where `bytewax.run` is the program, `prepare`

- logs to stderr in UTC, unless logging has been configured;
- turns SIGINT and SIGTERM into the end of the input: pages that have come are handed on, everything is snapshotted, exit 0. Bytewax alone
  ends at SIGTERM without a snapshot;
- takes the state directory (`-r`) for life and looks at it before Bytewax does: one that is missing, damaged, another flow's, another
  run's, or copied or moved since (`python -m flows.state accept`) is told in a sentence, exit 2; what a crash left in it uncommitted is
  removed (Bytewax 0.21.1 would take it up one resume later);
- sets the C library's allocator, the garbage collector and the limit of open files up for pages of megabytes (`tune_process`);
- where metrics are wanted (`BYTEWAX_DATAFLOW_API_ENABLED`), makes sure that their port can be had.

Elsewhere, as in `bytewax.testing.run_main`, it touches nothing. In a cluster each process that is to stop gets the signal; to let one's
signal stop all, add `flows.runtime.stop_relay.relay_stops("stop", flow, run.control)`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from flows.runtime.housekeeping import tune_process
from flows.runtime.invocation import recovery_dir
from flows.runtime.lifecycle import EXIT_CONFIGURATION, install, is_program
from flows.runtime.logs import configure_logging
from flows.runtime.metrics_endpoint import MetricsUnavailable, prepare_metrics
from flows.runtime.recovery import known_state_keys
from flows.runtime.state_directory import take_state
from flows.runtime.stores import StateUnusable
from okta_source.fetching.control import RunControl

__all__ = ["Run", "prepare"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a flow.

    Attributes:
        flow_id: The flow's id.
        control: Ends the input; for `okta_source.operators.input`, and its `outbox_deadline` for the outputs of `sinks.operators`.
        state_dir: The recovery directory, None where the run keeps no state; for `sinks.operators.file`.
    """

    flow_id: str
    control: RunControl
    state_dir: Path | None

    def retired(self, step_id: str) -> list[str]:
        """The partitions that a step has saved state for: tenants of earlier runs, whose state must be listed to be kept."""
        return known_state_keys(self.state_dir, f"{self.flow_id}.{step_id}") if self.state_dir else []


def prepare(flow_id: str, *, until_drained: bool = False) -> Run:
    """Make this process ready for a flow; call it once, before the flow is built.

    Args:
        flow_id: The id that the `Dataflow` will have.
        until_drained: Whether the run ends once every tenant is drained, for cron and tests: exit 0, or 1 where a tenant
            could not be drained.

    Returns:
        What the flow's input and outputs want to know of its run.

    Raises:
        SystemExit: With code 2 when the state directory can't be used or the port for metrics can't be had; what to do is on stderr.
    """
    control = RunControl(until_drained=until_drained)
    if not is_program():
        return Run(flow_id, control, None)
    configure_logging()
    tune_process()
    state_dir = recovery_dir()
    try:
        if state_dir is not None:
            take_state(state_dir, flow_id, {}, way_out="make a new one and begin anew.")
        prepare_metrics()
    except (StateUnusable, MetricsUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    install(control, names={})
    return Run(flow_id, control, state_dir)
