"""Index and component templates as the server gives them back. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sinks.elasticsearch.lifecycle import Lifecycle, lifecycle_of

__all__ = ["StoredTemplate", "is_same", "read_component", "read_template"]


class _Meta(msgspec.Struct):
    format: str = "raw"
    retention: str = ""


class StoredTemplate(msgspec.Struct):
    """An index template."""

    index_patterns: list[str] = []
    version: int | None = None
    data_stream: msgspec.Raw = msgspec.Raw()
    meta: _Meta | None = msgspec.field(name="_meta", default=None)
    template: dict[str, Any] = {}
    composed_of: list[str] = []

    @property
    def document_format(self) -> str:
        """Which documents it is for; one that doesn't say so is of a time when there was one format."""
        return self.meta.format if self.meta else "raw"

    @property
    def retention(self) -> str:
        """The configuration's, from which its lifecycle comes; empty where that is an operator's or was inherited."""
        return self.meta.retention if self.meta else ""

    @property
    def label_keys(self) -> list[str]:
        """The labels that have a field."""
        at: Any = self.template.get("mappings")
        for name in ("okta", "pipeline", "labels") if self.document_format == "ecs" else ("_okta_labels",):
            at = (at.get("properties") or {}).get(name) if isinstance(at, dict) else None
        return sorted(_leaves(at))


class _Named(msgspec.Struct):
    index_template: StoredTemplate


class _Found(msgspec.Struct):
    index_templates: list[_Named] = []


class _Component(msgspec.Struct):
    template: dict[str, Any] = {}


class _NamedComponent(msgspec.Struct):
    component_template: _Component


class _FoundComponents(msgspec.Struct):
    component_templates: list[_NamedComponent] = []


def read_template(body: bytes) -> StoredTemplate | None:
    """The first template of an answer, if there is one.

    Raises:
        ValueError: It is no such answer.
    """
    try:
        found = msgspec.json.decode(body, type=_Found)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    return found.index_templates[0].index_template if found.index_templates else None


def read_component(body: bytes) -> Mapping[str, Any] | None:
    """The `template` of the first component template of an answer; None where there is none to be read."""
    try:
        found = msgspec.json.decode(body, type=_FoundComponents)
    except (ValueError, RecursionError):
        return None
    return found.component_templates[0].component_template.template if found.component_templates else None


def is_same(found: StoredTemplate, wanted: Mapping[str, Any]) -> bool:
    """Whether a template that is there does what the wanted one would; what an operator changed beside that is no difference."""
    return _compared(found) == _compared(msgspec.json.decode(msgspec.json.encode(wanted), type=StoredTemplate))


def _compared(template: StoredTemplate) -> tuple[object, ...]:
    return (
        template.document_format,
        template.version,
        sorted(template.index_patterns),
        bool(template.data_stream),
        template.composed_of,
        template.retention,
        template.label_keys,
        _told(lifecycle_of(template.template)),
    )


def _told(lifecycle: Lifecycle) -> tuple[Mapping[str, str], str | None]:
    """As far as it is compared: servers give back texts for truth values, and add members such as `enabled`."""
    retention = None if lifecycle.stream is None else str(lifecycle.stream.get("data_retention", ""))
    return {name: str(value).lower() for name, value in lifecycle.settings.items()}, retention


def _leaves(mapping: Any, path: str = "") -> Iterator[str]:
    """The paths of a mapping's fields."""
    properties = mapping.get("properties") if isinstance(mapping, dict) else None
    if isinstance(properties, dict):
        for name, inner in properties.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif path and isinstance(mapping, dict) and "type" in mapping:
        yield path
