"""How risky Okta thinks an event is, for OCSF's findings."""

import re
from typing import Any, Final, NamedTuple

import msgspec

from flows.pipeline.formats.ocsf_parties import Labels
from flows.pipeline.formats.values import dump, member, parse, parsed_text

__all__ = ["Risk", "risk_level", "severity_of"]


class Risk(NamedTuple):
    """A level of risk.

    Attributes:
        uid: OCSF's `risk_level_id`.
        caption: What it is called.
        severity_id: The severity that a finding of it has at least.
        severity: What that is called.
    """

    uid: int
    caption: str
    severity_id: int
    severity: str


_RISKS: Final = {
    "HIGH": Risk(3, "High", 4, "High"),
    "MEDIUM": Risk(2, "Medium", 3, "Medium"),
    "LOW": Risk(1, "Low", 2, "Low"),
}
_LEVEL: Final = re.compile(r"level=(\w+)")


def risk_level(security_context: msgspec.Raw, debug_data: bytes) -> Risk | None:
    """What `securityContext.risk`, `debugData.risk` or `logOnlySecurityData.risk` say, the first that says anything."""
    debug = parse(debug_data) if debug_data else None
    return (
        _of(member(parse(security_context), "risk"))
        or _of(member(debug, "risk"))
        or _of(member(parsed_text(member(debug, "logOnlySecurityData")), "risk"))
    )


def severity_of(labels: Labels, level: Risk | None) -> bytes:
    """The attributes of a finding's severity: the event's own, or its risk's where that is graver."""
    if level is None or (labels.severity_id != 99 and labels.severity_id >= level.severity_id):
        return labels.attributes
    return b"," + dump({"severity": level.severity, "severity_id": level.severity_id})[1:-1]


def _of(value: Any) -> Risk | None:
    told = member(value, "level")
    if isinstance(value, str):
        match = _LEVEL.search(value)
        told = match[1] if match else None
    return _RISKS.get(told.upper()) if isinstance(told, str) else None
