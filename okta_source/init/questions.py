"""What a tenant's entry needs, per authentication method: the question, where in Okta the answer stands, and what is suggested."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from okta_source.config.org_url import normalise_org_url
from okta_source.config.start_from import StartFrom
from okta_source.config.tenant import NAME_ALLOWED, NAME_PATTERN
from okta_source.init.question import Question, is_like_a_secret, path, variable, yes_no

__all__ = ["BASICS", "HOOKS", "METHODS", "QUESTIONS", "START"]

_ONLY: Final = "the configuration holds the variable's name (ACME_OKTA_TOKEN) or the file's path (secrets/acme.token) only"
_APP: Final = "Okta Admin Console: Applications > Applications > (the app) > General"


def _name(value: str) -> str:
    if not re.fullmatch(NAME_PATTERN, value):
        raise ValueError(NAME_ALLOWED)
    return value


def _client_id(value: str) -> str:
    if not value or is_like_a_secret(value):
        msg = "the Client ID, such as 0oa1b2c3d4; not the secret"
        raise ValueError(msg)
    return value


def _start_from(value: str) -> str:
    StartFrom.parse(value)
    return value


def _mode(value: str) -> str:
    if value not in ("wake", "merge"):
        msg = "wake or merge"
        raise ValueError(msg)
    return value


def _method(value: str) -> str:
    if value not in METHODS:
        raise ValueError(", ".join(METHODS))
    return value


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

START: Final = Question(
    "start_from",
    "Start from",
    "where the first run begins: now (nothing of before), 24h or 7d (so far back), or an ISO 8601 time; Okta keeps 90 days. "
    "Later runs go on where the last one stopped",
    _start_from,
    "now",
)

HOOKS: Final = (
    Question(
        "hook_secret_env",
        "Variable or file with the event hooks' secret",
        "yours to make (openssl rand -hex 32) and to give to the hook in Okta as its authentication secret: docs/push.md",
        variable,
        "{NAME}_HOOK_SECRET",
        instead=(("hook_secret_file", path),),
    ),
    Question("hook_mode", "What a delivery does", "wake: it makes the tenant poll; merge: its events themselves go on", _mode, "wake"),
)
"""What a tenant with push needs in `[tenants.hooks]`; asked only where push was asked for."""

_CLIENT_ID: Final = Question("client_id", "Client ID", f"{_APP} > Client Credentials", _client_id)
_CLIENT_SECRET: Final = Question(
    "client_secret_env",
    "Variable or file with the client secret",
    f"{_APP} > Client secrets; {_ONLY}",
    variable,
    "{NAME}_OKTA_CLIENT_SECRET",
    instead=(("client_secret_file", path),),
)
_DPOP: Final = Question(
    "dpop", "DPoP (yes or no)", f"{_APP}: whether the app requires the DPoP header in token requests", yes_no, "no", literal=True
)
QUESTIONS: Final[Mapping[str, Sequence[Question]]] = MappingProxyType(
    {
        "ssws": (
            Question(
                "token_env",
                "Variable or file with the token",
                f"Okta Admin Console: Security > API > Tokens > Create token; {_ONLY}",
                variable,
                "{NAME}_OKTA_TOKEN",
                instead=(("token_file", path),),
            ),
        ),
        "private_key_jwt": (
            _CLIENT_ID,
            Question(
                "private_key_file",
                "File or variable with the private key (PEM or JWK)",
                f"{_APP} > Client Credentials > Public keys > Add key; Okta shows the private key once",
                path,
                "secrets/{name}.pem",
                instead=(("private_key_env", variable),),
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
            Question("token_store", "File for the refresh token", "yours to choose; `authorize` fills it", path, "state/{name}.token"),
            _DPOP,
        ),
    }
)
"""What each method needs in `[tenants.auth]`."""
