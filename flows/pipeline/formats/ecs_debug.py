"""`debugContext.debugData` as `okta.debug_context.debug_data`: the whole map `flattened`, and what people search by beside it.

All of Okta's values there are texts, some of them structures in disguise: `behaviors` and `risk` as `{name=value, name=value}`,
`logOnlySecurityData` and `tunnels` as JSON. Where there is none of those, which is most events, the map goes out as it came.
"""

import re
from typing import Annotated, Any, Final

import msgspec

from flows.pipeline.formats.remembered import Remembered
from flows.pipeline.formats.values import cleaned, dump, member, parse, parsed_text, scalar, text

__all__ = ["PROMOTED", "DebugData"]


class _Promoted(msgspec.Struct, gc=False, omit_defaults=True):
    """The texts that stand beside the map too, as `okta.debug_context.debug_data` has them."""

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


PROMOTED: Final = tuple(zip(
    ("clientSecret", "deviceFingerprint", "dtHash", "factor", "grantType", "grantedScopes", "requestId", "requestUri", "requestedScopes",
     "threatSuspected", "url"),
    _Promoted.__struct_fields__,
    strict=True,
))  # fmt: skip
"""The members of `debugData` that are fields of their own too, as Okta names them and as the document does."""

# What Okta sends: a map of texts, none of them empty.
_TEXTS = msgspec.json.Decoder(dict[str, Annotated[str, msgspec.Meta(min_length=1)]])
_LEVEL: Final = re.compile(r"level=([^\s,}]+)")
_REASONS: Final = re.compile(r"reasons=(.*?)(?:, [^\s,]+=.*)?$", re.DOTALL)
_SEPARATOR: Final = re.compile(r",\s*")
_OPEN: Final = b',"debug_context":{"debug_data":'


class DebugData:
    """Maps `debugData`; remembers the structures in disguise, of which a page holds few different ones."""

    def __init__(self) -> None:
        self._disguised: Remembered[tuple[Any, ...]] = Remembered(_undisguised)

    def __call__(self, raw: bytes) -> bytes:
        """`,"debug_context":{…}`; nothing where there are no data."""
        if len(raw) < 8:  # no room for a name and a value
            return b""
        try:
            texts = _TEXTS.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return self._mapped(raw)
        if "behaviors" in texts or "risk" in texts or "tunnels" in texts or texts.get("logOnlySecurityData", "-")[0] in "{[":
            return self._mapped(raw)
        get = texts.get
        promoted = _Promoted(
            get("clientSecret"), get("deviceFingerprint"), get("dtHash"), get("factor"), get("grantType"), get("grantedScopes"),
            get("requestId"), get("requestUri"), get("requestedScopes"), get("threatSuspected"), get("url"),
        )  # fmt: skip
        members = dump(promoted)
        return b"".join((_OPEN, members[:-1], b',"flattened":' if len(members) > 2 else b'"flattened":', raw, b"}}"))

    def _mapped(self, raw: bytes) -> bytes:
        sent = parse(raw)
        if not isinstance(sent, dict):
            return b""
        whole: dict[str, Any] | None = cleaned(sent)
        if not whole:
            return b""
        known = {name: value for okta_name, name in PROMOTED if (value := scalar(whole.get(okta_name))) is not None}
        key = b"\n".join(dump(whole.get(name)) for name in ("behaviors", "logOnlySecurityData", "risk", "tunnels"))
        disguised, found = self._disguised[key]
        return b"".join((_OPEN, dump({**known, **found, "flattened": {**whole, **disguised}}), b"}"))


def _undisguised(key: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the structures in disguise are, and the fields that are made of them."""
    behaviors, log_only, risk, tunnels = (parse(part) for part in key.split(b"\n"))
    shown: dict[str, Any] = {}
    if behaviors is not None:
        behaviors = shown["behaviors"] = _pairs(behaviors) or behaviors
    if log_only is not None:
        log_only = shown["logOnlySecurityData"] = parsed_text(log_only)
    if tunnels is not None:
        shown["tunnels"] = parsed_text(tunnels)
    if risk is not None:
        pairs = _pairs(risk)
        if pairs is None and isinstance(risk, str):
            # Reasons are texts with commas in them, which cut a pair in two.
            pairs = _found(level=_LEVEL.search(risk), reasons=_REASONS.search(risk.strip("{}")))
            shown["risk_object"] = risk
        risk = shown["risk"] = pairs or risk
    found: dict[str, Any] = {}
    for source in (member(log_only, "risk"), risk):
        level, reasons = text(member(source, "level")), member(source, "reasons")
        if level:
            found.setdefault("risk_level", level)
        if listed := _listed(reasons):
            found.setdefault("risk_reasons", listed)
    if isinstance(behaviors, dict) and (positive := [name for name, result in behaviors.items() if result == "POSITIVE"]):
        found["risk_behaviors"] = positive
    return shown, found


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
