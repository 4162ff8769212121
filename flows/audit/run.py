"""An audit under `bytewax.run`: options, state directory, signals, and the report with its exit code when the dataflow has ended."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bytewax.dataflow import Dataflow
from rich.console import Console

from flows.audit.plan import DEFAULT_BUDGET, DEFAULT_SINCE, DEFAULT_UNTIL, Asked, AuditRefused, Plan, load_or_make, make_plan
from flows.audit.report import print_report, write_json
from flows.audit.results import Summary
from flows.audit.steps import FLOW_ID, build_flow, make_archive, repaired_files
from flows.audit.summary import summarise
from flows.configuration.settings import ConfigurationError, Settings, load
from flows.runtime.housekeeping import tune_process
from flows.runtime.invocation import in_cluster, recovery_dir
from flows.runtime.lifecycle import EXIT_CONFIGURATION, install, is_program
from flows.runtime.logs import configure_logging
from flows.runtime.metrics_endpoint import MetricsUnavailable, prepare_metrics
from flows.runtime.owner import hold_for_life
from flows.runtime.place import check_place
from flows.runtime.state_directory import take_state
from flows.runtime.stores import StateUnusable, make_directory
from okta_source.fetching.control import RunControl
from okta_source.history import Ledger
from sinks.errors import SecretUnavailable
from sinks.metrics import counted_events

__all__ = ["EXIT_INCOMPLETE", "EXIT_TWICE", "FINISHED_FILE", "NOTES_FOLDER", "REPORT_FILE", "asked_of", "get_flow"]

EXIT_INCOMPLETE: Final = 1
EXIT_TWICE: Final = 4
NOTES_FOLDER: Final = "audit"
REPORT_FILE: Final = "report.json"
REPAIR_FOLDER: Final = ".okta-repair"
FINISHED_FILE: Final = "finished"
_MISSING_FILE: Final = "missing.ndjson"
_YES: Final = frozenset({"1", "true", "yes"})
_NO: Final = frozenset({"", "0", "false", "no"})


def get_flow(
    config_path: str | None = None,
    *,
    since: str | None = None,
    until: str | None = None,
    tenants: Sequence[str] | None = None,
    sinks: Sequence[str] | None = None,
    repair: bool | None = None,
    repair_deleted: bool | None = None,
    budget: float | None = None,
    json: bool | None = None,
) -> Dataflow:
    """The audit of a configuration file, ready to run. What is not given comes from the environment.

    Where `bytewax.run` is the program, this also sets up logging, signals, the state directory named on its command line, and the report,
    which is printed when the dataflow has ended; elsewhere it touches nothing but the files that it reads and a folder for its notes.

    Args:
        config_path: The file; by default `$OKTA_PIPELINE_CONFIG`, else `okta.toml`.
        since: From when on: a look-back such as "25h", or an ISO 8601 time; `$OKTA_AUDIT_SINCE`, else "25h".
        until: To when; an hour ago or earlier; `$OKTA_AUDIT_UNTIL`, else "1h". Both are rounded down to whole hours, UTC.
        tenants: Whose events; `$OKTA_AUDIT_TENANTS`, separated by commas; else all.
        sinks: Which sinks; `$OKTA_AUDIT_SINK`; else all that can be audited.
        repair: Whether to deliver what is missing; `$OKTA_AUDIT_REPAIR` (1 or 0), else not.
        repair_deleted: Whether that includes days whose index was deleted; `$OKTA_AUDIT_REPAIR_DELETED` (1 or 0), else not.
        budget: The share of each organisation's rate limit that may be used; `$OKTA_AUDIT_BUDGET`, else 0.05.
        json: Whether the report is JSON; `$OKTA_AUDIT_JSON` (1 or 0), else a table.

    Returns:
        The dataflow.

    Raises:
        SystemExit: With code 2 when the configuration, an option or the state directory is wrong. No request has been made.
        ConfigurationError, AuditRefused: The same, where `bytewax.run` is not the program.
    """
    given = {
        "since": since, "until": until, "tenants": tenants, "sinks": sinks, "repair": repair, "repair_deleted": repair_deleted,
        "budget": budget, "json": json,
    }  # fmt: skip
    if not is_program():
        run, _ = _prepare(config_path, given, None)
        return run.flow()
    configure_logging()
    tune_process()
    try:
        _refuse_cluster()
        run, words = _prepare(config_path, given, recovery_dir())
        run.hold_archives()
        flow = run.flow()
        prepare_metrics()
    except (ConfigurationError, StateUnusable, AuditRefused, MetricsUnavailable, SecretUnavailable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    for text in words:
        sys.stderr.write(f"{text}\n")
    install(run.control, names={tenant.name: tenant.display_name for tenant in run.settings.tenants}, at_end=run.end)
    return flow


def _refuse_cluster() -> None:
    if in_cluster():
        message = "An audit runs in one process, since several would not know of each other's requests: leave -i and -a out."
        raise AuditRefused(message)


def _prepare(config_path: str | None, given: Mapping[str, object], state_dir: Path | None) -> tuple["_Run", list[str]]:
    asked, as_json = asked_of(given, os.environ)
    settings = load(config_path)
    now = datetime.now(UTC)
    if state_dir is None:
        plan, words = make_plan(asked, settings, now)
    else:
        take_state(state_dir, FLOW_ID, None, way_out="begin the audit anew with another --state.")
        plan, words = load_or_make(state_dir / NOTES_FOLDER, asked, settings, now)
        repaired = repaired_files(settings, plan)
        check_place(state_dir, repaired, {name: f"{FLOW_ID}.repair_{name}" for name in repaired})
    run = _Run(settings, plan, RunControl(), Ledger(plan.slices()), state_dir, as_json=as_json)
    warnings = [f"warning: {warning}" for warning in settings.warnings]
    return run, [*warnings, *words, f"auditing {plan.describe()}"]


def asked_of(given: Mapping[str, object], environ: Mapping[str, str]) -> tuple[Asked, bool]:
    """The options, from arguments and where those say nothing from the environment; and whether the report is JSON.

    Raises:
        AuditRefused: A variable can't be read.
    """

    def value(name: str, variable: str, default: str) -> object:
        return given[name] if given.get(name) is not None else environ.get(variable, default)

    try:
        budget = float(str(value("budget", "OKTA_AUDIT_BUDGET", str(DEFAULT_BUDGET))))
    except ValueError:
        message = f"OKTA_AUDIT_BUDGET: {environ['OKTA_AUDIT_BUDGET']!r} is no number"
        raise AuditRefused(message) from None
    asked = Asked(
        since=str(value("since", "OKTA_AUDIT_SINCE", DEFAULT_SINCE)),
        until=str(value("until", "OKTA_AUDIT_UNTIL", DEFAULT_UNTIL)),
        tenants=_names(value("tenants", "OKTA_AUDIT_TENANTS", "")),
        sinks=_names(value("sinks", "OKTA_AUDIT_SINK", "")),
        repair=_switch("OKTA_AUDIT_REPAIR", value("repair", "OKTA_AUDIT_REPAIR", "")),
        budget=budget,
        repair_deleted=_switch("OKTA_AUDIT_REPAIR_DELETED", value("repair_deleted", "OKTA_AUDIT_REPAIR_DELETED", "")),
    )
    return asked, _switch("OKTA_AUDIT_JSON", value("json", "OKTA_AUDIT_JSON", ""))


def _names(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else ()
    return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def _switch(variable: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in _YES | _NO:
        message = f"{variable}: {value!r} is not allowed; allowed: 1 or 0"
        raise AuditRefused(message)
    return text in _YES


@dataclass
class _Run:
    """One call.

    Attributes:
        settings: The configuration.
        plan: What to do.
        control: The switches.
        ledger: The books of the slices.
        state_dir: The state directory, if there is one.
        as_json: Whether the report is JSON.
    """

    settings: Settings
    plan: Plan
    control: RunControl
    ledger: Ledger
    state_dir: Path | None
    as_json: bool

    def __post_init__(self) -> None:
        if self.state_dir is not None:
            self.folder = self.state_dir / NOTES_FOLDER
            return
        # Without a state directory nothing can be resumed, and the notes are of no use after the report.
        self.folder = Path(tempfile.mkdtemp(prefix="okta-audit-"))

    def hold_archives(self) -> None:
        """Be the only one that repairs these files: two audits would find the same events missing and write each of them twice.

        Raises:
            StateUnusable: Another audit is repairing them.
        """
        for place in sorted({sink.place for sink in repaired_files(self.settings, self.plan).values()}):
            folder = Path(place) / REPAIR_FOLDER
            make_directory(folder)
            hold_for_life(folder, subject=f"The repair of the archive {place}")

    def flow(self) -> Dataflow:
        """What Bytewax runs."""
        return build_flow(self.settings, self.plan, self.control, self.ledger, notes_dir=self.folder, state_dir=self.state_dir)

    def end(self) -> int:
        """Report, once the dataflow has ended; returns the exit code."""
        try:
            return self._report()
        except (OSError, SecretUnavailable) as error:
            sys.stderr.write(f"the report can't be made: {error}\n")
            return EXIT_INCOMPLETE
        finally:
            if self.state_dir is None:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _sinks_of(self) -> dict[str, list[str]]:
        chosen = {name: self.settings.sinks[name].tenants for name in self.plan.sinks}
        return {tenant: [name for name, wanted in chosen.items() if not wanted or tenant in wanted] for tenant in self.plan.tenants}

    def _report(self) -> int:
        plan, settings = self.plan, self.settings
        summary = Summary(plan, requests=self.ledger.totals().requests, stopped=self.control.stopping)
        totals = self.ledger.totals()
        if summary.stopped and totals.done < totals.slices:
            more = "the same command goes on from here" if self.state_dir else "without a state directory the next one begins anew"
            sys.stderr.write(f"stopped: {totals.done:,} of {totals.slices:,} slices are compared; {more}\n")
            return 0  # as with every flow: whoever sends a signal knows that it isn't complete
        for wanted, failure in self.ledger.failed().items():
            summary.failures[wanted.tenant] = f"{failure.message} {failure.fix}"
        archives = {name: make_archive(settings.sinks[name], plan, lambda: self.control.stopping, own_repairs=True) for name in plan.sinks}
        missing = self.folder / _MISSING_FILE
        with missing.open("wb") as file:
            summarise(summary, self.folder, archives, plan.slices(), file, sinks_of=self._sinks_of())
        for name in plan.sinks:
            if unkept := counted_events(name, "dropped"):
                sys.stderr.write(
                    f"sink {name}: the server takes these and doesn't keep them: {unkept:,} events that were to be repaired. An ingest "
                    "pipeline drops them (index.default_pipeline, index.final_pipeline); no repair brings them in.\n"
                )
        with (self.folder / REPORT_FILE).open("wb") as file_of_report:
            write_json(file_of_report, summary, missing)
        if not summary.undone:
            (self.folder / FINISHED_FILE).touch()
        code = EXIT_INCOMPLETE if not summary.complete else EXIT_TWICE if summary.twice else 0
        if self.as_json:
            sys.stdout.flush()
            write_json(sys.stdout.buffer, summary, missing)
        else:
            names = {tenant.name: tenant.display_name for tenant in settings.tenants}
            print_report(Console(width=None if sys.stdout.isatty() else 200), summary, missing, names)
        return code
