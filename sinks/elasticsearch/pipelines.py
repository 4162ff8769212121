"""Looks, at the start, whether an ingest pipeline stands between the events and their index: it may change, move or drop them unseen.

What it drops is answered with 200 and `noop`, what it moves is found in another index, and an audit would miss both.
"""

import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from sinks.delivery.target import Again
from sinks.elasticsearch.cluster import Cluster

__all__ = ["SETTINGS", "tell_of_pipelines"]

_LOG = logging.getLogger(__name__)

SETTINGS = ("index.default_pipeline", "index.final_pipeline")
_NONE = "_none"


def tell_of_pipelines(cluster: Cluster, sink_name: str, target: str, timeout_seconds: float) -> None:
    """Warn of pipelines; says nothing where the indices are not there yet, or may not be looked at.

    Args:
        cluster: The hosts.
        sink_name: The sink's name.
        target: The data stream or index, with its placeholders.
        timeout_seconds: For the request.
    """
    pattern = quote(re.sub(r"\{[^{}]*\}", "*", target), safe="*")
    path = f"/{pattern}/_settings/{','.join(SETTINGS)}?flat_settings=true&ignore_unavailable=true&allow_no_indices=true"
    answered = cluster.request("GET", path, timeout_seconds=timeout_seconds)
    if isinstance(answered, Again) or answered.answer.status != 200:
        return
    found = sorted(set(_pipelines(answered.answer.body)))
    if found:
        _LOG.warning(
            "sink %s: events for %s pass %s on the server, which may change, move or drop them. Dropped ones are counted as dropped; "
            "flows.audit finds neither those nor moved ones.",
            sink_name,
            target,
            " and ".join(f"{name} {value}" for name, value in found),
        )


def _pipelines(body: bytes) -> Iterator[tuple[str, str]]:
    try:
        answer: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return
    for index in answer.values() if isinstance(answer, dict) else ():
        settings = index.get("settings") if isinstance(index, dict) else None
        for name in SETTINGS:
            value = settings.get(name) if isinstance(settings, dict) else None
            if isinstance(value, str) and value and value != _NONE:
                yield name, value
