"""How an authorization has ended, in words: for the terminal, and for the page in the browser. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from okta_source.config.auth import RefreshTokenAuth
from okta_source.config.tenant import TenantConfig
from okta_source.polling.outcome import TransportFailure
from okta_source.polling.printable import printable

__all__ = ["Outcome", "denied", "no_answer", "no_refresh_token", "not_exchanged", "not_stored", "stored"]

_APP: Final = "in the Okta Admin Console, Applications > Applications > (the app)"
_LONGEST_REASON: Final = 300
_CONSOLE_GRANT = f"{_APP} > General > General Settings > Grant type"

# What came back through the browser: by `error`, then by parts of Okta's text, which is not stable; the empty one stands for every other.
_DENIALS: Mapping[str, tuple[tuple[str, str, str], ...]] = MappingProxyType(
    {
        "access_denied": (
            ("not assigned", "The user who signed in is not assigned to the app.", f"Assign the user {_APP} > Assignments."),
            ("openid", "Okta wants the scope openid beside the others.", 'Add "openid" to `scopes` in `tenants.auth`.'),
            ("policy", "A policy of the organisation refuses.", f"Look at the app's sign-on policy {_APP} > Sign On."),
            ("scope", "None of the scopes may be given to this user.", "{grant_scopes}"),
            (
                "",
                "Access was denied: somebody chose not to allow it, or the user who signed in may not allow it.",
                "Whoever signs in must be an administrator who may read the System Log (Read-only Administrator is enough) and allow it.",
            ),
        ),
        "consent_required": (
            (
                "",
                "The user who signed in may not allow these scopes, or the app has not been granted them.",
                "Whoever signs in must be an administrator who may read the System Log (Read-only Administrator is enough). {grant_scopes}",
            ),
        ),
        "invalid_scope": (
            ("openid", "Okta wants the scope openid beside the others.", 'Add "openid" to `scopes` in `tenants.auth`.'),
            (
                "offline_access",
                "The app may not ask for offline_access, which a refresh token needs.",
                f"Select the grant type Refresh Token {_CONSOLE_GRANT}.",
            ),
            (
                "",
                "The app asks for a scope that it has not been granted.",
                "{grant_scopes} See to it that `scopes` in `tenants.auth` names nothing else.",
            ),
        ),
        "unauthorized_client": (
            (
                "",
                "The app may not use this way of signing in.",
                f"Select the grant types Authorization Code and Refresh Token {_CONSOLE_GRANT}.",
            ),
        ),
        "unsupported_response_type": (
            (
                "",
                "The app may not use this way of signing in.",
                f"Select the grant types Authorization Code and Refresh Token {_CONSOLE_GRANT}.",
            ),
        ),
        "login_required": (("", "Nobody signed in.", "Somebody has to, when Okta asks for it."),),
        "invalid_request": (("", "Okta does not understand the request.", f"See whether the app is an OIDC Web Application {_APP}."),),
        "server_error": (("", "Okta had an error of its own.", "It may pass in a while."),),
        "temporarily_unavailable": (("", "Okta is overloaded or in maintenance.", "It will pass."),),
    }
)
_UNKNOWN_DENIAL = ("Okta refuses.", f"Look at the app's settings {_APP}.")

# What the token endpoint said to the code, where that means something else than for a token in use.
_REFUSED_CODES: Mapping[str, str] = MappingProxyType(
    {
        "invalid_grant": (
            "A code is good for a few minutes, once, and for the sign-in that it came from: finish the sign-in without a long pause, in "
            "one window of the browser."
        ),
        "unauthorized_client": f"Select the grant types Authorization Code and Refresh Token {_CONSOLE_GRANT}.",
        "unsupported_grant_type": f"Select the grant types Authorization Code and Refresh Token {_CONSOLE_GRANT}.",
    }
)
_ERROR_CODE = re.compile(r"\(\d{3}: (?P<code>[a-z_]+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """An end, good or bad; nothing in it is secret.

    Attributes:
        ok: Whether the tenant has a refresh token now.
        headline: The result in a few words.
        detail: What happened.
        advice: What to do about it, or next.
        command: What to type then.
    """

    ok: bool
    headline: str
    detail: str
    advice: str
    command: str

    def __str__(self) -> str:
        return f"{self.headline} {self.detail}\n{self.advice}\n    {self.command}"


def stored(tenant: TenantConfig, auth: RefreshTokenAuth) -> Outcome:
    """The refresh token is on disk."""
    detail = f"The refresh token is stored, readable by its owner alone: {auth.token_store}. A running pipeline picks it up by itself."
    return Outcome(
        ok=True,
        headline=f"{tenant.display_name} is connected.",
        detail=detail,
        advice="Next, see whether everything else is in order:",
        command=f"python -m okta_source check --tenant {tenant.name}",
    )


def denied(tenant: TenantConfig, auth: RefreshTokenAuth, error: str, description: str) -> Outcome:
    """Okta has sent the browser back with an error instead of a code."""
    said = description.lower()
    known = _DENIALS.get(error, ())
    cause, fix = next(((cause, fix) for part, cause, fix in known if part in said), _UNKNOWN_DENIAL)
    scopes = " and ".join(scope for scope in auth.scopes if scope.startswith("okta.")) or "okta.logs.read"
    reason = printable(": ".join(part for part in (error, description) if part), _LONGEST_REASON)
    fix = fix.format(grant_scopes=f"Grant {scopes} {_APP} > Okta API Scopes.")
    return _failed(tenant, f"{cause} Okta said: {reason.removesuffix('.')}.", fix)


def not_exchanged(tenant: TenantConfig, failure: TransportFailure) -> Outcome:
    """The code gave no token."""
    code = _ERROR_CODE.search(failure.detail)
    return _failed(tenant, failure.detail, _REFUSED_CODES.get(code["code"] if code else "", failure.fix))


def no_refresh_token(tenant: TenantConfig) -> Outcome:
    """The code gave an access token alone."""
    return _failed(
        tenant,
        "Okta gave an access token but no refresh token, although offline_access was asked for.",
        f"Select the grant type Refresh Token {_CONSOLE_GRANT}.",
    )


def not_stored(tenant: TenantConfig, reason: str) -> Outcome:
    """The token store can't be used."""
    return _failed(tenant, f"{reason[0].upper()}{reason[1:]}.", "Give yourself the right to write that file and its folder.")


def no_answer(tenant: TenantConfig, redirect_uri: str, timeout_seconds: float, *, foreign: bool) -> Outcome:
    """Nobody came back in time.

    Args:
        tenant: Whose authorization it was.
        redirect_uri: Where we listened.
        timeout_seconds: For how long.
        foreign: Whether somebody came who did not belong to this sign-in.
    """
    port = redirect_uri.rpartition(":")[2].partition("/")[0]
    advice = (
        f"If Okta showed an error page of its own, such as 400 with redirect_uri in it, register exactly {redirect_uri} {_APP} > General > "
        "Login > Sign-in redirect URIs. If the browser could not reach 127.0.0.1, it runs on another machine: forward the port from "
        f"there with ssh -L {port}:127.0.0.1:{port} and the name of this one. If no window opened, open the URL yourself."
    )
    came = "An answer came, but it belonged to another sign-in, such as an earlier run of this command. " if foreign else ""
    waited = f"{timeout_seconds / 60:g} min" if timeout_seconds >= 60 else f"{timeout_seconds:g} s"
    return _failed(tenant, f"{came}No answer to this sign-in came to {redirect_uri} within {waited}.", advice)


def _failed(tenant: TenantConfig, detail: str, advice: str) -> Outcome:
    return Outcome(
        ok=False,
        headline=f"{tenant.display_name} is not connected.",
        detail=detail,
        advice=f"{advice} To try again:",
        command=f"python -m okta_source authorize --tenant {tenant.name}",
    )
