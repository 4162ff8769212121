"""The people, applications, groups and networks of a simulated organisation, all drawn from its seed.

Nobody in it exists: names are made up, domains are `example.com` and its like, addresses come from the documentation
ranges (RFC 5737, RFC 3849) and private networks, autonomous systems from the ranges kept for documentation (RFC 5398).
"""

import json
import random
import string
from dataclasses import dataclass

_ALPHANUMERIC = string.ascii_letters + string.digits

_GIVEN = (
    "Ada", "Bela", "Chloé", "Dmitri", "Emine", "Fatima", "Günter", "Hiro", "Inês", "Jamal", "Kaja", "Linh", "Mateusz", "Noor",
    "Ólafur", "Priya", "Quentin", "Renée", "Søren", "Tomáš", "Uma", "Valentina", "Wei", "Xiomara", "Yūki", "Zoë", "Μαρία", "Олег", "美咲",
)  # fmt: skip
_FAMILY = (
    "Abara", "Björk", "Castañeda", "Dvořák", "Eriksen", "Fontaine", "García", "Hughes", "Ivanova", "Jørgensen", "Kowalski", "Lindqvist",
    "Müller", "Nguyen", "O'Brien", "Petrov", "Quispe", "Rossi", "Śliwa", "Tanaka", "Umarov", "Vermeer", "Weiß", "Xu", "Yüksel", "Zhang",
)  # fmt: skip
_APPS = (
    "Payroll", "Wiki", "Ticket Desk", "Source Hosting", "CRM (EMEA)", "Expenses & Travel", "Video Calls", "Data Warehouse", "Intranet",
    "E-Mail", "Build Farm", "Design \"Studio\"", "Café Orders", "VPN", "Status Page", "Learning",
)  # fmt: skip
_GROUPS = (
    "Everyone", "Engineering", "Finance", "Sales — EMEA", "Contractors", "Support/Tier 1", "IT Operations", "Admins (break glass)", "HR",
    "Büro Wien", "MFA exempt", "Leadership",
)  # fmt: skip
_NAMED = {
    "PolicyEntity": ("00p", ("Default Policy", "Admin sign-on", "Contractors", "Password Policy", "Any two factors")),
    "PolicyRule": ("0pr", ("Default Rule", "Catch-all Rule", "Off network: MFA", "Deny embargoed countries")),
    "AuthenticatorEnrollment": ("pfd", ("Okta Verify", "Password", "Phone", "Security Key or Biometric", "Email")),
    "Authenticator": ("aut", ("Okta Verify", "Security Key or Biometric", "Custom OTP")),
    "NetworkZone": ("nzo", ("Head office", "BlockedIpZone", "Cloud egress")),
    "IdentityProvider": ("0oa", ("Partner SAML", "Workforce OIDC")),
    "LogStream": ("log", ("SIEM", "Archive")),
    "Token": ("00T", ("terraform", "hr-sync", "siem collector")),
    "EventHook": ("who", ("Account changes", "Risk alerts")),
    "Device": ("guo", ("MacBook Pro", "ThinkPad T14", "Pixel 8", "iPhone")),
    "ROLE": ("irb", ("Super Administrator", "Help Desk Administrator", "Read-only Administrator")),
    "PublicClientApp": ("0oa", ("siem-collector", "provisioning-bot", "deploy-pipeline")),
    "URL Pattern": ("url", ("/api/v1/users", "/api/v1/logs", "/oauth2/v1/authorize")),
    "Bucket Uuid": ("bkt", ("users", "logs", "authorize")),
    "code": ("cod", ("Authorization Code",)),
    "access_token": ("AT.", ("Access Token",)),
    "id_token": ("ID.", ("ID Token",)),
    "refresh_token": ("oar", ("Refresh Token",)),
}
_PLACES = (
    ("Vienna", "Vienna", "Austria", "1010", 48.2082, 16.3738), ("São Paulo", "São Paulo", "Brazil", "01310-100", -23.5505, -46.6333),
    ("Austin", "Texas", "United States", "78701", 30.2672, -97.7431), ("Kraków", "Lesser Poland", "Poland", "31-001", 50.0647, 19.945),
    ("Kyoto", "Kyoto", "Japan", "600-8001", 35.0116, 135.7681), ("Nairobi", "Nairobi County", "Kenya", "00100", -1.2921, 36.8219),
    ("Lyon", "Auvergne-Rhône-Alpes", "France", "69001", 45.764, 4.8357), ("Oslo", "Oslo County", "Norway", "0150", 59.9139, 10.7522),
    ("Pune", "Maharashtra", "India", "411001", 18.5204, 73.8567), ("Quito", "Pichincha", "Ecuador", "170150", -0.1807, -78.4678),
)  # fmt: skip
_PROVIDERS = ("Example Broadband", "Sample Telecom AG", "Réseau Exemple", "Test Fibre Ltd", "Demo Mobile")


def quote(text: str, *, escape: bool) -> str:
    """`text` as a JSON string; with `escape` in pure ASCII, the two forms being equally good JSON."""
    return json.dumps(text, ensure_ascii=escape)


def identifier(rng: random.Random, prefix: str, length: int = 20) -> str:
    """An id like Okta's: a prefix that names the kind of thing, then letters and digits."""
    return prefix + "".join(rng.choices(_ALPHANUMERIC, k=length - len(prefix)))


@dataclass(frozen=True, slots=True)
class Entity:
    """Something that acts or is acted on; `alternate` and `display` are JSON strings with their quotes."""

    id: str
    type: str
    alternate: str
    display: str


@dataclass(frozen=True, slots=True)
class Network:
    """An address with what Okta knows about it; `place` is three JSON members, provider and domain are JSON strings."""

    ip: str
    version: str
    place: str
    postal_code: str
    geolocation: str
    as_number: int
    provider: str
    domain: str


class Population:
    """Who and what an organisation has.

    Args:
        name: The organisation's name; it becomes part of logins.
        rng: Where every choice comes from.
        users: How many people there are.
    """

    def __init__(self, name: str, rng: random.Random, users: int) -> None:
        self.domain = f"{name.replace('_', '-')}.example.com"
        self.users = [self._person(rng, number) for number in range(users)]
        self.apps = [self._thing(rng, "AppInstance", "0oa", app) for app in _APPS]
        self.groups = [self._thing(rng, "UserGroup", "00g", group) for group in _GROUPS]
        self.networks = [self._network(rng) for _ in range(max(8, users // 4))]
        self.named = {kind: [self._thing(rng, kind, prefix, text) for text in names] for kind, (prefix, names) in _NAMED.items()}
        self.named["AppInstance"] = self.apps
        self.named["UserGroup"] = self.groups
        self.clients = self.named["PublicClientApp"]

    def _person(self, rng: random.Random, number: int) -> Entity:
        given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
        ascii_name = (given + "." + family).encode("ascii", "ignore").decode().lower().replace("'", "")
        escape = rng.random() < 0.5
        login = f"{ascii_name.strip('.') or 'user'}{number}@{self.domain}"
        return Entity(identifier(rng, "00u"), "User", quote(login, escape=escape), quote(f"{given} {family}", escape=escape))

    def _thing(self, rng: random.Random, kind: str, prefix: str, text: str) -> Entity:
        shown = quote(text, escape=rng.random() < 0.5)
        # Many targets have no name of their own: Okta then writes the word "unknown".
        alternate = shown if rng.random() < 0.4 else '"unknown"'
        return Entity(identifier(rng, prefix), kind, alternate, shown)

    def _network(self, rng: random.Random) -> Network:
        draw = rng.random()
        if draw < 0.08:
            ip, version = f"2001:db8:{rng.randrange(65536):x}::{rng.randrange(65536):x}", "V6"
        elif draw < 0.3:
            ip, version = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}", "V4"
        else:
            ip, version = f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}", "V4"
        city, state, country, code, lat, lon = rng.choice(_PLACES)
        escape = rng.random() < 0.5
        names = (quote(text, escape=escape) for text in (city, state, country))
        place = '"city":{},"state":{},"country":{}'.format(*names)
        geolocation = f'{{"lat":{lat + rng.randrange(100) / 1000:.4f},"lon":{lon + rng.randrange(100) / 1000:.4f}}}'
        provider = quote(rng.choice(_PROVIDERS), escape=escape)
        domain = rng.choice(('"example.net"', '"isp.example.org"', '"."', "null"))
        return Network(ip, version, place, code, geolocation, 64496 + rng.randrange(16), provider, domain)
