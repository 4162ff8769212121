"""The parts of an event that differ from one event of a session to the next: its targets and its `debugData`."""

import random

from okta_source.simulator.catalogue import Kind
from okta_source.simulator.population import Entity, Population
from okta_source.simulator.scenarios import BY_AGENT
from okta_source.simulator.sessions import Session

_CHANGES = (
    '"changeDetails":{"from":null,"to":{"status":"ACTIVE"}}',
    '"changeDetails":{"from":{"name":"before","priority":1},"to":{"name":"after","priority":2}}',
    '"changeDetails":{"from":{},"to":{"settings":{"nested":{"enabled":true}}}}',
)
_FACTORS = ("OKTA_VERIFY_PUSH", "FIDO_WEBAUTHN", "GOOGLE_OTP", "SMS_FACTOR", "PASSWORD_AS_FACTOR")
_SIGNON = ("SAML 2.0", "OpenID Connect", "Secure Web Authentication", "WS-Federation")
_GRANTS = ("authorization_code", "client_credentials", "refresh_token")
_GROUPS = {
    "behaviors": '"threatSuspected":"false","oktaUserAgentExtended":"okta-auth-js/7.10.%(digit)d okta-signin-widget-7.29.1",'
    '"authnRequestId":"%(number)06d%(subject)s"',
    "factor": '"factor":"%(factor)s","factorIntent":"AUTHENTICATION","pushWithNumberChallengeResponseType":"null"',
    "phone": '"phoneNumber":"+1 555-010%(digit)d","destinationCountry":"US"',
    "signon": '"signOnMode":"%(signon)s","initiationType":"SP_INITIATED","authnRequestId":"%(number)06d",'
    '"samlResponse":"{\\"nameId\\":\\"%(subject)s\\",\\"audience\\":\\"https:\\/\\/sp.example.com\\"}"',
    "oauth": '"grantType":"%(grant)s","requestedScopes":"openid,profile,email","grantedScopes":"openid,profile"',
    "threat": '"threatSuspected":"true","threatDetections":"{\\"Login failures\\":\\"HIGH\\"}"',
    "suspicious": '"suspiciousActivityEventType":"system.email.new_device_notification.sent_message",'
    '"suspiciousActivityEventId":"%(number)d"',
    "privilege": '"privilegeGranted":"Help Desk Administrator","targetScope":"ORG"',
    "import": '"usersAdded":"%(digit)d","usersUpdated":"%(number)d","groupsAdded":"0"',
    "rate": '"threshold":"600","timeSpan":"1","timeUnit":"MINUTES","rateLimitSecondsToReset":"%(digit)d"',
    "device": '"registrationSource":"OKTA_VERIFY"',
}
_FILLER_EVENTS = 400


class Details:
    """Renders targets and debug data.

    Args:
        population: Whom and what the organisation has.
        lean: Give an event at most one group of debug data.
    """

    def __init__(self, population: Population, *, lean: bool = False) -> None:
        self._population = population
        self._groups = 1 if lean else None

    def targets(self, rng: random.Random, kind: Kind, session: Session) -> str:
        """The `target` member: a list of the kind's targets, or null, or `[]` where it has none."""
        if not kind.targets:
            return '"target":null' if rng.random() < 0.8 else '"target":[]'
        rendered = []
        for number, name in enumerate(kind.targets):
            entity, kind_name = self._target(rng, name, session), name
            if kind.event_type in BY_AGENT and name == "User":
                entity = session.subject
            changes = f"{_CHANGES[int(rng.random() * 3)]}," if kind.changes and number == 0 else ""
            detail = "null" if name != "PolicyEntity" else '{"policyType":"OktaSignOn"}'
            rendered.append(
                f'{{"id":"{entity.id}","type":"{kind_name}","alternateId":{entity.alternate},"displayName":{entity.display},'
                f'{changes}"detailEntry":{detail}}}'
            )
        # "The order of target types isn't guaranteed."
        if len(rendered) > 1 and rng.random() < 0.2:
            rendered.reverse()
        return f'"target":[{",".join(rendered)}]'

    def _target(self, rng: random.Random, name: str, session: Session) -> Entity:
        if name in ("User", "AppUser"):
            if session.subject.type == "User" and rng.random() < 0.5:
                return session.subject
            users = self._population.users
            return users[int(rng.random() * len(users))]
        choices = self._population.named[name]
        return choices[int(rng.random() * len(choices))]

    def debug(self, rng: random.Random, kind: Kind, session: Session, request_id: str) -> str:
        """The `debugContext` member; all its values are strings, some of them structures in disguise."""
        if not kind.path:
            return f'"debugContext":{{"debugData":{{{session.debug}}}}}'
        path = kind.path
        if "{" in path:
            path = path.replace("{id}", session.subject.id).replace("{app}", "example_app_1")
        parts = [f'"requestId":"{request_id}","requestUri":"{path}","url":"{path}?"', session.debug]
        parts += [self._extra(rng, name, session) for name in kind.extras[: self._groups]]
        return f'"debugContext":{{"debugData":{{{",".join(parts)}}}}}'

    @staticmethod
    def _extra(rng: random.Random, name: str, session: Session) -> str:
        if name == "risk":
            return session.risk
        number = int(rng.random() * 1_000_000)
        return _GROUPS[name] % {
            "number": number,
            "digit": number % 9,
            "subject": session.subject.id,
            "factor": _FACTORS[number % 5],
            "signon": _SIGNON[number % 4],
            "grant": _GRANTS[number % 3],
        }

    def filler(self, rng: random.Random) -> str:
        """Text like the JSON-in-a-string that real `logOnlySecurityData` holds, safe to cut at any character."""
        parts = []
        for _ in range(_FILLER_EVENTS):
            user = self._population.users[int(rng.random() * len(self._population.users))]
            parts.append(
                f"behaviors=New IP:NEGATIVE,velocity:{rng.randrange(900)}; user={user.id}; "
                f"session={rng.getrandbits(64):016x}; factors=okta_verify,webauthn; score={rng.random():.4f}; "
            )
        return "".join(parts)
