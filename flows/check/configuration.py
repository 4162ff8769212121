"""The first steps of a sink: its table, and the secrets that it refers to, by the very models and words of a run."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from flows.check.report import STEPS, SinkReport
from flows.configuration import sink_rules
from flows.configuration.settings import PipelineConfig, load
from flows.configuration.sink_tables import SinkTables, problems_between, table_problems
from okta_source.check.report import Verdict, failed, ok, warning
from okta_source.config.file import ConfigFile, read_config_file
from okta_source.config.problems import ConfigurationError, Location, quoted, toml_path
from okta_source.config.tenant import TenantConfig
from okta_source.detections.problems import RulesError
from okta_source.detections.table import read_table
from sinks.config import SinkConfig

__all__ = ["Folders", "SinkEntry", "SinkReading", "read_sinks"]

_MISSING_FIX: Final = (
    "Set the variable or write the file that is named there, in the environment of the pipeline as well; then run check again."
)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run keeps what it has not delivered.

    Attributes:
        outbox: What sinks have still to send.
        dead_letters: What they could not.
    """

    outbox: Path
    dead_letters: Path


@dataclass(frozen=True, slots=True)
class SinkEntry:
    """One `[sinks.NAME]` table.

    Attributes:
        name: The sink's name; empty for the file as a whole.
        kind: Its type; empty where it has none that is known.
        sink: Its settings; None where they can't be used.
        configuration: The verdict on the table.
        secret: The verdict on what it refers to; None where the table is wrong.
    """

    name: str
    kind: str
    sink: SinkConfig | None
    configuration: Verdict
    secret: Verdict | None = None

    def report(self, *, sends: bool) -> SinkReport:
        """The report as far as the file goes."""
        report = SinkReport(self.name, self.kind, sends)
        report.found["configuration"] = self.configuration
        if self.secret and "secret" in STEPS[self.kind]:
            report.found["secret"] = self.secret
        return report


@dataclass(frozen=True, slots=True)
class SinkReading:
    """What the file says of the sinks that were asked for.

    Attributes:
        entries: One for each table, in the file's order.
        folders: Of the pipeline.
        ocsf_version: Of the pipeline.
        tenants: Those whose tables can be used.
    """

    entries: Sequence[SinkEntry]
    folders: Folders
    ocsf_version: str = "1.3.0"
    tenants: Sequence[TenantConfig] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether there is a configuration error."""
        return any(entry.configuration.status == "failed" for entry in self.entries)


def read_sinks(
    path: str | None, wanted: str | None, tenants: Sequence[TenantConfig], environ: Mapping[str, str] = os.environ, *, told: bool = False
) -> SinkReading:
    """Read and check the sinks' tables.

    Args:
        path: The file; nothing for the usual places.
        wanted: The one sink that is asked for; nothing for all.
        tenants: Those whose tables can be used.
        environ: The environment in which the file's name and its secrets are looked up.
        told: Whether the tenants' part has told an error already, so that a run's refusal need not be told again.
    """
    try:
        file = read_config_file(path, environ)
    except ConfigurationError as error:
        fix = "Write the file (`python -m okta_source init` asks for what it needs), or name it: --config FILE."
        return SinkReading([SinkEntry(wanted or "", "", None, failed(str(error), fix))], Folders(Path(), Path()))
    pipeline = _pipeline(file)
    folders = Folders(pipeline.outbox_dir, pipeline.dead_letter_dir)
    tables = file.raw.get("sinks")
    if not isinstance(tables, dict) or not tables:
        fix = f"Add a [sinks.NAME] table to {file.name}: `python -m flows.init sink` writes it."
        found = failed(_told(table_problems(file, file.raw, {})), fix)
        return SinkReading([SinkEntry(wanted or "", "", None, found)], folders, pipeline.ocsf_version, tenants)
    entries = list(_entries(file, tables, pipeline, environ))
    refusal = "" if told or any(_is_refused(entry) for entry in entries) else _refusal(path, environ)
    if wanted is not None:
        entries = [entry for entry in entries if entry.name == wanted] or [_unknown(file, wanted, tables)]
    refusal = "\n".join(dict.fromkeys([*refusal.splitlines(), *_wrong_rules(path, environ).splitlines()]))
    if refusal:
        entries.append(SinkEntry("", "", None, failed(refusal, f"Correct {file.name} there; a run refuses the file for it.")))
    return SinkReading(entries, folders, pipeline.ocsf_version, tenants)


def _is_refused(entry: SinkEntry) -> bool:
    return entry.configuration.status == "failed" or (entry.secret is not None and entry.secret.status == "failed")


def _refusal(path: str | None, environ: Mapping[str, str]) -> str:
    """Why a run refuses the file for something that is in no tenant's and no sink's table."""
    try:
        load(path, environ)
    except ConfigurationError as error:
        return str(error)
    return ""


def _wrong_rules(path: str | None, environ: Mapping[str, str]) -> str:
    """Why a run refuses the table [detections], or a rule that is in force."""
    try:
        table = read_table(path, environ)
        if table is not None:
            from okta_source.detections.library import load_rules  # noqa: PLC0415 (0.05 s, for those who detect)

            load_rules(table)
    except (ConfigurationError, RulesError) as error:
        return str(error)
    return ""


def _pipeline(file: ConfigFile) -> PipelineConfig:
    """What holds for all; where it is wrong, which `load` tells, what would hold without it."""
    try:
        return PipelineConfig.model_validate(file.raw.get("pipeline", {}), context={"folder": file.folder})
    except ValidationError:
        return PipelineConfig.model_validate({}, context={"folder": file.folder})


def _entries(file: ConfigFile, tables: Mapping[str, Any], pipeline: PipelineConfig, environ: Mapping[str, str]) -> Iterator[SinkEntry]:
    context = {"folder": file.folder, "format": pipeline.format}
    between = list(problems_between(file, list(pipeline.retired), context))
    for name, table in tables.items():
        kind = table.get("type") if isinstance(table, dict) else None
        kind = kind if isinstance(kind, str) and kind in STEPS else ""
        alone = {"sinks": {name: table}}
        wrong = [*table_problems(file, alone, context), *(problem for problem in between if problem[0][1] == name)]
        if wrong:
            yield SinkEntry(name, kind, None, _wrong(file, wrong))
            continue
        missing = table_problems(file, alone, {**context, "environ": environ})
        where = f"{file.name}: {toml_path(('sinks', name))}"
        if missing:
            yield SinkEntry(name, kind, None, ok(where), failed(_told(missing), _MISSING_FIX))
            continue
        sink = SinkTables.model_validate(alone, context={**context, "environ": environ}).sinks[name]
        if "format" not in sink.model_fields_set:
            sink = sink.model_copy(update={"format": pipeline.format})
        unusable = [*sink_rules.unusable_tls({name: sink}, environ), *sink_rules.misplaced({name: sink})]
        if unusable:
            yield SinkEntry(name, kind, None, _wrong(file, unusable))
            continue
        yield SinkEntry(name, kind, sink, _noted(where, name, sink, detects="detections" in file.raw), _secret(sink))


def _noted(where: str, name: str, sink: SinkConfig, *, detects: bool) -> Verdict:
    notes = [*sink_rules.warnings({name: sink}), *(sink_rules.alert_warnings({name: sink}, detects=detects) if not detects else ())]
    return warning(f"{where}: {_told(notes)}", "Change that, or leave it on purpose; a run warns of it too.") if notes else ok(where)


def _secret(sink: SinkConfig) -> Verdict:
    references = []
    for key, value in sink:
        if key in ("headers_env", "headers_file"):
            kind = "environment variable" if key == "headers_env" else "file"
            references += [f"{kind} {reference}" for reference in value.values()]
        elif value and key.endswith("_env"):
            references.append(f"environment variable {value}")
        elif value and key.endswith("_file") and key not in ("ca_file", "cert_file"):
            references.append(f"file {value}")
    return ok(", ".join(references) or "none is needed")


def _unknown(file: ConfigFile, wanted: str, tables: Iterable[str]) -> SinkEntry:
    return SinkEntry(
        wanted, "", None, failed(f"there is no sink {quoted(wanted)} in {file.name}; there are: {', '.join(tables)}", "Name one of these.")
    )


def _wrong(file: ConfigFile, found: Sequence[tuple[Location, str]]) -> Verdict:
    return failed(_told(found), f"Correct {file.name} there; a run refuses the file for it.")


def _told(found: Sequence[tuple[Location, str]]) -> str:
    return "\n".join(f"{toml_path(place)}: {text}" for place, text in found)
