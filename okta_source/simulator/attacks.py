"""Attacks among the simulated events: what an intruder leaves in the log, for detections to find.

Each is a story of a few events over at most an hour, told of people whom the organisation has, from addresses of the documentation ranges
where none of its own people are.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from okta_source.simulator.population import Entity, Population, identifier
from okta_source.simulator.schedule import timestamp, uuid1_text

__all__ = ["ATTACKS", "ATTACK_SPAN_SECONDS", "Attack", "attack_events"]

ATTACK_SPAN_SECONDS: Final = 3 * 3_600
"""How far back the attacks lie from the end of the backlog; no attack is longer."""

_BETWEEN_SECONDS: Final = 600
_ADDRESSES: Final = ("192.0.2.255", "198.51.100.255", "203.0.113.255")  # no host of the population has them
_WINDOWS: Final = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                   "Windows 10")  # fmt: skip
_MAC: Final = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
               "Mac OS 14.5 (Sonoma)")  # fmt: skip
_HERE: Final = ("Reykjavik", "Iceland", 64.1466, -21.9426)
_THERE: Final = ("Perth", "Australia", -31.9523, 115.8613)
_NOWHERE_NEW: Final = "{New Geo-Location=NEGATIVE, New Device=NEGATIVE, New IP=NEGATIVE, New Country=NEGATIVE}"
_ALL_NEW: Final = "{New Geo-Location=POSITIVE, New Device=POSITIVE, New IP=POSITIVE, New Country=POSITIVE}"


@dataclass(frozen=True, slots=True)
class Attack:
    """A story.

    Attributes:
        about: What happens, in half a sentence.
        tell: Gives its steps.
    """

    about: str
    tell: Callable[[Population, random.Random], Iterator["_Step"]]


@dataclass(frozen=True, slots=True)
class _Step:
    """An event of a story, `after` seconds behind its beginning."""

    after: float
    event_type: str
    message: str
    actor: Entity
    targets: Sequence[Entity] = ()
    result: str = "SUCCESS"
    reason: str | None = None
    severity: str = "INFO"
    address: str = _ADDRESSES[0]
    place: tuple[str, str, float, float] = _HERE
    agent: tuple[str, str] = _WINDOWS
    session: str = "unknown"
    debug: Mapping[str, str] | None = None


def attack_events(names: Sequence[str], population: Population, rng: random.Random, end_ms: int) -> list[tuple[int, bytes]]:
    """Attacks in the order of their names, one begun every ten minutes.

    Args:
        names: Names of `ATTACKS`.
        population: Whom the organisation has.
        rng: Where every choice comes from.
        end_ms: Where the backlog ends, in Unix milliseconds.

    Returns:
        When each event is published, in Unix milliseconds, and its bytes; in that order.
    """
    node = rng.getrandbits(47) | 1 << 40
    begin_ms = end_ms - ATTACK_SPAN_SECONDS * 1000
    steps = [
        (begin_ms + round((number * _BETWEEN_SECONDS + step.after) * 1000), step)
        for number, name in enumerate(names)
        for step in ATTACKS[name].tell(population, rng)
    ]
    steps.sort(key=lambda timed: timed[0])
    return [(ms, _render(step, ms, uuid1_text(ms, index, node), rng)) for index, (ms, step) in enumerate(steps)]


def _spray(population: Population, rng: random.Random) -> Iterator[_Step]:
    victims = rng.sample(population.users, 14)
    for number, victim in enumerate(victims):
        yield _Step(number * 20, _SIGN_IN, "User login to Okta", victim, result="FAILURE", reason="INVALID_CREDENTIALS")
    found = victims[9]
    yield _Step(420, _SIGN_IN, "User login to Okta", found, session=identifier(rng, "idx", 25), debug={"behaviors": _ALL_NEW})


def _reset_storm(population: Population, rng: random.Random) -> Iterator[_Step]:
    admin, *victims = rng.sample(population.users, 8)
    session = identifier(rng, "idx", 25)
    for number, victim in enumerate(victims):
        yield _Step(number * 150, "user.mfa.factor.reset_all", "Reset all factors for user", admin, [victim], address=_ADDRESSES[1],
                    session=session)  # fmt: skip


def _push_bombing(population: Population, rng: random.Random) -> Iterator[_Step]:
    victim = rng.choice(population.users)
    factor = {"factor": "OKTA_VERIFY_PUSH", "behaviors": _ALL_NEW}
    for number in range(6):
        yield _Step(number * 45, "user.mfa.okta_verify.deny_push", "User rejected Okta push verify", victim, [victim], result="FAILURE",
                    reason="User rejected Okta push verify", severity="WARN", address=_ADDRESSES[2], debug=factor)  # fmt: skip
    yield _Step(300, "user.authentication.auth_via_mfa", "Authentication of user via MFA", victim, [victim], address=_ADDRESSES[2],
                debug=factor)  # fmt: skip
    yield _Step(301, _SIGN_IN, "User login to Okta", victim, address=_ADDRESSES[2], session=identifier(rng, "idx", 25), debug=factor)


def _new_admin(population: Population, rng: random.Random) -> Iterator[_Step]:
    admin, helper = rng.sample(population.users, 2)
    role = population.named["ROLE"][0]
    stream = population.named["LogStream"][0]
    granted = {"privilegeGranted": "Super administrator", "targetScope": "ORG"}
    yield _Step(0, "user.account.privilege.grant", "Grant user privilege", admin, [helper, role], debug=granted)
    yield _Step(1500, "system.log_stream.lifecycle.deactivate", "Deactivate log stream", helper, [stream])


def _unknown_client(_: Population, rng: random.Random) -> Iterator[_Step]:
    name = '"backup-exporter"'
    client = Entity(identifier(rng, "0oa"), "PublicClientApp", name, name)
    token = Entity(identifier(rng, "AT."), "access_token", '"unknown"', '"Access Token"')
    scopes = {"grantType": "client_credentials", "requestedScopes": "okta.users.manage", "grantedScopes": "okta.users.manage"}
    for number in range(3):
        yield _Step(number * 60, "app.oauth2.token.grant.access_token", "OIDC access token is granted", client, [token],
                    address=_ADDRESSES[1], debug=scopes)  # fmt: skip


def _travel(population: Population, rng: random.Random) -> Iterator[_Step]:
    victim = rng.choice(population.users)
    yield _Step(0, _SIGN_IN, "User login to Okta", victim, session=identifier(rng, "idx", 25), debug={"behaviors": _NOWHERE_NEW})
    yield _Step(2400, _SIGN_IN, "User login to Okta", victim, session=identifier(rng, "idx", 25), address=_ADDRESSES[2], place=_THERE,
                debug={"behaviors": _ALL_NEW})  # fmt: skip


def _stolen_session(population: Population, rng: random.Random) -> Iterator[_Step]:
    victim = rng.choice(population.users)
    session = identifier(rng, "idx", 25)
    opened = ("user.session.access_admin_app", "User accessing Okta admin app", victim)
    yield _Step(0, _SIGN_IN, "User login to Okta", victim, session=session, agent=_MAC, debug={"behaviors": _NOWHERE_NEW})
    yield _Step(1, *opened, session=session, agent=_MAC)
    yield _Step(1200, *opened, session=session, address=_ADDRESSES[1])


_SIGN_IN: Final = "user.session.start"

ATTACKS: Final[Mapping[str, Attack]] = {
    "password-spray": Attack("fourteen users' passwords are guessed from one address, and one guess is right", _spray),
    "mfa-reset-storm": Attack("an administrator's account resets the factors of seven users", _reset_storm),
    "push-bombing": Attack("a user refuses six pushes and accepts the seventh", _push_bombing),
    "new-admin": Attack("a user is made super administrator and switches a log stream off", _new_admin),
    "unknown-client": Attack("a client that nobody knows gets tokens; needs a backlog of more than a day", _unknown_client),
    "impossible-travel": Attack("a user signs in from two continents within an hour", _travel),
    "stolen-session": Attack("an administrator's session goes on on another machine", _stolen_session),
}


def _render(step: _Step, ms: int, event_uuid: str, rng: random.Random) -> bytes:
    city, country, lat, lon = step.place
    raw, system = step.agent
    request_id = f"{rng.getrandbits(128):032x}"
    geography = {"city": city, "state": city, "country": country, "postalCode": None, "geolocation": {"lat": lat, "lon": lon}}
    event: dict[str, Any] = {
        "actor": _entity(step.actor),
        "client": {
            "userAgent": {"rawUserAgent": raw, "os": system, "browser": "UNKNOWN"},
            "zone": "null",
            "device": "Computer",
            "id": None,
            "ipAddress": step.address,
            "geographicalContext": geography,
        },
        "device": None,
        "authenticationContext": {"authenticationProvider": None, "authenticationStep": 0, "externalSessionId": step.session},
        "displayMessage": step.message,
        "eventType": step.event_type,
        "outcome": {"result": step.result, "reason": step.reason},
        "published": timestamp(ms),
        "securityContext": {"asNumber": 64511, "asOrg": "example hosting", "isp": "example hosting", "domain": ".", "isProxy": False},
        "severity": step.severity,
        "debugContext": {"debugData": {"requestId": request_id, **(step.debug or {})}},
        "legacyEventType": None,
        "transaction": {"type": "WEB", "id": request_id, "detail": {}},
        "uuid": event_uuid,
        "version": "0",
        "request": {"ipChain": [{"ip": step.address, "geographicalContext": geography, "version": "V4", "source": None}]},
        "target": [_entity(target) for target in step.targets] or None,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _entity(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.id,
        "type": entity.type,
        "alternateId": json.loads(entity.alternate),
        "displayName": json.loads(entity.display),
        "detailEntry": None,
    }
