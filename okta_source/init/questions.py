"""What a tenant's entry needs, per authentication method: the question, where in Okta the answer stands, and what is suggested."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from okta_source.config.org_url import normalise_org_url
from okta_source.config.start_from import StartFrom
from okta_source.config.tenant import NAME_ALLOWED, NAME_PATTERN

__all__ = ["BASICS", "HOOKS", "INSTEAD", "METHODS", "QUESTIONS", "START", "Question", "env_prefix"]

_APP: Final = "Okta Admin Console: Applications > Applications > (the app) > General"
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,100}")
_LIKE_A_SECRET: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z0-9])[A-Za-z0-9_-]{30,}")


def _name(value: str) -> str:
    if not re.fullmatch(NAME_PATTERN, value):
        raise ValueError(NAME_ALLOWED)
    return value


def _variable(value: str) -> str:
    # Stricter than the file: a secret that was pasted here by mistake must not get into the file as a "name".
    if not _VARIABLE.fullmatch(value):
        msg = "a variable's name in capitals, digits and _, such as ACME_OKTA_TOKEN; not the secret itself"
        raise ValueError(msg)
    return value


def _path(value: str) -> str:
    if not value or "\n" in value or "-----" in value or _LIKE_A_SECRET.fullmatch(value):
        msg = "the path of a file; not the secret itself"
        raise ValueError(msg)
    return value


def _client_id(value: str) -> str:
    if not value or _LIKE_A_SECRET.fullmatch(value):
        msg = "the Client ID, such as 0oa1b2c3d4; not the secret"
        raise ValueError(msg)
    return value


def _start_from(value: str) -> str:
    StartFrom.parse(value)
    return value


def _yes_no(value: str) -> str:
    answers = {"yes": "true", "y": "true", "true": "true", "no": "false", "n": "false", "false": "false"}
    try:
        return answers[value.lower()]
    except KeyError:
        msg = "yes or no"
        raise ValueError(msg) from None


def _mode(value: str) -> str:
    if value not in ("wake", "merge"):
        msg = "wake or merge"
        raise ValueError(msg)
    return value


def _method(value: str) -> str:
    if value not in METHODS:
        raise ValueError(", ".join(METHODS))
    return value


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know.

    Attributes:
        key: The configuration's key.
        text: The question.
        where: Where the answer is to be found, or what it is for.
        check: Gives the answer as it is to be written; raises `ValueError` with what is allowed.
        suggestion: An answer that usually fits, `{name}` and `{NAME}` being the tenant's name; empty for none.
        instead: A key that may be given in this one's place, by option.
        optional: Whether nothing is an answer too.
        literal: Whether it is written without quotes.
    """

    key: str
    text: str
    where: str
    check: Callable[[str], str]
    suggestion: str = ""
    instead: str = ""
    optional: bool = False
    literal: bool = False

    def suggested(self, name: str) -> str:
        """The suggestion for a tenant."""
        return self.suggestion.format(name=name, NAME=env_prefix(name))


def env_prefix(name: str) -> str:
    """A tenant's name as the beginning of a variable's."""
    capitals = name.upper().replace("-", "_")
    return f"OKTA_{capitals}" if capitals[:1].isdigit() else capitals


METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ssws": "an API token of an administrator: Security > API > Tokens",
        "private_key_jwt": "an API Services app with a key pair, no person behind it: Applications > Create App Integration",
        "client_secret": "an API service integration: Applications > API Service Integrations",
        "refresh_token": "an OIDC web application that an administrator signs in to once: Applications > Create App Integration",
    }
)
"""The methods, each with what it stands for in Okta."""

BASICS: Final[Sequence[Question]] = (
    Question("name", "Name", "yours to choose: the key of this organisation's state, metrics and files, such as acme", _name),
    Question("org_url", "URL", "Okta Admin Console: at the top right under your name, such as https://acme.okta.com", normalise_org_url),
    Question("method", "Method", "how this pipeline gets in", _method, "ssws"),
)
"""What every tenant has."""

START: Final = Question("start_from", "Start from", "how far back the first run begins: now, 24h, 7d, an ISO 8601 time", _start_from, "now")

HOOKS: Final = (
    Question(
        "hook_secret_env",
        "Variable with the event hooks' secret",
        "yours to make (openssl rand -hex 32) and to give to the hook in Okta as its authentication secret: docs/push.md",
        _variable,
        "{NAME}_HOOK_SECRET",
        instead="hook_secret_file",
    ),
    Question("hook_mode", "What a delivery does", "wake: it makes the tenant poll; merge: its events themselves go on", _mode, "wake"),
)
"""What a tenant with push needs in `[tenants.hooks]`; asked only where push was asked for."""

_CLIENT_ID: Final = Question("client_id", "Client ID", f"{_APP} > Client Credentials", _client_id)
_CLIENT_SECRET: Final = Question(
    "client_secret_env",
    "Variable with the client secret",
    f"{_APP} > Client secrets; the file holds the variable's name only",
    _variable,
    "{NAME}_OKTA_CLIENT_SECRET",
    instead="client_secret_file",
)
_DPOP: Final = Question(
    "dpop", "DPoP (yes or no)", f"{_APP}: whether the app requires the DPoP header in token requests", _yes_no, "no", literal=True
)
QUESTIONS: Final[Mapping[str, Sequence[Question]]] = MappingProxyType(
    {
        "ssws": (
            Question(
                "token_env",
                "Variable with the token",
                "Okta Admin Console: Security > API > Tokens > Create token; the file holds the variable's name only",
                _variable,
                "{NAME}_OKTA_TOKEN",
                instead="token_file",
            ),
        ),
        "private_key_jwt": (
            _CLIENT_ID,
            Question(
                "private_key_file",
                "File with the private key (PEM or JWK)",
                f"{_APP} > Client Credentials > Public keys > Add key; Okta shows the private key once",
                _path,
                "secrets/{name}.pem",
                instead="private_key_env",
            ),
            Question(
                "key_id", "Key ID (kid)", f"{_APP} > Client Credentials > Public keys; empty where a JWK holds it", str, optional=True
            ),
            _DPOP,
        ),
        "client_secret": (_CLIENT_ID, _CLIENT_SECRET, _DPOP),
        "refresh_token": (
            _CLIENT_ID,
            _CLIENT_SECRET,
            Question("token_store", "File for the refresh token", "yours to choose; `authorize` fills it", _path, "state/{name}.token"),
            _DPOP,
        ),
    }
)
"""What each method needs in `[tenants.auth]`."""

INSTEAD: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"token_file": _path, "private_key_env": _variable, "client_secret_file": _path, "hook_secret_file": _path}
)
"""The keys that may stand in another one's place."""
