"""A session: the members that all events of one actor's visit share, rendered once.

Rendering JSON by joining prepared fragments instead of dumping dictionaries makes an event cost some 20 µs; a session
pays for its part of that once.
"""

import random
from dataclasses import dataclass

from okta_source.simulator.catalogue import Kind
from okta_source.simulator.population import Entity, Network, Population, identifier

_AGENTS = (
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
     "Mac OS 14.5 (Sonoma)", "CHROME", "Computer"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
     "Windows 10", "EDGE", "Computer"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Linux", "FIREFOX", "Computer"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/604.1",
     "iOS (iPhone)", "SAFARI", "Mobile"),
    ("Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
     "Android", "CHROME", "Mobile"),
)  # fmt: skip
_SCRIPT_AGENTS = (
    ("python-requests/2.32.3", "Unknown", "UNKNOWN", "Unknown"),
    ("okta-sdk-golang/5.0.2 golang/go1.23 linux/amd64", "Linux", "UNKNOWN", "Unknown"),
)
_BEHAVIOURS = ("New Geo-Location", "New Device", "New IP", "New State", "New Country", "Velocity", "New City")
_RISKS = ("LOW", "LOW", "LOW", "LOW", "MEDIUM", "HIGH")
_NUMBER_SHARE = 0.05
_NEW_SHARE = 0.12
_DEVICES = (
    ('"device":{"id":"%s","name":"%s","os_platform":"OSX","os_version":"14.6.0","managed":false,"registered":true,"device_integrator":null,'
    '"disk_encryption_type":"ALL_INTERNAL_VOLUMES","screen_lock_type":"BIOMETRIC","jailbreak":null,"secure_hardware_present":true}'),
    ('"device":{"id":"%s","name":"%s","platform":"WINDOWS","osVersion":"10.0.22631","managed":true,"registered":true,"deviceIntegrator":null,'
    '"diskEncryptionType":"ALL_INTERNAL_VOLUMES","screenLockType":"PASSCODE","jailbreak":null,"secureHardwarePresent":true}'),
)  # fmt: skip

SYSTEM_ACTOR = (
    '"actor":{"id":"okta.simulator","type":"SystemPrincipal","alternateId":"system@okta.com","displayName":"Okta System",'
    '"detailEntry":null}'
)
"""Who acts where the platform does."""


@dataclass(slots=True)
class Session:
    """One actor's visit; all but `subject`, `steps` and `web` are rendered JSON members, with their names."""

    subject: Entity
    actor: str
    client: str
    device: str
    authentication: str
    security: str
    request: str
    debug: str
    risk: str
    steps: list[Kind]
    web: bool


def start(
    population: Population, rng: random.Random, actor: str, steps: list[Kind], *, lean: bool = False, everyday: bool = False
) -> Session:
    """Begin a session.

    Args:
        population: Whom and what the organisation has.
        rng: Where every choice comes from.
        actor: Who acts, as scenarios name it.
        steps: The kinds of its events in order; the session takes them from the front.
        lean: Leave out where each hop of the request is, for events that must stay small.
        everyday: Nobody is anywhere else than at home, and nothing about them is new or risky.
    """
    users = population.users
    # Squared: few people are busy, most are not. Administrators are one in twenty.
    place = int(rng.random() * max(1, len(users) // 20)) if actor in ("admin", "api") else int(rng.random() ** 2 * len(users))
    subject = users[place]
    networks = population.networks
    network = networks[place % len(networks)] if everyday else networks[int(rng.random() * len(networks))]
    # Taken from the end, which is where a list gives things away cheaply.
    upcoming = steps[::-1]
    if actor == "system":
        return _system(subject, upcoming)
    script = actor in ("api", "app")
    agents = _SCRIPT_AGENTS if script else _AGENTS
    device_id = identifier(rng, "guo")
    level = "LOW" if everyday else _RISKS[int(rng.random() * len(_RISKS))]
    hash_text = f"{rng.getrandbits(256):064x}"
    share = 0.0 if everyday else _NEW_SHARE
    results = [f"{name}={'POSITIVE' if rng.random() < share else 'NEGATIVE'}" for name in _BEHAVIOURS]
    return Session(
        subject=subject,
        actor=_actor(population, rng, actor, subject, network),
        client=_client(rng, network, agents[int(rng.random() * len(agents))]),
        device=_device(rng, device_id),
        authentication=_authentication(rng, actor),
        security=_security(rng, network, level, proxies=0.0 if everyday else 0.03),
        request=_request(rng, network, population, lean=lean),
        debug=f'"dtHash":"{hash_text}","deviceFingerprint":"{device_id}"' if not script else f'"dtHash":"{hash_text}"',
        risk=f'"behaviors":"{{{", ".join(results)}}}","risk":"{{reasons=Anomalous Location, level={level}}}"',
        steps=upcoming,
        web=True,
    )


def _actor(population: Population, rng: random.Random, actor: str, subject: Entity, network: Network) -> str:
    if actor == "address":
        return (
            f'"actor":{{"id":"{network.ip}","type":"IP address","alternateId":"unknown","displayName":"{network.ip}","detailEntry":null}}'
        )
    if actor == "app":
        client = population.clients[int(rng.random() * len(population.clients))]
        return (
            f'"actor":{{"id":"{client.id}","type":"PublicClientApp","alternateId":{client.alternate},"displayName":{client.display},'
            f'"detailEntry":null}}'
        )
    if rng.random() < 0.3:
        return f'"actor":{{"displayName":{subject.display},"alternateId":{subject.alternate},"type":"User","id":"{subject.id}"}}'
    return (
        f'"actor":{{"id":"{subject.id}","type":"User","alternateId":{subject.alternate},"displayName":{subject.display},'
        f'"detailEntry":null}}'
    )


def _geography(network: Network, *, number: bool = False) -> str:
    """Where an address is; with `number` the postal code is a JSON number where it can be, as in some real events."""
    code = network.postal_code
    shown = code if number and code.isdigit() and code[0] != "0" else f'"{code}"'
    return f'"geographicalContext":{{{network.place},"postalCode":{shown},"geolocation":{network.geolocation}}}'


def _client(rng: random.Random, network: Network, agent: tuple[str, str, str, str]) -> str:
    raw, system, browser, device = agent
    draw = rng.random()
    # Where no zone matches, Okta often writes the word "null" as a string.
    zone = '"null"' if draw < 0.45 else "null" if draw < 0.6 else '"OfficeZone"'
    geography = _geography(network) if rng.random() < 0.95 else '"geographicalContext":null'
    # Okta's encoder may or may not escape the slash; both are the same JSON.
    raw_text = raw.replace("/", "\\/") if rng.random() < 0.05 else raw
    if rng.random() < 0.7:
        return (
            f'"client":{{"userAgent":{{"rawUserAgent":"{raw_text}","os":"{system}","browser":"{browser}"}},"zone":{zone},"device":"{device}",'
            f'"id":null,"ipAddress":"{network.ip}",{geography}}}'
        )
    return (
        f'"client":{{{geography},"ipAddress":"{network.ip}","device":"{device}","userAgent":{{"browser":"{browser}","os":"{system}",'
        f'"rawUserAgent":"{raw_text}"}},"zone":{zone}}}'
    )


def _device(rng: random.Random, device_id: str) -> str:
    draw = rng.random()
    if draw < 0.8:
        return '"device":null'
    name = f"LAPTOP-{rng.getrandbits(20):05X}"
    return (_DEVICES[0] if draw < 0.9 else _DEVICES[1]) % (device_id, name)


def _authentication(rng: random.Random, actor: str) -> str:
    if actor in ("address", "app"):
        return '"authenticationContext":{"authenticationStep":0}'
    session = identifier(rng, "trs" if actor == "api" else "idx", 25)
    provider = ("null", '"OKTA_AUTHENTICATION_PROVIDER"', '"FACTOR_PROVIDER"', '"FEDERATION"')[int(rng.random() ** 2 * 4)]
    credential = ("null", '"PASSWORD"', '"OTP"', '"ASSERTION"', '"OAuth 2.0"')[int(rng.random() ** 2 * 5)]
    return (
        f'"authenticationContext":{{"authenticationProvider":{provider},"credentialProvider":null,"credentialType":{credential},'
        f'"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"{session}","externalSessionId":"{session}"}}'
    )


def _security(rng: random.Random, network: Network, level: str, proxies: float) -> str:
    proxy = "true" if rng.random() < proxies else "false"
    draw = rng.random()
    if draw < 0.1:
        return '"securityContext":{"asNumber":null,"asOrg":null,"isp":null,"domain":null,"isProxy":null}'
    base = f'"asNumber":{network.as_number},"asOrg":{network.provider},"isp":{network.provider},"domain":{network.domain},"isProxy":{proxy}'
    if draw < 0.3:
        # Newer members, which only some organisations have.
        behaviours = (
            '"userBehaviors":[{"name":"New Device","id":"bhvsim1","result":"NEGATIVE"}]' if level == "LOW" else '"userBehaviors":[]'
        )
        return f'"securityContext":{{{base},"ipDetails":null,"risk":{{"level":"{level}","previousLevel":null,"reasons":[]}},{behaviours}}}'
    return f'"securityContext":{{{base}}}'


def _request(rng: random.Random, network: Network, population: Population, *, lean: bool) -> str:
    geography = '"geographicalContext":null' if lean else _geography(network, number=rng.random() < _NUMBER_SHARE)
    hop = f'{{"ip":"{network.ip}",{geography},"version":"{network.version}","source":null}}'
    if not lean and rng.random() < 0.15:
        proxy = population.networks[0]
        hop += f',{{"ip":"{proxy.ip}",{_geography(proxy)},"version":"{proxy.version}","source":null}}'
    return f'"request":{{"ipChain":[{hop}]}}'


def _system(subject: Entity, steps: list[Kind]) -> Session:
    """The platform acting by itself: no client, no address, no transaction of anybody's."""
    return Session(
        subject=subject,
        actor=SYSTEM_ACTOR,
        client='"client":{"userAgent":null,"zone":null,"device":null,"id":null,"ipAddress":null,"geographicalContext":null}',
        device='"device":null',
        authentication='"authenticationContext":{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"issuer":null,'
        '"interface":null,"authenticationStep":0,"externalSessionId":"unknown"}',
        security='"securityContext":{"asNumber":null,"asOrg":null,"isp":null,"domain":null,"isProxy":null}',
        request='"request":{"ipChain":[]}',
        debug='"initiationType":"SCHEDULED"',
        risk='"risk":"{level=LOW}"',
        steps=steps,
        web=False,
    )
