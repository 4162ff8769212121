"""The formats of a run's sinks: one mapper for each, whatever number of sinks wants it, and what can't be mapped is counted."""

import re
from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter

from flows.pipeline.formats.formatter import Format, Formatter
from flows.pipeline.formats.page import to_page
from sinks.config import ElasticsearchSinkConfig, SinkConfig
from sinks.documents import Documents

__all__ = ["Formats"]

_ERRORS = Counter(
    "okta_mapping_errors_total",
    "Events that could not be mapped to a format: they are delivered raw, with the reason in _okta_mapping_error.",
    ["tenant", "format"],
)
_DATA_STREAM: Final = re.compile(r"logs-okta\.system-([^-]+)")
_NAMESPACE: Final = "default"


class Formats:
    """What the sinks' documents look like.

    Args:
        sinks: The sinks by their names.
        ocsf_version: What documents in format ocsf claim.

    Attributes:
        any: Whether any of them wants another format than raw.
    """

    def __init__(self, sinks: Mapping[str, SinkConfig], ocsf_version: str) -> None:
        self._sinks = sinks
        wanted = {sink.format for sink in sinks.values()} - {"raw"}
        made: dict[str, Format] = {}
        if "ecs" in wanted:
            from flows.pipeline.formats.ecs_format import EcsFormat  # noqa: PLC0415 (its tables: 0.04 s of every start)

            made["ecs"] = EcsFormat()
        if "ocsf" in wanted:
            from flows.pipeline.formats.ocsf_format import OcsfFormat  # noqa: PLC0415 (likewise)

            made["ocsf"] = OcsfFormat(ocsf_version)
        self._formats = made
        self.any = bool(made)

    def formatter(self, name: str) -> Formatter | None:
        """What gives a sink's documents their format; None where that is raw."""
        sink = self._sinks[name]
        if sink.format == "raw":
            return None
        document_format = sink.format
        return Formatter(
            self._formats[document_format],
            with_original=sink.event_original if document_format == "ecs" else sink.raw_data,
            is_shared=sum(other.format == document_format for other in self._sinks.values()) > 1,
            namespace=_namespace(sink),
            on_error=lambda tenant, events: _ERRORS.labels(tenant, document_format).inc(events),
        )

    def page_by_tenant(self, documents: Documents) -> tuple[str, Documents]:
        """A page that remembers what is made of it, with its tenant's name in front."""
        return documents.tenant, to_page(documents, several=len(self._formats) > 1)


def _namespace(sink: SinkConfig) -> str:
    """`data_stream.namespace`: that of the data stream where the documents go, where they go to one of Elastic's name for it."""
    found = _DATA_STREAM.fullmatch(sink.target) if isinstance(sink, ElasticsearchSinkConfig) else None
    return _NAMESPACE if found is None or "{date}" in found[1] else found[1]
