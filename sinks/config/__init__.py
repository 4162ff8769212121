"""Settings of the sinks: what may stand in a `[sinks.NAME]` table, checked strictly.

Field names are the configuration file's keys, and each field's description is what an error shows as allowed. `type` says which of the
models a table is; the next type of sink is one more of them.
"""

from typing import Annotated

from pydantic import Field

from sinks.config.common import (
    NAME_ALLOWED,
    NAME_PATTERN,
    RESERVED_NAMES,
    AlertLevel,
    Category,
    DocumentFormat,
    Severity,
    SinkCommon,
)
from sinks.config.elasticsearch import ElasticsearchSinkConfig
from sinks.config.file import FileSinkConfig, clashing_files
from sinks.config.http import HttpSinkCommon
from sinks.config.webhook import HecConfig, WebhookSinkConfig

__all__ = [
    "NAME_ALLOWED",
    "NAME_PATTERN",
    "RESERVED_NAMES",
    "AlertLevel",
    "Category",
    "DocumentFormat",
    "ElasticsearchSinkConfig",
    "FileSinkConfig",
    "HecConfig",
    "HttpSinkCommon",
    "Severity",
    "SinkCommon",
    "SinkConfig",
    "WebhookSinkConfig",
    "clashing_files",
]

SinkConfig = Annotated[FileSinkConfig | ElasticsearchSinkConfig | WebhookSinkConfig, Field(discriminator="type")]
"""Every type of sink."""
