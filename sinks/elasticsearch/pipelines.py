"""Looks, at the start, whether an ingest pipeline stands between the events and their index: it may change, move or drop them unseen.

What it drops is answered with 200 and `noop`, what it moves is found in another index, and an audit would miss both.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from sinks.delivery.target import Again
from sinks.elasticsearch.cluster import Answered, Cluster
from sinks.elasticsearch.lifecycle import flat

__all__ = ["SETTINGS", "tell_of_pipelines"]

_LOG = logging.getLogger(__name__)

SETTINGS = ("index.default_pipeline", "index.final_pipeline")
_NONE = "_none"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def tell_of_pipelines(cluster: Cluster, sink_name: str, target: str, timeout_seconds: float, *, alone: bool = False) -> None:
    """Warn of pipelines of the indices, or of those that a template will give to the first one; says nothing where that can't be seen.

    Args:
        cluster: The hosts.
        sink_name: The sink's name.
        target: The data stream or index, with its placeholders.
        timeout_seconds: For both requests together.
        alone: Whether documents go past the default pipeline.
    """
    names = SETTINGS[1:] if alone else SETTINGS
    pattern = _PLACEHOLDER.sub("*", target)
    path = f"/{quote(pattern, safe='*')}/_settings/{','.join(SETTINGS)}?flat_settings=true&ignore_unavailable=true&allow_no_indices=true"
    indices = _answer(cluster.request("GET", path, timeout_seconds=timeout_seconds / 2))
    if not isinstance(indices, dict):
        return
    found, whose = {pipeline for index in indices.values() for pipeline in _pipelines(_member(index, "settings"), names)}, ""
    if not found:
        # Nothing is asked again when the first event has made the index.
        path = f"/_index_template/_simulate_index/{quote(pattern.replace('*', 'x'), safe='')}"
        made = _answer(cluster.request("POST", path, timeout_seconds=timeout_seconds / 2))
        found, whose = set(_pipelines(_member(_member(made, "template"), "settings"), names)), " (an index template's, for each new index)"
    if found:
        _LOG.warning(
            "sink %s: events for %s pass %s%s on the server, which may change, move or drop them. Dropped ones are counted as dropped; "
            "flows.audit finds neither those nor moved ones.",
            sink_name,
            target,
            " and ".join(f"{name} {value}" for name, value in sorted(found)),
            whose,
        )


def _answer(answered: Answered | Again) -> Any:
    if isinstance(answered, Again) or answered.answer.status != 200:
        return None
    try:
        return msgspec.json.decode(answered.answer.body)
    except (ValueError, RecursionError):
        return None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _pipelines(settings: Any, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    # A template's come as objects in each other.
    by_name = dict(flat(settings))
    for name in names:
        value = by_name.get(name)
        if isinstance(value, str) and value and value != _NONE:
            yield name, value
