"""The keys that every type of sink has: which events it gets, in which format, and what happens when it can't deliver them."""

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from sinks.config.values import Strict, to_tuple
from sinks.delivery.policy import OnExhausted

__all__ = ["NAME_ALLOWED", "NAME_PATTERN", "RESERVED_NAMES", "AlertLevel", "Category", "DocumentFormat", "Severity", "SinkCommon"]

NAME_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
NAME_ALLOWED: Final = "1 to 63 of a-z, 0-9, _ and -, the first a letter or a digit"

RESERVED_NAMES: Final = frozenset({"input"})
"""Names of no sink: the source's own dead letters stand under ``input``, beside those of the sinks."""

Category = Literal["authentication", "user_management", "administrative", "system", "security"]
"""What an event is about, as `_okta_category` says."""

Severity = Literal["DEBUG", "INFO", "WARN", "ERROR"]
"""How grave an event is, as Okta's own `severity` says; in ascending order."""

DocumentFormat = Literal["raw", "ecs", "ocsf"]
"""What a document looks like: Okta's own event, Elastic Common Schema, or Open Cybersecurity Schema Framework."""

_TENANTS: Final = "a list of tenants' names"
_EVENT_TYPES: Final = 'a list of event types, in which *, ? and [...] may stand, such as "user.session.*"'
_CATEGORIES: Final = "a list of authentication, user_management, administrative, system, security"

AlertLevel = Literal["informational", "low", "medium", "high", "critical"]
"""How grave an alert is, as Sigma says; in ascending order."""

_KINDS: Final = '"events", "alerts" or "both", or a list of them'

_Text = Annotated[str, StringConstraints(min_length=1)]


def _to_kinds(value: object) -> object:
    """One kind without a list's brackets, and `both` for both."""
    kinds = [value] if isinstance(value, str) else value
    if not isinstance(kinds, list):
        return value
    return tuple(dict.fromkeys(kind for given in kinds for kind in (("events", "alerts") if given == "both" else (given,))))


class SinkCommon(Strict):
    """The keys that every type of sink has.

    Attributes:
        kinds: What it gets: events, alerts, or both.
        level_at_least: Only alerts at least as grave.
        tenants: Only these tenants' events, retired ones included; all where it is empty.
        event_types: Only events of these types; one that matches is enough, case matters. All where it is empty.
        categories: Only events of these categories; all where it is empty.
        severity_at_least: Only events at least as grave, and those whose severity is missing or unknown.
        format: What a document looks like; by default the pipeline's.
        event_original: In format ecs, whether `event.original` holds the event as Okta sent it.
        raw_data: In format ocsf, whether `raw_data` holds the event as Okta sent it; what no attribute took is in `unmapped` anyway.
        retry_for_seconds: How long a failing target is tried, from its first failure without a success in between; events wait so long.
        on_exhausted: What then: the events go to `dead_letter_dir/NAME/`, or the run ends with exit 3, and the next one sends them again.
    """

    kinds: Annotated[tuple[Literal["events", "alerts"], ...], BeforeValidator(_to_kinds)] = Field(
        ("events",), min_length=1, description=_KINDS
    )
    level_at_least: AlertLevel = Field("informational", description="informational, low, medium, high, critical")
    tenants: Annotated[tuple[_Text, ...], BeforeValidator(to_tuple)] = Field((), description=_TENANTS)
    event_types: Annotated[tuple[_Text, ...], BeforeValidator(to_tuple)] = Field((), description=_EVENT_TYPES)
    categories: Annotated[tuple[Category, ...], BeforeValidator(to_tuple)] = Field((), description=_CATEGORIES)
    severity_at_least: Severity | None = Field(None, description="DEBUG, INFO, WARN, ERROR")
    format: DocumentFormat = Field("raw", description="raw, ecs, ocsf")
    event_original: bool = Field(default=True, description="true or false")
    raw_data: bool = Field(default=False, description="true or false")
    retry_for_seconds: float = Field(604_800.0, ge=1, le=2_592_000, description="1 to 2592000")
    on_exhausted: OnExhausted = Field("dead_letter", description="dead_letter, stop")
