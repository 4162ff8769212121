"""okta.toml, read and checked: every problem in it is told at once, before any request is made.

The next authentication method, sink type or format is one more model in `okta_source.config` or `sinks.config`;
nothing here names them, and the rules between sinks and tenants are in `flows.configuration.sink_rules`.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, ValidationInfo

from flows.configuration import sink_rules
from okta_source.config.file import (
    CONFIG_VARIABLE,
    DEFAULT_PATH,
    Tenants,
    names_given_twice,
    read_config_file,
    tenant_names,
    tenant_warnings,
    unusable_tls,
)
from okta_source.config.hooks import HooksConfig
from okta_source.config.problems import ConfigurationError, Location, Problem, explain, toml_path
from okta_source.config.tenant import NAME_ALLOWED, Name, Strict, TenantConfig, to_path, to_tuple
from okta_source.detections.table import DetectionsConfig
from sinks.config import DocumentFormat, SinkConfig

__all__ = ["CONFIG_VARIABLE", "DEFAULT_PATH", "ConfigurationError", "Document", "PipelineConfig", "Problem", "Settings", "load"]

_T = TypeVar("_T")
_FOLDER_ALLOWED: Final = "the path of a folder"


def _to_folder(value: object, info: ValidationInfo) -> object:
    if value == "":
        raise ValueError(_FOLDER_ALLOWED)
    return to_path(value, info)


class PipelineConfig(Strict):
    """What holds for the pipeline as a whole.

    Attributes:
        format: What sinks receive unless their own table says otherwise.
        ocsf_version: The version of OCSF that documents in that format claim, and are valid in.
        dead_letter_dir: Where events go that a target refuses, and in `input/` what Okta sent that is no event.
        outbox_dir: What elasticsearch and webhook sinks have still to send; nothing waits for a target.
        dedupe_window_seconds: How far behind a tenant's newest event the uuids it has sent are remembered.
        log_format: How a run logs to stderr: lines for people, or a JSON object a line.
        retired: Former tenants whose saved state is to be kept; needed only where the state directory is spread over hosts.
    """

    format: DocumentFormat = Field("raw", description="raw, ecs, ocsf")
    ocsf_version: Literal["1.3.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.8.0"] = Field(
        "1.3.0", description="1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0, 1.8.0"
    )
    dead_letter_dir: Annotated[Path, BeforeValidator(_to_folder)] = Field(Path("data/dead-letter"), description=_FOLDER_ALLOWED)
    outbox_dir: Annotated[Path, BeforeValidator(_to_folder)] = Field(Path("data/outbox"), description=_FOLDER_ALLOWED)
    dedupe_window_seconds: float = Field(3600.0, ge=60, le=604800, description="60 to 604800")
    log_format: Literal["text", "json"] = Field("text", description="text, json")
    retired: Annotated[tuple[Name, ...], BeforeValidator(to_tuple)] = Field(
        (), description=f"a list of former tenants' names, each {NAME_ALLOWED}"
    )


class Document(Strict):
    """The whole file.

    Attributes:
        pipeline: What holds for the pipeline as a whole.
        tenants: The organisations, at least one.
        sinks: Where events go: any number of sinks, at least one, each named by its table.
    """

    pipeline: PipelineConfig = Field(description="a table [pipeline]")
    tenants: Tenants
    hooks: HooksConfig = Field(description="a table [hooks]")
    detections: DetectionsConfig | None = Field(None, description="a table [detections]")
    sinks: dict[str, SinkConfig] = Field(
        min_length=1, description='at least one [sinks.NAME] table, such as [sinks.archive] with type = "file"'
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration that can be run.

    Attributes:
        pipeline: What holds for the whole.
        tenants: The organisations, at least one, in the file's order.
        sinks: The sinks by their names, at least one, in the file's order.
        hooks: Where the receiver of hooks listens, and its spool.
        detections: Which rules are in force; None for no detection at all.
        path: The file that all this was read from, absolute.
        warnings: What works but deserves a look, one line each.
    """

    pipeline: PipelineConfig
    tenants: tuple[TenantConfig, ...]
    sinks: dict[str, SinkConfig]
    hooks: HooksConfig
    detections: DetectionsConfig | None
    path: Path
    warnings: tuple[str, ...]


def load(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read a configuration and look up every secret that it refers to.

    Args:
        path: The file; without one, what the environment variable `OKTA_PIPELINE_CONFIG` names, else `okta.toml`
            in the working directory.
        environ: The environment that secrets and that variable are looked up in.

    Returns:
        The settings. Every path in them is absolute, counted from the file's folder.

    Raises:
        ConfigurationError: With every problem that the file has.
    """
    file = read_config_file(path, environ)
    raw = {"pipeline": {}, "hooks": {}, **file.raw}
    pipeline = raw["pipeline"]
    pipeline_format = pipeline.get("format") if isinstance(pipeline, dict) else None
    context = {"folder": file.folder, "environ": environ, "format": pipeline_format, "file": file.name}
    found: list[tuple[Location, str]] = []
    document: Document | None = None
    try:
        document = Document.model_validate(raw, context=context)
    except ValidationError as error:
        found.extend(explain(error, Document))
    found.extend(_conflicts(raw, context))
    tenants, sinks = (document.tenants, document.sinks) if document is not None else _right_by_themselves(raw, context)
    found.extend(unusable_tls(tenants))
    found.extend(sink_rules.unusable_tls(sinks, environ))
    # A sink without a format of its own has the pipeline's.
    document_format = _format_of(raw)
    sinks = {
        key: sink if "format" in sink.model_fields_set else sink.model_copy(update={"format": document_format})
        for key, sink in sinks.items()
        if document_format or "format" in sink.model_fields_set
    }
    found.extend(sink_rules.misplaced(sinks))
    if document is None or found:
        found.sort(key=lambda entry: _position(entry[0]))
        # Raised out here, not while handling what pydantic raised, which holds the values themselves.
        raise file.error(found)
    warnings = [
        *tenant_warnings(document.tenants),
        *sink_rules.warnings(sinks),
        *sink_rules.alert_warnings(sinks, detects=document.detections is not None),
    ]
    told = tuple(str(Problem(file.name, toml_path(place), text)) for place, text in warnings)
    return Settings(document.pipeline, document.tenants, sinks, document.hooks, document.detections, file.path, told)


def _right_by_themselves(raw: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[list[TenantConfig | None], dict[str, SinkConfig]]:
    """The tenants and sinks of a file with problems that have none of their own, so that what only their use shows is told as well.

    A tenant that has problems is None, and leaves the others their places.
    """
    tenants = [_valid(TypeAdapter(TenantConfig), entry, context) for entry in _items(raw.get("tenants"))]
    tables = raw.get("sinks")
    of_any_type: TypeAdapter[SinkConfig] = TypeAdapter(SinkConfig)
    sinks = {key: _valid(of_any_type, table, context) for key, table in (tables.items() if isinstance(tables, dict) else ())}
    return tenants, {key: sink for key, sink in sinks.items() if sink is not None}


def _valid(adapter: TypeAdapter[_T], value: object, context: Mapping[str, Any]) -> _T | None:
    try:
        return adapter.validate_python(value, context=dict(context))
    except ValidationError:
        return None  # told already


def _format_of(raw: Mapping[str, Any]) -> str | None:
    """The format that the pipeline names, or its default; None where what it names is none."""
    pipeline = raw["pipeline"]
    named = pipeline.get("format", "raw") if isinstance(pipeline, dict) else "raw"
    return named if named in get_args(DocumentFormat) else None


def _position(place: Location) -> tuple[int, int]:
    """The order of the file's sections; within a tenant or a sink, problems stay as they were found."""
    section = list(Document.model_fields).index(str(place[0])) if place[0] in Document.model_fields else -1
    number = place[1] if len(place) > 1 and isinstance(place[1], int) else 0
    return section, number


def _conflicts(raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    """Find what no single table can know of: names given twice, and files that two sinks or tenants would share.

    This works on the file itself, so that it finds them also where something else is wrong.
    """
    tenants = tenant_names(raw)
    pipeline = raw["pipeline"]
    retired = _items(pipeline.get("retired")) if isinstance(pipeline, dict) else []
    yield from names_given_twice(tenants, retired)
    sinks = raw.get("sinks")
    if isinstance(sinks, dict):
        yield from sink_rules.conflicts(sinks, _texts(tenants), _texts(retired), len(tenants), context)


def _texts(values: list[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
