"""How long a template keeps what is written under it: Elasticsearch's ILM, its data stream lifecycle, OpenSearch's ISM. Pure.

Of templates that match one name the highest priority alone counts, so a template that says nothing takes away the lifecycle that another
one gave.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sinks.elasticsearch.server import Server

__all__ = ["Lifecycle", "flat", "has_stream_lifecycle", "ism_policy", "lifecycle_of", "of_retention", "span_text"]

_SETTINGS: Final = ("index.lifecycle.", "index.plugins.index_state_management.", "index.opendistro.index_state_management.")
_WITH_STREAM_LIFECYCLE: Final = (8, 11)
_ISM_PRIORITY: Final = 100
_ROLLOVER: Final = {"rollover": {"min_index_age": "1d", "min_doc_count": 1}}


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What a template says of it.

    Attributes:
        settings: Those of an index that name a policy, such as `index.lifecycle.name`.
        stream: The data stream lifecycle (`{"data_retention": "90d"}`); None for none.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    stream: Mapping[str, Any] | None = None

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self.settings) or self.stream is not None

    def __str__(self) -> str:
        texts = [f"{name} {value}" for name, value in sorted(self.settings.items())]
        if self.stream is not None:
            texts.append(f"data stream lifecycle, retention {self.stream.get('data_retention', 'unlimited')}")
        return ", ".join(texts)


def flat(settings: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their whole names, which the servers give back as objects within objects, as names with dots, or mixed."""
    if isinstance(settings, dict):
        for name, inner in settings.items():
            yield from flat(inner, f"{path}.{name}" if path else name)
    elif path:
        yield (path if path.startswith("index.") else f"index.{path}"), settings


def lifecycle_of(template: Any) -> Lifecycle:
    """The lifecycle in the `template` of an index template or a component template."""
    members = template if isinstance(template, dict) else {}
    settings = {name: value for name, value in flat(members.get("settings")) if name.startswith(_SETTINGS)}
    stream = members.get("lifecycle")
    return Lifecycle(settings, stream if isinstance(stream, dict) else None)


def has_stream_lifecycle(server: Server) -> bool:
    """Whether the server knows a data stream's own retention."""
    return server.distribution == "elasticsearch" and server.version >= _WITH_STREAM_LIFECYCLE


def of_retention(retention: timedelta) -> Lifecycle:
    """A data stream lifecycle, which an ILM policy of a component would otherwise go before."""
    return Lifecycle({"index.lifecycle.prefer_ilm": "false"}, {"data_retention": span_text(retention)})


def ism_policy(pattern: str, retention: timedelta, *, is_stream: bool) -> Mapping[str, Any]:
    """A policy of OpenSearch's index state management, for the indices that are made from now on.

    A data stream rolls over once a day, and a backing index goes that long after that; an index per day so long after it was made.
    """
    age = {"min_rollover_age" if is_stream else "min_index_age": span_text(retention)}
    kept = {"name": "kept", "actions": [_ROLLOVER] if is_stream else [], "transitions": [{"state_name": "deleted", "conditions": age}]}
    return {
        "policy": {
            "description": f"bytewax-okta: events for {span_text(retention)}",
            "default_state": "kept",
            "states": [kept, {"name": "deleted", "actions": [{"delete": {}}], "transitions": []}],
            "ism_template": [{"index_patterns": [pattern], "priority": _ISM_PRIORITY}],
        }
    }


def span_text(span: timedelta) -> str:
    """A span as the servers take it, such as 90d."""
    hours = span // timedelta(hours=1)
    return f"{hours}h" if hours % 24 else f"{hours // 24}d"
