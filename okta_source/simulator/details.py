"""The parts of an event that differ from one event of a session to the next: its targets and its `debugData`."""

import random

from okta_source.simulator.catalogue import Kind
from okta_source.simulator.population import Entity, Population
from okta_source.simulator.sessions import Session

_CHANGES = (
    '"changeDetails":{"from":null,"to":{"status":"ACTIVE"}}',
    '"changeDetails":{"from":{"name":"before","priority":1},"to":{"name":"after","priority":2}}',
    '"changeDetails":{"from":{},"to":{"settings":{"nested":{"enabled":true}}}}',
)
_FACTORS = ("OKTA_VERIFY_PUSH", "FIDO_WEBAUTHN", "GOOGLE_OTP", "SMS_FACTOR", "PASSWORD_AS_FACTOR")
_SIGNON = ("SAML 2.0", "OpenID Connect", "Secure Web Authentication", "WS-Federation")
_GRANTS = ("authorization_code", "client_credentials", "refresh_token")
_FILLER_EVENTS = 400


class Details:
    """Renders targets and debug data from an organisation's population."""

    def __init__(self, population: Population) -> None:
        self._population = population

    def targets(self, rng: random.Random, kind: Kind, session: Session) -> str:
        """The `target` member: a list of the kind's targets, or null, or `[]` where it has none."""
        if not kind.targets:
            return '"target":null' if rng.random() < 0.8 else '"target":[]'
        rendered = []
        for number, name in enumerate(kind.targets):
            entity, kind_name = self._target(rng, name, session), name
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
        parts += [self._extra(rng, name, session) for name in kind.extras]
        return f'"debugContext":{{"debugData":{{{",".join(parts)}}}}}'

    @staticmethod
    def _extra(rng: random.Random, name: str, session: Session) -> str:
        number = int(rng.random() * 1_000_000)
        match name:
            case "risk":
                return session.risk
            case "behaviors":
                return (
                    f'"threatSuspected":"false","oktaUserAgentExtended":"okta-auth-js/7.10.{number % 9} okta-signin-widget-7.29.1",'
                    f'"authnRequestId":"{number:06d}{session.subject.id}"'
                )
            case "factor":
                return f'"factor":"{_FACTORS[number % 5]}","factorIntent":"AUTHENTICATION","pushWithNumberChallengeResponseType":"null"'
            case "phone":
                return f'"phoneNumber":"+1 555-01{number % 100:02d}","destinationCountry":"US"'
            case "signon":
                return (
                    f'"signOnMode":"{_SIGNON[number % 4]}","initiationType":"SP_INITIATED","authnRequestId":"{number:06d}",'
                    f'"samlResponse":"{{\\"nameId\\":\\"{session.subject.id}\\",\\"audience\\":\\"https:\\/\\/sp.example.com\\"}}"'
                )
            case "oauth":
                return f'"grantType":"{_GRANTS[number % 3]}","requestedScopes":"openid,profile,email","grantedScopes":"openid,profile"'
            case "threat":
                return '"threatSuspected":"true","threatDetections":"{\\"Login failures\\":\\"HIGH\\"}"'
            case "suspicious":
                return f'"suspiciousActivityEventType":"system.email.new_device_notification.sent_message","suspiciousActivityEventId":"{number}"'
            case "privilege":
                return '"privilegeGranted":"Help Desk Administrator","targetScope":"ORG"'
            case "import":
                return f'"usersAdded":"{number % 7}","usersUpdated":"{number % 91}","groupsAdded":"0"'
            case "rate":
                return f'"threshold":"600","timeSpan":"1","timeUnit":"MINUTES","rateLimitSecondsToReset":"{number % 60}"'
            case _:
                return '"registrationSource":"OKTA_VERIFY"'

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
