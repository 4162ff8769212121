"""The `[sinks.NAME]` tables of a file, each judged by itself: by the models and words of a run, but whatever else the file holds."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.configuration import sink_rules
from okta_source.config.file import ConfigFile, tenant_names
from okta_source.config.problems import Location, explain
from sinks.config import SinkConfig

__all__ = ["SinkTables", "problems_between", "table_problems"]


class SinkTables(BaseModel):
    """The part of the file that is looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    sinks: dict[str, SinkConfig] = Field(min_length=1, description="at least one [sinks.NAME] table")


def table_problems(file: ConfigFile, raw: Mapping[str, Any], context: Mapping[str, Any]) -> list[tuple[Location, str]]:
    """What is wrong with tables by themselves.

    Args:
        file: The file.
        raw: A document with the tables that are looked at.
        context: Of the validation, beside the file's folder: with `environ`, secrets are looked up as well.
    """
    try:
        SinkTables.model_validate(raw, context={"folder": file.folder, **context})
    except ValidationError as error:
        return list(explain(error, SinkTables))
    return []


def problems_between(file: ConfigFile, retired: list[str], context: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    """What is wrong between the sinks of a file, and with their names."""
    names = [name for name in tenant_names(file.raw) if isinstance(name, str)]
    yield from sink_rules.conflicts(file.raw["sinks"], names, retired, len(names), {"folder": file.folder, **context})
