"""`debugContext.debugData` as `okta.debug_context.debug_data`: the whole map `flattened`, and what people search by beside it.

All of Okta's values there are texts, some of them structures in disguise: `behaviors` and `risk` as `{name=value, name=value}`,
`logOnlySecurityData` and `tunnels` as JSON. Where there is none of those, which is most events, the map goes out as it came.
"""

import re
from typing import Annotated, Any, Final

import msgspec

from flows.pipeline.formats.values import cleaned, dump, member, parse, parsed_text, scalar, text

__all__ = ["PROMOTED", "DebugData"]


class _DebugData(msgspec.Struct, gc=False, omit_defaults=True):
    """`okta.debug_context.debug_data`; its first members are the texts that stand beside the map too."""

    client_secret: str | None = None
    device_fingerprint: str | None = None
    dt_hash: str | None = None
    factor: str | None = None
    grant_type: str | None = None
    granted_scopes: str | None = None
    request_id: str | None = None
    request_uri: str | None = None
    requested_scopes: str | None = None
    threat_suspected: str | None = None
    url: str | None = None
    risk_behaviors: list[str] | None = None
    risk_level: str | None = None
    risk_reasons: list[str] | None = None
    flattened: Any = None


PROMOTED: Final = tuple(zip(
    ("clientSecret", "deviceFingerprint", "dtHash", "factor", "grantType", "grantedScopes", "requestId", "requestUri", "requestedScopes",
     "threatSuspected", "url"),
    _DebugData.__struct_fields__,
    strict=False,
))  # fmt: skip
"""The members of `debugData` that are fields of their own too, as Okta names them and as the document does."""

# What Okta sends: a map of texts, none of them empty.
_TEXTS = msgspec.json.Decoder(dict[str, Annotated[str, msgspec.Meta(min_length=1)]])
_LEVEL: Final = re.compile(r"level=([^\s,}]+)")
_REASONS: Final = re.compile(r"reasons=(.*?)(?:, [^\s,]+=.*)?$", re.DOTALL)
_SEPARATOR: Final = re.compile(r",\s*")
_Disguise = tuple[str | None, str | None, str | None, str | None]
_Undisguised = tuple[dict[str, Any], list[str] | None, str | None, list[str] | None]
_NO_DISGUISE: Final = (None, None, None, None)
_MOST_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED_CHARACTERS: Final = 2048
_OPEN: Final = b',"debug_context":{"debug_data":'


class DebugData:
    """Maps `debugData`; remembers the structures in disguise, of which a page holds few different ones."""

    def __init__(self) -> None:
        self._known: dict[_Disguise, _Undisguised] = {}

    def __call__(self, raw: bytes) -> bytes:
        """`,"debug_context":{…}`; nothing where there are no data."""
        if len(raw) < 8:  # no room for a name and a value
            return b""
        try:
            texts = _TEXTS.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return self._mapped(raw)
        get = texts.get
        disguise = get("behaviors"), get("logOnlySecurityData"), get("risk"), get("tunnels")
        behaviors = level = reasons = None
        flattened: Any = msgspec.Raw(raw)
        if disguise != _NO_DISGUISE:
            shown, behaviors, level, reasons = self._undisguised(disguise)
            if shown:
                flattened = texts | shown
        data = _DebugData(
            get("clientSecret"), get("deviceFingerprint"), get("dtHash"), get("factor"), get("grantType"), get("grantedScopes"),
            get("requestId"), get("requestUri"), get("requestedScopes"), get("threatSuspected"), get("url"),
            behaviors, level, reasons, flattened,
        )  # fmt: skip
        return b"".join((_OPEN, dump(data), b"}"))

    def _undisguised(self, disguise: _Disguise) -> _Undisguised:
        known = self._known.get(disguise)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = undisguised(*disguise)
            if sum(len(part) for part in disguise if part) <= _LONGEST_REMEMBERED_CHARACTERS:
                self._known[disguise] = known
        return known

    def _mapped(self, raw: bytes) -> bytes:
        sent = parse(raw)
        if not isinstance(sent, dict):
            return b""
        whole: dict[str, Any] | None = cleaned(sent)
        if not whole:
            return b""
        known = {name: value for okta_name, name in PROMOTED if (value := scalar(whole.get(okta_name))) is not None}
        shown, behaviors, level, reasons = undisguised(*map(whole.get, ("behaviors", "logOnlySecurityData", "risk", "tunnels")))
        found = (("risk_behaviors", behaviors), ("risk_level", level), ("risk_reasons", reasons))
        known |= {name: value for name, value in found if value is not None}
        return b"".join((_OPEN, dump({**known, "flattened": whole | shown}), b"}"))


def undisguised(behaviors: Any, log_only: Any, risk: Any, tunnels: Any) -> _Undisguised:
    """What the structures in disguise are, and the fields that are made of them.

    Returns:
        The members of the map that are shown in another form, `risk_behaviors`, `risk_level` and `risk_reasons`.
    """
    shown: dict[str, Any] = {}
    if behaviors is not None:
        behaviors = _pairs(behaviors) or behaviors
        shown["behaviors"] = behaviors
    if log_only is not None:
        parsed = parsed_text(log_only)
        if parsed is not log_only:
            log_only = shown["logOnlySecurityData"] = parsed
    if tunnels is not None:
        shown["tunnels"] = parsed_text(tunnels)
    if risk is not None:
        pairs = _pairs(risk)
        if pairs is None and isinstance(risk, str):
            # Reasons are texts with commas in them, which cut a pair in two.
            pairs = _found(level=_LEVEL.search(risk), reasons=_REASONS.search(risk.strip("{}")))
            shown["risk_object"] = risk
        risk = shown["risk"] = pairs or risk
    level: str | None = None
    reasons: list[str] | None = None
    for source in (member(log_only, "risk"), risk):
        level = level or text(member(source, "level"))
        reasons = reasons or _listed(member(source, "reasons")) or None
    positive = [name for name, result in behaviors.items() if result == "POSITIVE"] if isinstance(behaviors, dict) else []
    return shown, positive or None, level, reasons


def _pairs(value: Any) -> dict[str, str] | None:
    """`{name=value, name=value}` as an object; None where it is something else."""
    if not isinstance(value, str):
        return value if isinstance(value, dict) else None
    inner = value[1:-1] if value[:1] == "{" and value[-1:] == "}" else value
    pairs: dict[str, str] = {}
    for part in inner.split(", "):
        name, equals, told = part.partition("=")
        if not equals:
            return None
        pairs[name] = told
    return pairs


def _found(**matches: re.Match[str] | None) -> dict[str, str]:
    return {name: match[1] for name, match in matches.items() if match and match[1]}


def _listed(reasons: Any) -> list[str]:
    if isinstance(reasons, list):
        return [reason for reason in reasons if isinstance(reason, str) and reason]
    return [reason for reason in _SEPARATOR.split(reasons) if reason] if isinstance(reasons, str) else []
