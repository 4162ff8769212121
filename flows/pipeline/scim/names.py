"""The names that a filter may use: Okta's, those that the pipeline puts beside, the virtual ones, and what an alert has.

Okta's names are case-sensitive (core API reference, "Filter"). It adds some now and then, so behind `debugData` and the like anything goes,
and a caller may let any name pass.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from okta_source.events.fields import is_known, suggest_field
from okta_source.events.fields.catalogue import canonical

__all__ = ["DATES", "OF_ALERTS", "Names", "name_in_alert", "name_in_event"]

Names = Callable[[str], str]
"""Says of a dotted name why it is none; nothing of one that is known."""

DATES: Final = frozenset({"published", "_okta_ingested_at", "first_event_at", "last_event_at", "insertionTimestamp"})
"""Last names of what is compared as a time, not as text."""

OF_ALERTS: Final = frozenset({
    "uuid", "published", "rule", "kind", "group", "count", "first_event_at", "last_event_at", "events", "event",
    "_okta_event_type", "_okta_tenant", "_okta_org", "_okta_labels",
})  # fmt: skip
"""The members of an alert; any other name is looked for in the event that completed it."""

_RULE: Final = tuple(f"rule.{name}" for name in ("id", "name", "title", "level", "tags", "author", "version"))
_EVENTS: Final = tuple(f"events.{name}" for name in ("uuid", "published", "eventType", "rule"))
_ALERT_PATHS: Final = (*OF_ALERTS, *_RULE, *_EVENTS)
_MORE: Final = ("_okta_mapping_error", "insertionTimestamp", "device", "riskContext")
_OPEN: Final = (
    "debugContext.debugData.", "transaction.detail.", "device.", "riskContext.", "_okta_labels.", "target.changeDetails.",
    "target.details.",
)  # fmt: skip


def name_in_event(name: str) -> str:
    """Of an event, the pipeline's tags and virtual fields included."""
    if name in _MORE or name.startswith(_OPEN):
        return ""
    spelt = canonical(name)
    if is_known(name) and spelt == name:
        return ""
    meant = spelt if is_known(name) else suggest_field(name)
    return f"field is not valid: {name}" + (f"; did you mean {meant}?" if meant else "")


def name_in_alert(name: str) -> str:
    """Of an alert, or of the event that completed it, with or without `event.` in front."""
    if name in _ALERT_PATHS or name.startswith(("group.", "_okta_labels.")):
        return ""
    problem = name_in_event(name.removeprefix("event."))
    if problem and (close := get_close_matches(name, _ALERT_PATHS, n=1, cutoff=0.7)):
        return f"field is not valid: {name}; did you mean {close[0]}?"
    return problem
