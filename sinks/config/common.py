"""The keys that every type of sink has: which events it gets, in which format, and what happens when it can't deliver them."""

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from sinks.config.values import Strict, to_tuple
from sinks.delivery.policy import OnExhausted

__all__ = ["NAME_ALLOWED", "NAME_PATTERN", "RESERVED_NAMES", "Category", "Severity", "SinkCommon"]

NAME_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
NAME_ALLOWED: Final = "1 to 63 of a-z, 0-9, _ and -, the first a letter or a digit"

RESERVED_NAMES: Final = frozenset({"input"})
"""Names of no sink: the source's own dead letters stand under ``input``, beside those of the sinks."""

Category = Literal["authentication", "user_management", "administrative", "system", "security"]
"""What an event is about, as `_okta_category` says."""

Severity = Literal["DEBUG", "INFO", "WARN", "ERROR"]
"""How grave an event is, as Okta's own `severity` says; in ascending order."""

_TENANTS: Final = "a list of tenants' names"
_EVENT_TYPES: Final = 'a list of event types, in which *, ? and [...] may stand, such as "user.session.*"'
_CATEGORIES: Final = "a list of authentication, user_management, administrative, system, security"

_Text = Annotated[str, StringConstraints(min_length=1)]


class SinkCommon(Strict):
    """The keys that every type of sink has.

    Attributes:
        tenants: Only these tenants' events; all tenants' where it is empty.
        event_types: Only events whose type is one of these, as `fnmatch.fnmatchcase` compares them; of any type where it is empty.
        categories: Only events of these categories; of any where it is empty.
        severity_at_least: Only events at least as grave, and those whose severity is unknown; all of them for None.
        format: What a document looks like.
        retry_for_seconds: How long a failing target is tried before its events are given up.
        on_exhausted: What then: its events go to the dead letters, or the run ends.
    """

    tenants: Annotated[tuple[_Text, ...], BeforeValidator(to_tuple)] = Field((), description=_TENANTS)
    event_types: Annotated[tuple[_Text, ...], BeforeValidator(to_tuple)] = Field((), description=_EVENT_TYPES)
    categories: Annotated[tuple[Category, ...], BeforeValidator(to_tuple)] = Field((), description=_CATEGORIES)
    severity_at_least: Severity | None = Field(None, description="DEBUG, INFO, WARN, ERROR")
    format: Literal["raw"] = Field("raw", description="raw")
    retry_for_seconds: float = Field(604_800.0, ge=1, le=2_592_000, description="1 to 2592000")
    on_exhausted: OnExhausted = Field("dead_letter", description="dead_letter, stop")
