"""The audit as a dataflow: Okta's pages, slice by slice, past each archive; what is missing to the sink, what was found into the notes.

| id | step |
|---|---|
| `audit` | the flow |
| `okta` | the input, one partition a slice of time |
| `enrich` | tags, as in the main flow |
| `route_NAME` | a sink's filter: what it should hold |
| `compare_NAME` | what it does hold |
| `repair_NAME` | its sink, for what is missing; only where that is wanted |
| `notes` | the lines that the report is made of, one partition a tenant |
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from flows.audit.archive import Archive
from flows.audit.compare import Compare, Verdict
from flows.audit.plan import Plan
from flows.audit.records import records_of, slice_record
from flows.audit.search_archive import SearchArchive
from flows.configuration.settings import Settings
from flows.pipeline.destinations import BESIDE, build_sink, label_keys
from flows.pipeline.enrich import Enricher
from flows.pipeline.formatting import Formats
from flows.pipeline.routing import Router
from flows.reading.file_archive import FileArchive
from flows.runtime.stops_run import StopsRunKeyed
from okta_source.fetching.control import RunControl
from okta_source.history import HistorySource, Ledger, SliceDone, history_input
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, SinkConfig
from sinks.config.targets import make_lookup
from sinks.dead_letters.sink import DeadLetterFile
from sinks.documents import Documents
from sinks.file.archive_files import ArchiveFiles, beside
from sinks.file.sink import FileSink

__all__ = ["FLOW_ID", "build_flow", "make_archive", "repaired_files"]

FLOW_ID: Final = "audit"
_FULL_PAGE: Final = 1000
_PATIENCE_SECONDS: Final = 60.0
"""How long a target is asked what it holds: nothing can be compared before it says so."""
# No sink of the configuration begins so, and both have journals in the same folder.
_NOTES: Final = "_audit"


def build_flow(settings: Settings, plan: Plan, control: RunControl, ledger: Ledger, *, notes_dir: Path, state_dir: Path | None) -> Dataflow:
    """Wire the audit.

    Args:
        settings: The configuration.
        plan: What to do.
        control: The run's switches.
        ledger: Books of the slices.
        notes_dir: Where what was found is noted down, a file a tenant.
        state_dir: Bytewax's recovery directory, None when the run keeps no state.

    Returns:
        The dataflow.
    """
    # Full pages, whatever the flow polls with: as few requests as Okta allows.
    tenants = [tenant.model_copy(update={"page_limit": _FULL_PAGE}) for tenant in settings.tenants if tenant.name in plan.tenants]
    source = HistorySource(
        tenants, plan.slices(), polled=settings.tenants, budget_share=plan.budget, control=control, ledger=ledger
    )  # fmt: skip
    flow = Dataflow(FLOW_ID)
    okta = history_input("okta", flow, source)
    documents = op.map("enrich", okta.pages, Enricher({tenant.name: tenant for tenant in settings.tenants}))
    formats = Formats({name: settings.sinks[name] for name in plan.sinks}, settings.pipeline.ocsf_version)
    letters = DeadLetterFile(settings.pipeline.dead_letter_dir)
    lines = [op.map("note_done", okta.done, _note_done)]
    for name in plan.sinks:
        config = settings.sinks[name]
        router = Router(name, config)
        wanted = documents if router.passes_all else op.filter_map(f"route_{name}", documents, router)
        archive = make_archive(config, plan, lambda: control.stopping, own_repairs=False)
        compare = Compare(name, archive, wants_deleted=plan.repair_deleted)
        verdicts = op.map(f"compare_{name}", wanted, compare)
        lines.append(op.map(f"note_{name}", verdicts, _note))
        if plan.repair:
            repair = build_sink(
                name,
                _repairing(config, plan),
                source.tenant_names,
                state_dir=state_dir,
                letters=letters,
                outbox_dir=notes_dir / "outbox",
                control=control,
                labels=label_keys(settings.tenants),
            )
            missing = op.filter_map(f"missing_{name}", verdicts, _missing)
            formatter = formats.formatter(name)
            formatted = missing if formatter is None else op.map(f"format_{name}", missing, formatter.keyed)
            op.output(f"repair_{name}", formatted, StopsRunKeyed(repair))
    journal_dir = state_dir / "files" if state_dir else None
    notes = FileSink(_NOTES, str(notes_dir / "{tenant}.ndjson"), source.tenant_names, base=str(notes_dir), journal_dir=journal_dir)
    op.output("notes", op.merge("all_notes", *lines), StopsRunKeyed(notes))
    return flow


def make_archive(config: SinkConfig, plan: Plan, stopping: Callable[[], bool], *, own_repairs: bool) -> Archive:
    """What tells what a sink has delivered; touches no network.

    Args:
        config: The sink's table.
        plan: The audit.
        stopping: Whether the run is to end.
        own_repairs: Whether files that this audit has repaired with count. Not while it compares: a resume cuts them back, and what they
            held then is to be repaired again.

    Raises:
        SecretUnavailable: The password of a search sink's client key can't be read.
        OSError: A TLS file can't be used any more.
        TypeError: The sink can't be audited.
    """
    if isinstance(config, FileSinkConfig):
        without = "" if own_repairs else plan.marker
        return FileArchive(ArchiveFiles(config.path, config.compression, BESIDE, without), config.keep)
    if isinstance(config, ElasticsearchSinkConfig):
        return SearchArchive(
            make_lookup(config),
            request_timeout_seconds=config.request_timeout_seconds,
            retry_for_seconds=min(config.retry_for_seconds, _PATIENCE_SECONDS),
            stopping=stopping,
        )
    message = f"a sink of type {config.type} can't be audited"
    raise TypeError(message)


def repaired_files(settings: Settings, plan: Plan) -> dict[str, FileSinkConfig]:
    """The file sinks that the audit writes to, with the paths of its own files."""
    repairing = {name: _repairing(settings.sinks[name], plan) for name in plan.sinks} if plan.repair else {}
    return {name: config for name, config in repairing.items() if isinstance(config, FileSinkConfig)}


def _repairing(config: SinkConfig, plan: Plan) -> SinkConfig:
    if isinstance(config, FileSinkConfig):
        return config.model_copy(update={"path": beside(config.path, plan.marker), "keep": None})
    return config


def _note(verdict: Verdict) -> tuple[str, Documents]:
    return verdict.tenant, records_of(verdict, datetime.now(UTC))


def _note_done(done: SliceDone) -> tuple[str, Documents]:
    return done.slice.tenant, slice_record(done, datetime.now(UTC))


def _missing(verdict: Verdict) -> tuple[str, Documents] | None:
    return (verdict.tenant, verdict.missing) if verdict.missing else None
