"""The data stream or index of a search sink: is it there and writable, who looks after it, is there space. Judges answers; pure."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flows.check.asking import member
from okta_source.check.report import Verdict, failed, not_applicable, ok, warning
from okta_source.polling.printable import printable

__all__ = ["Places", "judge_disks", "judge_lifecycle", "judge_target", "read_places"]

_BLOCKS: Final = ("index.blocks.read_only", "index.blocks.write", "index.blocks.read_only_allow_delete")
_POLICIES: Final = (
    "index.lifecycle.name",
    "index.plugins.index_state_management.policy_id",
    "index.opendistro.index_state_management.policy_id",
)
_LOW_PERCENT, _FLOOD_PERCENT = 85.0, 95.0
_WATERMARKS: Final = "cluster.routing.allocation.disk.watermark."


@dataclass(frozen=True, slots=True)
class Places:
    """What of the target is there.

    Attributes:
        written: The indices that the next events go to: of a data stream the newest.
        closed: Those of them that are closed.
        streams: The data streams.
        aliases: The aliases of the target's name.
    """

    written: Sequence[str] = ()
    closed: frozenset[str] = frozenset()
    streams: Sequence[str] = ()
    aliases: Sequence[str] = ()


def read_places(answer: Any, today: str) -> Places:
    """Read the answer to `_resolve/index`, closed ones included.

    Args:
        answer: As JSON.
        today: The target with a `*` for the tenant and the present day: of an index per day, only that one is written to.
    """
    indices = [index for index in _list(answer, "indices") if isinstance(index.get("name"), str)]
    streams = [stream for stream in _list(answer, "data_streams") if isinstance(stream.get("name"), str)]
    newest: list[str] = []
    for stream in streams:
        backing = stream.get("backing_indices")
        newest += backing[-1:] if isinstance(backing, list) else [backing] if isinstance(backing, str) else []
    alone = [index["name"] for index in indices if not index.get("data_stream") and fnmatch.fnmatchcase(index["name"], today)]
    written = [*newest, *alone]
    closed = {index["name"] for index in indices if "closed" in (index.get("attributes") or ())}
    aliases = [alias["name"] for alias in _list(answer, "aliases") if isinstance(alias.get("name"), str)]
    return Places(written, frozenset(closed) & frozenset(written), [stream["name"] for stream in streams], aliases)


def judge_target(places: Places, settings: Mapping[str, Any], target: str) -> Verdict:
    """Whether the next events can be written.

    Args:
        places: What is there.
        settings: Flat settings by index.
        target: With its placeholders.
    """
    if places.closed:
        index = printable(min(places.closed), 200)
        return failed(
            f"{index} is closed: it takes nothing", f"Open it: POST /{index}/_open; or have it rolled over, or change the target."
        )
    for index in places.written:
        for block in _BLOCKS:
            if str(_setting(settings, index, block)).lower() != "true":
                continue
            shown = printable(index, 200)
            if block.endswith("allow_delete"):
                fix = f'Free space on the cluster\'s disks, which were full; then PUT /{shown}/_settings {{"{block}": null}}.'
            else:
                fix = (
                    f'Take the block away: PUT /{shown}/_settings {{"{block}": null}}; or have the index rolled over, or change the target.'
                )
            return failed(f"{shown} is read-only ({block})", fix)
    if places.aliases and not places.written:
        return ok(f"{printable(places.aliases[0], 200)} is an alias; events go to its write index")
    if not places.written:
        kind = "an index for each day" if "{date}" in target else "a data stream"
        return ok(f"{target} is not there yet: the first event makes {kind}")
    if "{date}" not in target and not places.streams:
        shown = printable(places.written[0], 200)
        fix = f"Delete or reindex {shown}, and let the first event make the data stream; or leave it, and map it yourself."
        return warning(f"{shown} is an index and no data stream: it keeps the mapping that it was made with", fix)
    more = f" and {len(places.written) - 1} more" if len(places.written) > 1 else ""
    return ok(f"{printable(places.written[0], 200)}{more} open and writable")


def judge_lifecycle(places: Places, settings: Mapping[str, Any], explained: Any) -> Verdict:
    """Who rolls over and deletes, and whether that works.

    Args:
        places: What is there.
        settings: Flat settings by index.
        explained: The answer to `_ilm/explain` or `_plugins/_ism/explain`; None where it can't be had.
    """
    entries = explained.get("indices", explained) if isinstance(explained, dict) else {}
    for index in places.written:
        entry = entries.get(index) if isinstance(entries, dict) else None
        stuck = member(entry, "step") == "ERROR" or member(entry, "step", "step_status") == "failed"
        if stuck:
            why = (
                member(entry, "step_info", "reason")
                or member(entry, "info", "message")
                or member(entry, "failed_step")
                or "no reason given"
            )
            fix = "Correct the policy and have it tried again: POST INDEX/_ilm/retry, in OpenSearch POST _plugins/_ism/retry/INDEX."
            return warning(f"the lifecycle policy of {printable(index, 200)} is stuck: {printable(str(why), 300)}", fix)
    policies = sorted({str(value) for index in places.written for key in _POLICIES if (value := _setting(settings, index, key))})
    policies += sorted(
        {str(value) for index in places.written if (value := member(entries, index, "policy_id") if isinstance(entries, dict) else None)}
    )
    if policies:
        return ok(f"policy {', '.join(printable(policy, 100) for policy in dict.fromkeys(policies))}")
    if not places.written:
        return ok("nothing is there yet that could have a policy")
    return ok("no lifecycle policy: nothing is rolled over or deleted by itself")


def judge_disks(nodes: Any, settings: Any) -> Verdict:
    """How full the cluster's disks are, by its own watermarks.

    Args:
        nodes: The answer to `_cat/allocation`.
        settings: The answer to `_cluster/settings`, flat, defaults included.
    """
    told = (
        [(_number(node.get("disk.percent")), str(node.get("node"))) for node in nodes if isinstance(node, dict)]
        if isinstance(nodes, list)
        else []
    )
    fullest = max((entry for entry in told if entry[0] >= 0), default=None)
    if fullest is None:
        return not_applicable("the server doesn't tell how full its disks are")
    percent, node = fullest
    flood, low = _watermark(settings, "flood_stage", _FLOOD_PERCENT), _watermark(settings, "low", _LOW_PERCENT)
    detail = f"the fullest node, {printable(node, 100)}, is at {percent:.0f}%"
    fix = "Free space, add a node, or have old indices deleted by a lifecycle policy."
    if percent >= flood:
        return failed(f"{detail}: above the flood stage of {flood:.0f}% indices become read-only", fix)
    if percent >= low:
        return warning(f"{detail}: above the low watermark of {low:.0f}% it takes no new shards", fix)
    return ok(f"{detail} of its disk")


def _list(answer: Any, name: str) -> list[dict[str, Any]]:
    found = member(answer, name)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _setting(settings: Mapping[str, Any], index: str, key: str) -> Any:
    return member(member(settings, index, "settings"), key)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return -1.0


def _watermark(settings: Any, name: str, otherwise: float) -> float:
    """The watermark in percent; the servers' own default where it is set in bytes, or not to be seen."""
    for where in ("transient", "persistent", "defaults"):
        value = member(settings, where, _WATERMARKS + name)
        if isinstance(value, str) and value.endswith("%"):
            number = _number(value[:-1])
            if number >= 0:
                return number
    return otherwise
