"""What a sink's template meets on the server: whom it outranks, whose the target is, and which lifecycle it would take away."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sinks.delivery.target import Again
from sinks.elasticsearch.lifecycle import Lifecycle
from sinks.elasticsearch.neighbours import (
    FLEET_TEMPLATE,
    Ask,
    ask_neighbours,
    belonging,
    covers,
    owner_of,
    resolved_lifecycle,
    settings_lifecycle,
)
from sinks.elasticsearch.template import FIRST_PRIORITY, NAME_PREFIX, index_pattern

__all__ = ["Place", "lifecycle_among"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template is to be put.

    Attributes:
        sink: The sink's name.
        template: The template's name.
        target: The data stream or index, with its placeholders.
        document_format: Of the documents.
        is_stream: Whether the target is a data stream.
    """

    sink: str
    template: str
    target: str
    document_format: str
    is_stream: bool


def lifecycle_among(ask: Ask, place: Place, former_patterns: Sequence[str], *, is_new: bool) -> Lifecycle | Again | None:
    """Say what the template outranks, refuse what is somebody else's; returns the lifecycle that applies without it.

    A target that the template covered before is this sink's already, and stays so.

    Args:
        ask: Sends a request.
        place: Where it is to be put.
        former_patterns: What the template that is there covers; nothing where there is none.
        is_new: Whether there is none.

    Returns:
        The lifecycle; why there is no answer, or the target isn't to be had; None where the target is that of Elastic's own Okta
        integration and the documents have its form: its template is the right one.
    """
    pattern = index_pattern(place.target)
    others = ask_neighbours(ask, pattern, NAME_PREFIX, is_stream=place.is_stream)
    if others is None:
        _LOG.warning(
            "sink %s: the server doesn't tell which other index templates match %s: index template %s outranks them, and whatever "
            "lifecycle and settings they give",
            place.sink, place.target, place.template,
        )  # fmt: skip
        return Lifecycle()
    if isinstance(others, Again):
        return others
    owned = any(covers(former, pattern) for former in former_patterns)
    owner = None if owned else owner_of(others, pattern)
    if owner is not None and place.document_format == "ecs" and owner.name == FLEET_TEMPLATE:
        return None
    if owner is not None:
        reason, fix = belonging(owner, place.target)
        return Again((), reason, fix, "bad_request")
    outranking = [other for other in others if other.priority > FIRST_PRIORITY]
    if outranking:
        _LOG.warning(
            "sink %s: index template %s has no effect where these match too, since their priority is higher: %s",
            place.sink, place.template, ", ".join(map(str, outranking)),
        )  # fmt: skip
    outranked = [other for other in others if other.priority < FIRST_PRIORITY]
    if outranked:
        _LOG.info(
            "sink %s: for %s, index template %s (priority %d) goes before %s: their mappings, settings and pipelines don't apply there",
            place.sink, place.target, place.template, FIRST_PRIORITY, ", ".join(map(str, outranked)),
        )  # fmt: skip
    whole = next((other for other in others if any(covers(each, pattern) for each in other.patterns)), None)
    lifecycle: Lifecycle | Again = Lifecycle() if whole is None else resolved_lifecycle(ask, whole.name)
    return settings_lifecycle(ask, pattern) if not lifecycle and is_new else lifecycle
