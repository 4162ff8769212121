"""Which other index templates match a target's name today, and what they say of it.

An index template outranks all others that match the same name, and takes nothing from them: neither lifecycle nor settings. So the server
is asked, before one is installed, what it would outrank.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from sinks.delivery.target import Again
from sinks.elasticsearch.cluster import Answered
from sinks.elasticsearch.lifecycle import Lifecycle, lifecycle_of
from sinks.elasticsearch.template import FIRST_PRIORITY

__all__ = [
    "FLEET_TEMPLATE",
    "Neighbour",
    "ask_neighbours",
    "belonging",
    "covers",
    "neighbour_of",
    "owner_of",
    "resolved_lifecycle",
    "settings_lifecycle",
]

_HIGHEST_PRIORITY: Final = 2**31 - 1
_PACKAGE_MANAGERS: Final = ("fleet", "ingest-manager")
FLEET_TEMPLATE: Final = "logs-okta.system"
"""The index template of Elastic's own Okta integration: the right one for documents of its form."""
_OTHER_TARGET_FIX: Final = (
    "Give the sink a target of its own, such as logs-okta.bytewax-default (Elastic's rules and dashboards look at logs-okta*), or set "
    "manage_template = false to write under that template as it is."
)
Ask = Callable[[str, str, bytes | None], Answered | Again]
"""Sends a request: method, path, body."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An index template of somebody else's.

    Attributes:
        name: Its name.
        priority: The higher one counts.
        patterns: The names that it matches.
        managed_by: Whose package it belongs to, such as fleet; empty for people's own and for the servers' general ones.
    """

    name: str
    priority: int
    patterns: Sequence[str]
    managed_by: str = ""

    def __str__(self) -> str:
        manager = f", managed by {self.managed_by}" if self.managed_by else ""
        return f"{self.name} (priority {self.priority}{manager})"


def ask_neighbours(ask: Ask, pattern: str, own_prefix: str, *, is_stream: bool) -> list[Neighbour] | Again | None:
    """The templates that match a pattern or a part of it, but for this program's own, the highest priority first.

    Args:
        ask: Sends a request.
        pattern: Of the target, with a `*` for each placeholder.
        own_prefix: How the names of this program's templates begin.
        is_stream: Whether the target is a data stream.

    Returns:
        Them; None where the server doesn't tell; why there is no answer.
    """
    probe: dict[str, Any] = {"index_patterns": [pattern], "priority": _HIGHEST_PRIORITY, **({"data_stream": {}} if is_stream else {})}
    sample = quote(pattern.replace("*", "x"), safe="")
    answer = _answer(ask("POST", f"/_index_template/_simulate_index/{sample}", json.dumps(probe).encode()))
    if answer is None or isinstance(answer, Again):
        return answer
    found = []
    for other in _list(answer.get("overlapping")):
        name = other.get("name")
        if not isinstance(name, str) or name.startswith(own_prefix):
            continue
        neighbour = _look_at(ask, name)
        if isinstance(neighbour, Again):
            return neighbour
        if neighbour is not None:
            found.append(neighbour)
    return sorted(found, key=lambda neighbour: -neighbour.priority)


def resolved_lifecycle(ask: Ask, name: str) -> Lifecycle | Again:
    """What a template says of the lifecycle, itself or by one of its components."""
    answer = _answer(ask("POST", f"/_index_template/_simulate/{quote(name, safe='')}", None))
    if isinstance(answer, Again):
        return answer
    return lifecycle_of(answer.get("template")) if answer else Lifecycle()


def settings_lifecycle(ask: Ask, pattern: str) -> Lifecycle | Again:
    """The policy that somebody gave the indices themselves: that of the newest, by their names."""
    path = f"/{quote(pattern, safe='*')}/_settings/index.lifecycle.name?ignore_unavailable=true&allow_no_indices=true"
    answer = _answer(ask("GET", path, None))
    if isinstance(answer, Again) or not answer:
        return answer if isinstance(answer, Again) else Lifecycle()
    return lifecycle_of(answer[max(answer)])


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern matches all that another one matches; a `*` of the other is matched by a `*` only."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), other) is not None


def neighbour_of(name: str, template: Mapping[str, Any]) -> Neighbour:
    """A template as the server has it."""
    meta = template.get("_meta")
    manager = meta.get("managed_by") if isinstance(meta, dict) else None
    priority = template.get("priority")
    return Neighbour(
        name,
        priority if isinstance(priority, int) else 0,
        [pattern for pattern in template.get("index_patterns") or () if isinstance(pattern, str)],
        manager if manager in _PACKAGE_MANAGERS else "",
    )


def owner_of(others: Sequence[Neighbour], pattern: str) -> Neighbour | None:
    """Whose a target is that was nobody's of this program's: a template that covers all of it, and is a package's or goes before ours.

    Args:
        others: The templates that match, the highest priority first.
        pattern: Of the target.
    """
    whole = (other for other in others if any(covers(each, pattern) for each in other.patterns))
    return next((other for other in whole if other.priority > FIRST_PRIORITY or other.managed_by), None)


def belonging(owner: Neighbour, target: str) -> tuple[str, str]:
    """Why nothing is installed for somebody else's target, and what to do."""
    why = f"which is managed by {owner.managed_by}" if owner.managed_by else "whose priority is higher than this program's"
    reason = f"{target} belongs to the index template {owner.name} (priority {owner.priority}), {why}: nothing was installed."
    return reason, _OTHER_TARGET_FIX


def _look_at(ask: Ask, name: str) -> Neighbour | Again | None:
    answer = _answer(ask("GET", f"/_index_template/{quote(name, safe='')}", None))
    if answer is None or isinstance(answer, Again):
        return answer
    for found in _list(answer.get("index_templates")):
        template = found.get("index_template")
        if isinstance(template, dict):
            return neighbour_of(name, template)
    return None


def _answer(answered: Answered | Again) -> dict[str, Any] | Again | None:
    if isinstance(answered, Again):
        return answered
    if answered.answer.status != 200:
        return None
    try:
        value = msgspec.json.decode(answered.answer.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
