"""What all events of one type have in common in OCSF: their class, and what their type tells of a sign-in."""

from typing import Final

import msgspec

from flows.pipeline.formats.ocsf_classes import Plan, plan
from flows.pipeline.formats.ocsf_debug import Debug, text_of
from flows.pipeline.formats.ocsf_targets import Chosen
from flows.pipeline.formats.values import dump

__all__ = ["Kind", "sign_in"]

_WEB: Final = b'"type":"WEB"'
_OKTA: Final = b'"Okta"'
_UNKNOWN_PROTOCOL: Final = b',"auth_protocol":"Unknown","auth_protocol_id":0'
_OPENID: Final = b',"auth_protocol":"OpenID","auth_protocol_id":4'
_SAML: Final = b',"auth_protocol":"SAML","auth_protocol_id":5'
_RADIUS: Final = b',"auth_protocol":"RADIUS","auth_protocol_id":10'
_PROTOCOLS: Final = {b'"OpenID Connect"': _OPENID, b'"SAML 2.0"': _SAML, b'"SAML 1.1"': _SAML}
_PROTOCOL_OF_TYPE: Final = {"user.authentication.auth_via_radius": _RADIUS, "user.authentication.auth_via_inbound_SAML": _SAML}
_MFA_TYPES: Final = frozenset({"user.authentication.auth_via_mfa", "user.mfa.okta_verify", "user.mfa.okta_verify.deny_push"})

# A number for each plan: there are some hundred, whatever event types come.
_PLANS: dict[Plan, int] = {}


class Kind:
    """What all events of one type have in common.

    Attributes:
        key: Tells its plan from others, in steps of 4.
        tells_privileges: Whether its class may want privileges.
        plan: Its class.
        code: The same as a JSON text.
        protocol: `auth_protocol` by the type alone.
        is_mfa: Whether it is about a second factor.
    """

    __slots__ = ("code", "is_mfa", "key", "plan", "protocol", "tells_privileges")

    def __init__(self, event_type: bytes) -> None:
        name = msgspec.json.decode(event_type, type=str)
        self.plan: Plan = plan(name)
        self.key = 4 * _PLANS.setdefault(self.plan, len(_PLANS))
        self.tells_privileges = self.plan.class_uid in (3005, 3006)
        self.code = dump(name)
        self.protocol = _PROTOCOL_OF_TYPE.get(name, _UNKNOWN_PROTOCOL)
        self.is_mfa = name in _MFA_TYPES


def sign_in(transaction: bytes, kind: Kind, chosen: Chosen, debug: Debug, url: bytes, session: bytes) -> bytes:
    """What Authentication has beyond what other classes have."""
    service = url or text_of(debug.request_uri) or (b"" if chosen.has_service else _OKTA)
    return b"".join((
        _PROTOCOLS.get(bytes(debug.sign_on_mode), kind.protocol) if debug.sign_on_mode else kind.protocol,
        b',"dst_endpoint":{"svc_name":' if service else b"", service, b"}" if service else b"",
        b',"is_mfa":true' if kind.is_mfa or debug.factor else b"",
        b',"logon_type":"Other","logon_type_id":99' if _WEB in transaction else b"",
        b',"session":' if session else b"", session,
    ))  # fmt: skip
