"""The backfill flow: slices of history, by the same way into the same sinks as the live flow. Only wiring.

The ids of the flow and its steps are part of the saved state and never change: `backfill`, `okta` (the input, one partition a slice), and
those of `flows.pipeline.delivery`.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bytewax.dataflow import Dataflow
from rich.console import Console

from flows.backfill.files import beside_the_live_ones, files_in_the_way
from flows.backfill.leave_out import left_out, those_of
from flows.backfill.plan import Asked, Plan, PlanRefused, load_plan, make_plan, save_plan
from flows.backfill.progress import ProgressThread
from flows.backfill.report import table, write_report
from flows.configuration.settings import ConfigurationError, Settings, load
from flows.pipeline.delivery import deliver
from flows.runtime.housekeeping import tune_process
from flows.runtime.invocation import in_cluster, recovery_dir
from flows.runtime.lifecycle import EXIT_CONFIGURATION, EXIT_UNDRAINED, install, is_program
from flows.runtime.logs import configure_logging, log_as, warn_of
from flows.runtime.metrics_endpoint import MetricsUnavailable, prepare_metrics
from flows.runtime.state_directory import take_state
from flows.runtime.stores import StateUnusable
from flows.runtime.undelivered import undelivered
from okta_source.fetching.control import RunControl
from okta_source.history import HistorySource, Ledger, history_input
from okta_source.polling.query import okta_time
from sinks.config import SinkConfig
from sinks.dead_letters.count import written

__all__ = ["FLOW_ID", "INPUT_STEP", "REPORT", "SINCE", "TENANTS", "UNTIL", "Prepared", "asked_for", "build_flow", "get_flow", "prepare"]

FLOW_ID = "backfill"
INPUT_STEP = "okta"
SINCE = "OKTA_BACKFILL_SINCE"
UNTIL = "OKTA_BACKFILL_UNTIL"
TENANTS = "OKTA_BACKFILL_TENANTS"
REPORT = "OKTA_BACKFILL_REPORT"
_WAY_OUT = "move it and this backfill's files (*.backfill.*) away, and begin the backfill anew with another --state."

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A backfill that can be run.

    Attributes:
        settings: The configuration, file sinks beside those of the live flow.
        plan: What is to be fetched.
        live_sinks: The sinks as the live flow has them.
        is_new: Whether the plan has just been made.
        warnings: What the operator should know, one line each.
    """

    settings: Settings
    plan: Plan
    live_sinks: Mapping[str, SinkConfig]
    is_new: bool
    warnings: tuple[str, ...]


def get_flow(
    config_path: str | None = None,
    *,
    since: str | None = None,
    until: str | None = None,
    tenants: Sequence[str] | None = None,
    report: str | None = None,
) -> Dataflow:
    """The flow of a configuration file and a span, ready to run.

    Where `bytewax.run` is the program, this also sets up logging, signals, exit codes, progress, the report and the state directory named
    on its command line; elsewhere it touches nothing but the file.

    Args:
        config_path: The file; by default `$OKTA_PIPELINE_CONFIG`, else `okta.toml`.
        since: A look-back such as `7d`, or an ISO 8601 time; by default `$OKTA_BACKFILL_SINCE`, else 90 days, which is what Okta keeps.
        until: Likewise; by default `$OKTA_BACKFILL_UNTIL`, else now.
        tenants: Names; by default `$OKTA_BACKFILL_TENANTS`, separated by commas, else all.
        report: A file for the counts of every hour; by default `$OKTA_BACKFILL_REPORT`, else none.

    Returns:
        The dataflow.

    Raises:
        SystemExit: With code 2 when configuration, arguments or state directory are wrong; what to do is on stderr. No request was made.
        ConfigurationError, PlanRefused: The same, where `bytewax.run` is not the program.
    """
    control = RunControl()
    asked = asked_for(since, until, tenants)
    if not is_program():
        prepared = prepare(config_path, asked, None)
        return build_flow(prepared, control, None, Ledger(prepared.plan.slices()))
    configure_logging()
    tune_process()
    state_dir = recovery_dir()
    try:
        _refuse_cluster()
        prepared = prepare(config_path, asked, state_dir)
        if prepared.is_new and state_dir is not None:
            save_plan(state_dir, prepared.plan)
        prepare_metrics()
    except (ConfigurationError, StateUnusable, PlanRefused, MetricsUnavailable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    log_as(prepared.settings.pipeline.log_format)
    warn_of(prepared.warnings)
    ledger = Ledger(prepared.plan.slices())
    ending = _Ending(prepared.plan, control, ledger, report or os.environ.get(REPORT), keeps_state=state_dir is not None)
    flow = build_flow(prepared, control, state_dir, ledger)
    install(control, names={tenant.name: tenant.display_name for tenant in prepared.settings.tenants}, at_end=ending)
    _LOG.info("backfill: %s %s", "starting" if prepared.is_new else "continuing", prepared.plan.describe())
    ending.progress.start()
    return flow


def asked_for(
    since: str | None = None, until: str | None = None, tenants: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ
) -> Asked:
    """Arguments, and the environment where there are none."""
    named = [name.strip() for name in environ.get(TENANTS, "").split(",") if name.strip()]
    chosen = (tenants,) if isinstance(tenants, str) else tenants
    return Asked(
        since or environ.get(SINCE) or None,
        until or environ.get(UNTIL) or None,
        tuple(named) or None if chosen is None else tuple(chosen),
    )


def prepare(config_path: str | None, asked: Asked, state_dir: Path | None) -> Prepared:
    """Look at everything; the state directory, where there is one, is this process's from then on.

    Args:
        config_path: The configuration file, as for `get_flow`.
        asked: What is to be fetched.
        state_dir: The state directory, None where there is none (yet).

    Raises:
        ConfigurationError: The configuration is wrong.
        StateUnusable: The state directory can't be used, see `flows.runtime.state_directory`.
        PlanRefused: This can't be fetched, or not with this state directory, or files of an earlier backfill are in the way.
    """
    settings = load(config_path)
    sinks = beside_the_live_ones({name: sink for name, sink in settings.sinks.items() if "events" in sink.kinds})
    plan: Plan | None = None
    warnings = list(settings.warnings)
    if state_dir is not None:
        take_state(state_dir, FLOW_ID, sinks, way_out=_WAY_OUT)
        plan = load_plan(state_dir, asked, settings.tenants)
    is_new = plan is None
    if plan is None:
        plan, told = make_plan(asked, settings.tenants, datetime.now(UTC))
        warnings += told
        in_the_way = files_in_the_way(sinks, plan)
        if in_the_way:
            msg = (
                f"There are files of an earlier backfill, whose events would be there twice: {', '.join(in_the_way)} … Continue that "
                "backfill with its own state directory, or move the files away."
            )
            raise PlanRefused(msg)
    return Prepared(replace(settings, sinks=sinks), plan, settings.sinks, is_new, tuple(warnings))


def build_flow(prepared: Prepared, control: RunControl, state_dir: Path | None, ledger: Ledger) -> Dataflow:
    """Wire the flow.

    Args:
        prepared: What to run.
        control: The run's switches.
        state_dir: Bytewax's recovery directory, held by this process; None when the run keeps no state.
        ledger: The books.

    Returns:
        The dataflow.
    """
    settings, plan = prepared.settings, prepared.plan
    chosen = [tenant for tenant in settings.tenants if tenant.name in plan.tenants]
    source = HistorySource(chosen, plan.slices(), polled=settings.tenants, control=control, ledger=ledger)
    flow = Dataflow(FLOW_ID)
    history = history_input(INPUT_STEP, flow, source)
    deliver(
        history.pages,
        history.malformed,
        tenants=chosen,
        sinks=settings.sinks,
        ocsf_version=settings.pipeline.ocsf_version,
        dead_letter_dir=settings.pipeline.dead_letter_dir,
        # Its own, since a flow that runs beside it has the configuration's.
        outbox_dir=state_dir / "outbox" if state_dir is not None else settings.pipeline.outbox_dir / ".backfill",
        partition_names=source.tenant_names,
        state_dir=state_dir,
        control=control,
        leave_out=those_of(prepared.live_sinks),
    )
    return flow


def _refuse_cluster() -> None:
    if in_cluster():
        msg = "A backfill runs in one process, since several would not know of each other's requests: leave -i and -a out."
        raise PlanRefused(msg)


class _Ending:
    """Called once the dataflow has ended: the report, and the exit code."""

    def __init__(self, plan: Plan, control: RunControl, ledger: Ledger, report: str | None, *, keeps_state: bool) -> None:
        self._plan = plan
        self._control = control
        self._ledger = ledger
        self._report = Path(report) if report else None
        self._keeps_state = keeps_state
        self.progress = ProgressThread(ledger, Console(stderr=True))

    def __call__(self) -> int:
        self.progress.stop()
        slices = self._plan.slices()
        totals = self._ledger.totals()
        failed = self._ledger.failed()
        missed = undelivered(written())
        left = self._control.left()
        code = EXIT_UNDRAINED if failed or ((missed or left) and not self._control.stopping) else 0
        # The width of a file or a pipe is nobody's: tables there are as wide as they need to be, up to this.
        Console(width=None if sys.stdout.isatty() else 200).print(table(slices, self._ledger))
        if self._report:
            try:
                write_report(self._report, slices, self._ledger)
            except OSError as error:
                _LOG.error("the report can't be written: %s", error)
                code = EXIT_UNDRAINED
        for tenant in self._plan.tenants:
            missing = sorted(wanted for wanted in failed if wanted.tenant == tenant)
            if missing:
                spans = ", ".join(f"{okta_time(wanted.since)} to {okta_time(wanted.until)}" for wanted in missing[:3])
                more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
                _LOG.error("%s: %d slices could not be fetched (%s%s): %s", tenant, len(missing), spans, more, failed[missing[0]])
        for sink, held in left_out().items():
            _LOG.info("backfill: sink %s: %s events lay in its files already and are not put beside them", sink, f"{held:,}")
        again = "the same command continues" if self._keeps_state else "without -r nothing is remembered: the next run begins anew"
        if totals.done == totals.slices and (missed or left):
            _LOG.error(
                "backfill: all %d slices are fetched, %s events, but not every sink has them all",
                totals.slices,
                f"{totals.counts.received:,}",
            )
        elif totals.done == totals.slices:
            _LOG.info("backfill: complete, %d slices, %s events", totals.slices, f"{totals.counts.received:,}")
        else:
            why = "stopped" if self._control.stopping else "ended"
            _LOG.info("backfill: %s with %d of %d slices complete; %s", why, totals.done, totals.slices, again)
        return code
