"""Which fields and event types Okta documents: to write a path's names as Okta does, and to ask "did you mean" where one is unknown.

Okta adds some every month, and `debugContext.debugData` is open by its nature: that a name isn't here is a reason to look twice, never an
error. The fields are those of the System Log's public OpenAPI description, and of real events what that leaves open; the event types are
the names of Okta's public event-type catalogue.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from okta_source.events.fields.virtual import VIRTUAL_FIELDS, find_virtual

__all__ = [
    "ARRAYS",
    "OKTA_FIELDS",
    "PIPELINE_FIELDS",
    "canonical",
    "event_types",
    "is_event_type",
    "is_known",
    "is_single",
    "suggest_event_type",
    "suggest_field",
]

_PLACE: Final = "geographicalContext.(city country postalCode state geolocation.(lat lon))"
_IP_DETAILS: Final = "ipDetails.(asNumber asOrg isp domain ipServiceCategories.(isAnonymous operator type))"
_CHAIN: Final = f"ipChain.(ip version source {_PLACE} {_IP_DETAILS})"
_DEVICE: Final = """
    id name os_platform os_version managed registered device_integrator disk_encryption_type screen_lock_type jailbreak
    secure_hardware_present platform osVersion deviceIntegrator diskEncryptionType screenLockType secureHardwarePresent
"""
_DEBUG: Final = """
    appname authMethodFirstEnrollment authMethodFirstType authMethodFirstVerificationTime authMethodSecondEnrollment authMethodSecondType
    authMethodSecondVerificationTime authnRequestId behaviors changedAttributes clientAuthType clientSecret countryCallingCode
    deviceFingerprint deviceIntegritySignals dtHash emails error errorCode externalSessionId factor factorIntent grantedScopes grantType
    groupAppAssignmentId initiationType jti keyTypeUsedForAuthentication legacyEventType logOnlySecurityData loginResult
    networkConnection oktaUserAgentExtended operationRateLimitScopeType operationRateLimitSecondsToReset operationRateLimitSubtype
    operationRateLimitThreshold operationRateLimitTimeSpan operationRateLimitTimeUnit operationRateLimitType origin originalPrincipal
    phoneNumber policyType preferredFactor privilegeGranted privilegeRevoked promptingPolicyTypes proxyType pushOnlyResponseType
    pushWithNumberChallengeResponseType rateLimitBucketUuid rateLimitScopeType rateLimitSecondsToReset redirectUri requestedScopes
    requestId requestUri responseMode responseType risk rootSessionId scopes signOnMode state suspiciousActivityBrowser
    suspiciousActivityDeviceType suspiciousActivityEventCity suspiciousActivityEventCountry suspiciousActivityEventId
    suspiciousActivityEventIp suspiciousActivityEventLatitude suspiciousActivityEventLongitude suspiciousActivityEventState
    suspiciousActivityEventTransactionId suspiciousActivityEventType suspiciousActivityOs suspiciousActivityTimestamp targetEventHookIds
    threatDetections threatSuspected threshold timeSpan timeUnit traceId transactionId tunnels url userId warningPercent
"""
_TREE: Final = f"""
    uuid published eventType legacyEventType displayMessage severity version
    actor.(id type alternateId displayName detailEntry)
    client.(id device zone ipAddress userAgent.(rawUserAgent os browser) {_PLACE} {_CHAIN})
    device.({_DEVICE})
    authenticationContext.(authenticationProvider authenticationStep credentialProvider credentialType externalSessionId interface
        rootSessionId issuer.(id type))
    outcome.(result reason)
    securityContext.(asNumber asOrg isp domain isProxy {_IP_DETAILS} botProtection.(level)
        risk.(detectionName issuer level previousLevel reasons) userBehaviors.(id name result))
    debugContext.(debugData.({_DEBUG}))
    transaction.(id type detail.(requestApiTokenId rootApiTokenId))
    request.({_CHAIN})
    target.(id type alternateId displayName detailEntry.(methodTypeUsed methodUsedVerifiedProperties policyType) changeDetails.(from to))
"""

ARRAYS: Final = frozenset({
    "target", "request.ipChain", "client.ipChain", "securityContext.ipDetails.ipServiceCategories", "securityContext.userBehaviors",
    "request.ipChain.ipDetails.ipServiceCategories", "client.ipChain.ipDetails.ipServiceCategories",
})  # fmt: skip
"""Paths of what is an array of objects."""

_ARRAYS: Final = tuple(array.lower() for array in ARRAYS)

PIPELINE_FIELDS: Final = (
    "_okta_event_type", "_okta_tenant", "_okta_org", "_okta_category", "_okta_action", "_okta_source", "_okta_ingested_at", "_okta_labels",
)  # fmt: skip
"""What this pipeline puts in front of an event: known to whoever reads what it has written."""


def _parse(text: str) -> dict[str, Any]:
    """The names of `a b.(c d)` as a tree."""
    tree: dict[str, Any] = {}
    open_trees = [tree]
    for token in text.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(":  # noqa: S105 - a bracket, no password
            continue
        if token == ")":  # noqa: S105
            open_trees.pop()
        elif token.endswith("."):
            inner = open_trees[-1]
            for name in token[:-1].split("."):
                inner = inner.setdefault(name, {})
            open_trees.append(inner)
        else:
            inner = open_trees[-1]
            for name in token.split("."):
                inner = inner.setdefault(name, {})
    return tree


def _paths(tree: Mapping[str, Any], front: str = "") -> Iterable[str]:
    for name, inner in tree.items():
        yield front + name
        yield from _paths(inner, f"{front}{name}.")


OKTA_FIELDS: Final = tuple(_paths(_parse(_TREE)))
"""Every documented path, objects included."""

_BY_LOWER_CASE: Final = MappingProxyType({path.lower(): path for path in (*OKTA_FIELDS, *PIPELINE_FIELDS)})
_OPEN_ENDS: Final = ("detailEntry", "changeDetails.from", "changeDetails.to", "originalPrincipal")
_OPEN: Final = ("_okta_labels.", *(f"{path.lower()}." for path in OKTA_FIELDS if path.endswith(_OPEN_ENDS)))


def canonical(path: str) -> str:
    """A path with those names written as Okta does that it documents; the rest as it is."""
    known, rest = path, ""
    while known:
        found = _BY_LOWER_CASE.get(known.lower())
        if found is not None:
            return found + rest
        known, dot, last = known.rpartition(".")
        rest = dot + last + rest
    return path


def is_known(path: str) -> bool:
    """Whether Okta documents a path, or this package makes it. Below members that Okta leaves open, every path is known."""
    lower = path.lower()
    if find_virtual(path) is not None:
        first, _, rest = lower.partition(".")
        return first != "target" or is_known(f"target.{rest.partition('.')[2]}")
    return lower in _BY_LOWER_CASE or lower.startswith(_OPEN)


def is_single(path: str) -> bool:
    """Whether an event has one value at a path and no more, as far as Okta documents it."""
    lower = path.lower()
    return is_known(path) and (find_virtual(path) is not None or not any(f"{lower}.".startswith(f"{array}.") for array in _ARRAYS))


def suggest_field(path: str) -> str | None:
    """The known path that somebody may have meant; None where none is near."""
    candidates = {known.lower(): known for known in (*OKTA_FIELDS, *VIRTUAL_FIELDS)}
    lower = path.lower()
    parent, _, last = lower.rpartition(".")
    beside = {low[len(parent) + 1 :]: known for low, known in candidates.items() if low.startswith(f"{parent}.")}
    if parent and beside:
        # Only the last name is in doubt: what the paths have in common would make near what isn't, as in `target.foo` and `target`.
        close = get_close_matches(last, beside, n=1, cutoff=0.7)
        arrays = tuple(f"{array.lower()}." for array in ARRAYS if not lower.startswith(f"{array.lower()}."))
        # `client.ip` for `client.ipAddress`, `client.os` for `client.userAgent.os`; an array's members are seldom meant.
        inner = [name for name in beside if last and (name.startswith(last) or name.endswith(f".{last}"))]
        inner = [name for name in inner if not f"{parent}.{name}.".startswith(arrays)]
        return beside[close[0]] if close else beside[min(inner, key=len)] if inner else None
    close = get_close_matches(lower, candidates, n=1, cutoff=0.75)
    if close:
        return candidates[close[0]]
    # `alternateId` for `actor.alternateId`, `ipAddress` for `client.ipAddress`.
    tails = [known for low, known in candidates.items() if low.endswith("." + lower)]
    return min(tails, key=len) if tails else None


@cache
def event_types() -> frozenset[str]:
    """Every event type of Okta's catalogue."""
    return frozenset(resources.files("okta_source.events.fields").joinpath("event_types.txt").read_text("ascii").split())


def is_event_type(event_type: str) -> bool:
    """Whether Okta's catalogue has this type, in whatever case."""
    return event_type.lower() in _types_by_lower_case()


def suggest_event_type(event_type: str) -> str | None:
    """The event type that somebody may have meant; None where none is near."""
    known = _types_by_lower_case()
    close = get_close_matches(event_type.lower(), known, n=1, cutoff=0.75)
    return known[close[0]] if close else None


@cache
def _types_by_lower_case() -> Mapping[str, str]:
    return {known.lower(): known for known in sorted(event_types())}
