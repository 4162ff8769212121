"""Compares what stands in a collector's files with what the organisation has sent, by uuid."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True)
class Verdict:
    """What is wrong with the files, in events.

    Attributes:
        lost: Sent and not there.
        duplicated: There more than once: the surplus.
        changed: Other JSON values than those that were sent, where they are there for the first time.
        broken: Lines that are no JSON.
    """

    lost: int
    duplicated: int
    changed: int
    broken: int


def judge(lines: Iterable[bytes], event_of: Callable[[dict[str, Any]], dict[str, Any] | None], truth: Mapping[str, bytes]) -> Verdict:
    """Judge the lines.

    Args:
        lines: What stands in the files.
        event_of: The event in a parsed line; None for a line that holds none.
        truth: Every event as it was sent, by its uuid.
    """
    seen: Counter[str] = Counter()
    changed = broken = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            event = event_of(orjson.loads(line))
        except orjson.JSONDecodeError:
            broken += 1
            continue
        if event is None:
            continue
        uuid = str(event.get("uuid"))
        if uuid not in seen:
            changed += uuid not in truth or orjson.loads(truth[uuid]) != event
        seen[uuid] += 1
    return Verdict(lost=sum(uuid not in seen for uuid in truth), duplicated=sum(seen.values()) - len(seen), changed=changed, broken=broken)


def by_uuid(events: Iterable[bytes]) -> dict[str, bytes]:
    """Events by their uuid."""
    return {orjson.loads(event)["uuid"]: event for event in events}
