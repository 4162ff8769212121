"""Stories of intruders, step by step, of people whom the organisation has; `okta_source.simulator.attacks` makes events of them.

Addresses are of the documentation ranges, and such as none of the organisation's own people have.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from okta_source.simulator.population import Entity, Population, identifier

__all__ = ["ATTACKS", "Attack", "Step"]

_ADDRESSES: Final = ("192.0.2.255", "198.51.100.255", "203.0.113.255")  # no host of the population has them
_WINDOWS: Final = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                   "Windows 10")  # fmt: skip
_MAC: Final = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
               "Mac OS 14.5 (Sonoma)")  # fmt: skip
_HERE: Final = ("Reykjavik", "Iceland", 64.1466, -21.9426)
_THERE: Final = ("Perth", "Australia", -31.9523, 115.8613)
_NOWHERE_NEW: Final = "{New Geo-Location=NEGATIVE, New Device=NEGATIVE, New IP=NEGATIVE, New Country=NEGATIVE}"
_NEW_DEVICE: Final = "{New Geo-Location=NEGATIVE, New Device=POSITIVE, New IP=NEGATIVE, New Country=NEGATIVE}"
_ALL_NEW: Final = "{New Geo-Location=POSITIVE, New Device=POSITIVE, New IP=POSITIVE, New Country=POSITIVE}"


@dataclass(frozen=True, slots=True)
class Attack:
    """A story.

    Attributes:
        about: What happens, in half a sentence.
        tell: Gives its steps.
    """

    about: str
    tell: Callable[[Population, random.Random], Iterator["Step"]]


@dataclass(frozen=True, slots=True)
class Step:
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


def _spray(population: Population, rng: random.Random) -> Iterator[Step]:
    victims = rng.sample(population.users, 14)
    for number, victim in enumerate(victims):
        yield Step(number * 20, _SIGN_IN, "User login to Okta", victim, result="FAILURE", reason="INVALID_CREDENTIALS")
    found = victims[9]
    yield Step(420, _SIGN_IN, "User login to Okta", found, session=identifier(rng, "idx", 25), debug={"behaviors": _ALL_NEW})


def _reset_storm(population: Population, rng: random.Random) -> Iterator[Step]:
    admin, *victims = rng.sample(population.users, 8)
    session = identifier(rng, "idx", 25)
    for number, victim in enumerate(victims):
        yield Step(number * 150, "user.mfa.factor.reset_all", "Reset all factors for user", admin, [victim], address=_ADDRESSES[1],
                    session=session)  # fmt: skip


def _push_bombing(population: Population, rng: random.Random) -> Iterator[Step]:
    victim = rng.choice(population.users)
    factor = {"factor": "OKTA_VERIFY_PUSH", "behaviors": _ALL_NEW}
    for number in range(6):
        yield Step(number * 45, "user.mfa.okta_verify.deny_push", "User rejected Okta push verify", victim, [victim], result="FAILURE",
                    reason="User rejected Okta push verify", severity="WARN", address=_ADDRESSES[2], debug=factor)  # fmt: skip
    yield Step(300, "user.authentication.auth_via_mfa", "Authentication of user via MFA", victim, [victim], address=_ADDRESSES[2],
                debug=factor)  # fmt: skip
    yield Step(301, _SIGN_IN, "User login to Okta", victim, address=_ADDRESSES[2], session=identifier(rng, "idx", 25), debug=factor)


def _new_admin(population: Population, rng: random.Random) -> Iterator[Step]:
    admin, helper = rng.sample(population.users, 2)
    role = population.named["ROLE"][0]
    stream = population.named["LogStream"][0]
    granted = {"privilegeGranted": "Super administrator", "targetScope": "ORG"}
    yield Step(0, "user.account.privilege.grant", "Grant user privilege", admin, [helper, role], debug=granted)
    yield Step(1500, "system.log_stream.lifecycle.deactivate", "Deactivate log stream", helper, [stream])


def _unknown_client(_: Population, rng: random.Random) -> Iterator[Step]:
    name = '"backup-exporter"'
    client = Entity(identifier(rng, "0oa"), "PublicClientApp", name, name)
    token = Entity(identifier(rng, "AT."), "access_token", '"unknown"', '"Access Token"')
    scopes = {"grantType": "client_credentials", "requestedScopes": "okta.users.manage", "grantedScopes": "okta.users.manage"}
    for number in range(3):
        yield Step(number * 60, "app.oauth2.token.grant.access_token", "OIDC access token is granted", client, [token],
                    address=_ADDRESSES[1], debug=scopes)  # fmt: skip


def _travel(population: Population, rng: random.Random) -> Iterator[Step]:
    victim = rng.choice(population.users)
    yield Step(0, _SIGN_IN, "User login to Okta", victim, session=identifier(rng, "idx", 25), debug={"behaviors": _NOWHERE_NEW})
    yield Step(2400, _SIGN_IN, "User login to Okta", victim, session=identifier(rng, "idx", 25), address=_ADDRESSES[2], place=_THERE,
                debug={"behaviors": _ALL_NEW})  # fmt: skip


def _stolen_session(population: Population, rng: random.Random) -> Iterator[Step]:
    victim = rng.choice(population.users)
    session = identifier(rng, "idx", 25)
    opened = ("user.session.access_admin_app", "User accessing Okta admin app", victim)
    yield Step(0, _SIGN_IN, "User login to Okta", victim, session=session, agent=_MAC, debug={"behaviors": _NOWHERE_NEW})
    yield Step(1, *opened, session=session, agent=_MAC)
    yield Step(1200, *opened, session=session, address=_ADDRESSES[1])


def _brute_force(population: Population, rng: random.Random) -> Iterator[Step]:
    victim = rng.choice(population.users)
    for number in range(12):
        yield Step(
            number * 40, _SIGN_IN, "User login to Okta", victim, result="FAILURE", reason="INVALID_CREDENTIALS", address=_ADDRESSES[1]
        )


def _taken_over(population: Population, rng: random.Random) -> Iterator[Step]:
    admin, victim = rng.sample(population.users, 2)
    session = identifier(rng, "idx", 25)
    yield Step(0, "user.account.reset_password", "User reset password for Okta", admin, [victim], session=session)
    yield Step(240, "user.mfa.factor.reset_all", "Reset all factors for user", admin, [victim], session=session)
    yield Step(900, _SIGN_IN, "User login to Okta", victim, session=identifier(rng, "idx", 25), debug={"behaviors": _NEW_DEVICE})
    # Whoever has it now enrols a factor of their own.
    yield Step(960, "user.mfa.factor.activate", "Activate factor for user", victim, [victim], debug={"factor": "OKTA_VERIFY_PUSH"})


def _lockouts(population: Population, rng: random.Random) -> Iterator[Step]:
    for number, victim in enumerate(rng.sample(population.users, 6)):
        yield Step(number * 30, "user.account.lock", "Max sign in attempts exceeded", victim, [victim], result="FAILURE",
                   reason="LOCKED_OUT", severity="WARN", address=_ADDRESSES[1])  # fmt: skip


def _abandoned(population: Population, rng: random.Random) -> Iterator[Step]:
    for number, victim in enumerate(rng.sample(population.users, 6)):
        yield Step(number * 120, "user.authentication.auth_via_mfa", "Authentication of user via MFA", victim, [victim],
                   result="UNANSWERED", address=_ADDRESSES[2], debug={"factor": "SMS_FACTOR", "behaviors": _ALL_NEW})  # fmt: skip


def _redirects(population: Population, rng: random.Random) -> Iterator[Step]:
    victim = rng.choice(population.users)
    for number in range(4):
        yield Step(number * 45, "app.oauth2.authorize", "OAuth2 authorize", victim, result="FAILURE", reason="mismatching_redirect_uri",
                   severity="WARN", address=_ADDRESSES[1])  # fmt: skip


def _suspected(_: Population, rng: random.Random) -> Iterator[Step]:
    client = Entity(identifier(rng, "net"), "ThreatInsight", '"unknown"', '"unknown"')
    for number in range(2):
        yield Step(number * 600, "security.threat.detected", "Request from suspicious actor", client, result="ALLOW",
                   reason="Login failures", severity="WARN", address=_ADDRESSES[2])  # fmt: skip


_SIGN_IN: Final = "user.session.start"

ATTACKS: Final[Mapping[str, Attack]] = {
    "password-spray": Attack("fourteen users' passwords are guessed from one address, and one guess is right", _spray),
    "mfa-reset-storm": Attack("an administrator's account resets the factors of seven users", _reset_storm),
    "push-bombing": Attack("a user refuses six pushes and accepts the seventh", _push_bombing),
    "new-admin": Attack("a user is made super administrator and switches a log stream off", _new_admin),
    "unknown-client": Attack("a client that nobody knows gets tokens; needs a backlog of more than a day", _unknown_client),
    "impossible-travel": Attack("a user signs in from two continents within an hour", _travel),
    "brute-force": Attack("one user's password is guessed at twelve times", _brute_force),
    "account-takeover": Attack("a user's password and factors are reset, and somebody signs in from a new device", _taken_over),
    "lockouts": Attack("six accounts are locked within three minutes", _lockouts),
    "mfa-abandoned": Attack("six users' passwords are known at one address, and no second factor is given", _abandoned),
    "redirect-mismatch": Attack("an address tries redirect URIs that a client doesn't have", _redirects),
    "threat-insight": Attack("Okta itself suspects an address", _suspected),
    "stolen-session": Attack("an administrator's session goes on on another machine", _stolen_session),
}
