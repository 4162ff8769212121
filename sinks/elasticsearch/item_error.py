"""What a failed item of a `_bulk` answer means: whose fault it is, the event's, an index's or the server's. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from sinks.delivery.target import WHOLE_TARGET, ErrorType
from sinks.elasticsearch.server_error import CREDENTIALS_FIX, OVERLOAD_FIX, ServerError, privileges_fix

__all__ = ["ItemVerdict", "judge"]

# Conditions of one index, whatever the status: its events wait, those of other indices go on.
_OF_THE_INDEX = frozenset({
    "alias_not_found_exception",
    "illegal_index_shard_state_exception",
    "index_closed_exception",
    "index_not_found_exception",
    "index_shard_closed_exception",
    "index_shard_not_started_exception",
    "invalid_alias_name_exception",
    "invalid_index_name_exception",
    "no_shard_available_action_exception",
    "retry_on_primary_exception",
    "shard_not_found_exception",
    "shard_not_in_primary_mode_exception",
    "unavailable_shards_exception",
})  # fmt: skip

# What the servers report as a bad request although no event is to blame for it.
_SHARD_LIMIT = re.compile(r"would add \[\d+\].*\bshards?\b")
_SET_UP = re.compile(r"no write index is defined for alias|pipeline with id \[.*\] does not exist|no matching index template found")


@dataclass(frozen=True, slots=True)
class ItemVerdict:
    """What becomes of the event of a failed item.

    Attributes:
        kind: `duplicate`, `refused` for good, or to be sent `again`.
        scope: For `again`: the index that the failure concerns, or `WHOLE_TARGET`.
        error_type: For `again`: the kind of failure.
        fix: For `again`: what a person can do about it; a sentence, or nothing.
    """

    kind: Literal["duplicate", "refused", "again"]
    scope: str = WHOLE_TARGET
    error_type: ErrorType = "server"
    fix: str = ""


def judge(status: int, error: ServerError, index: str) -> ItemVerdict:
    """Judge one failed item.

    Args:
        status: Its status.
        error: Its error.
        index: The data stream or index that the event was sent to; the error may name another, such as a data stream's `.ds-…`.
    """
    if status == 409 and error.type in ("version_conflict_engine_exception", ""):
        return ItemVerdict("duplicate")
    return _of_an_index(status, error, index) or _of_the_server(status, error, index) or ItemVerdict("refused")


def _of_an_index(status: int, error: ServerError, index: str) -> ItemVerdict | None:
    """Not the event's fault but that of where it goes."""
    if error.type == "cluster_block_exception":
        # A block on the whole cluster says "blocked by", one on an index "index [x] blocked by".
        return ItemVerdict("again", index if error.reason.startswith("index [") else WHOLE_TARGET, "server", _block_fix(error, index))
    if error.type in _OF_THE_INDEX or status == 404:
        return ItemVerdict("again", index, "not_found" if status in (400, 404) else "server", _index_fix(error, index))
    if _SHARD_LIMIT.search(error.reason):
        return ItemVerdict("again", index, "server", "Delete old indices, or raise cluster.max_shards_per_node.")
    if _SET_UP.search(error.reason):
        return ItemVerdict("again", index, "bad_request", f"Look at the settings and the template of {index}.")
    return None


def _of_the_server(status: int, error: ServerError, index: str) -> ItemVerdict | None:
    """Neither the event's fault nor that of its index."""
    if status == 401:
        return ItemVerdict("again", error_type="auth", fix=CREDENTIALS_FIX)
    if status == 403:
        # A role may cover some of the indices: Elasticsearch names the one that it doesn't.
        scope = index if f"[{index}]" in error.reason else WHOLE_TARGET
        return ItemVerdict("again", scope, "permission", privileges_fix(index))
    if status == 429:
        return ItemVerdict("again", error_type="rate_limited", fix=OVERLOAD_FIX)
    if status in (408, 409) or status >= 500 or status < 400:
        return ItemVerdict("again")
    return None


def _block_fix(error: ServerError, index: str) -> str:
    if "read-only-allow-delete" in error.reason or "disk" in error.reason:
        return "Free disk space on the server's nodes; it lifts the block by itself."
    if error.reason.startswith("index ["):
        return f"Take the block off {index}: set its index.blocks.write, index.blocks.read_only and the like to false."
    return "Look at the cluster's health, and at its settings cluster.blocks.*."


def _index_fix(error: ServerError, index: str) -> str:
    if error.type == "index_closed_exception":
        return f"Open {index} (POST /{index}/_open)."
    if error.type in ("invalid_index_name_exception", "invalid_alias_name_exception"):
        return "Correct the sink's target."
    if error.type == "index_not_found_exception":
        return f"Create {index}, or let the cluster's action.auto_create_index allow it."
    return f"Look at the health of {index}'s shards."
