"""What an answer of the token endpoint means, other than a token: one pure function to a failure with its cause and its fix.

The texts by which causes are told apart are those of Okta's catalogue of OAuth errors. Okta calls them unstable, so each `error` has an
entry for texts that are not known here, and a status without a known `error` has its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from okta_source.polling.limits import read_rate_limit, seconds_until_retry
from okta_source.polling.oauth_error import OAuthError, oauth_error_of
from okta_source.polling.outcome import ErrorType, Response, TransportFailure
from okta_source.polling.retry_after import http_date
from okta_source.polling.verdict import NOT_OKTA, okta_reason

__all__ = ["Situation", "token_failure"]

_NOTABLE_SKEW_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Situation:
    """Whose token it was, for the words of a fix.

    Attributes:
        tenant: The tenant's name.
        org_url: The organisation's origin.
        method: The authentication method.
        scopes: What was asked for.
    """

    tenant: str
    org_url: str
    method: str
    scopes: tuple[str, ...]


_APP = "in the Okta Admin Console under Applications > Applications > (the app)"
_CLOCK = "Set this machine's clock, best by NTP.{clock}"
_AUTHORIZE = "run: python -m okta_source authorize --tenant {tenant}"
_GRANT = f"Grant {{scopes}} {_APP} > Okta API Scopes, and see to it that `scopes` in `tenants.auth` names nothing else."
_KEY = f"compare key_id and the private key with the active keys {_APP} > General > Client Credentials > Public keys"

# By `error`: parts of Okta's text, the first one that fits; the empty one stands for every other text.
_CAUSES: Mapping[str, tuple[tuple[str, ErrorType, str], ...]] = MappingProxyType(
    {
        "invalid_client": (
            ("is expired", "auth", _CLOCK),
            ("too far into the future", "auth", _CLOCK),
            ("before the current time", "auth", _CLOCK),
            ("already been used", "auth", "Each request has an assertion of its own: see to it that no proxy sends a request twice."),
            ("signature algorithm", "auth", f"Take another `algorithm`, or none; {_KEY}."),
            ("signature is invalid", "auth", f"The private key is not the one that belongs to key_id: {_KEY}."),
            ("kid is invalid", "auth", f"Okta knows no active key of this key_id: {_KEY}."),
            (
                "jwkset",
                "auth",
                f"The app has no usable public key: add one {_APP} > General > Client Credentials, and set its ID as key_id.",
            ),
            (
                "audience claim",
                "auth",
                "The assertion was made for {org_url}/oauth2/v1/token: set org_url to the organisation's own address, and let no proxy "
                "change it.",
            ),
            (
                "'application_type' of 'service'",
                "auth",
                'This app is not an "API Services" app: create one, or use method = "refresh_token" for a web application.',
            ),
            ("must use either private_key_jwt or", "auth", f'Select "Client secret" {_APP} > General, or use method = "private_key_jwt".'),
            (
                "must use the private_key_jwt",
                "auth",
                'Okta takes a client secret for API service integrations alone: use method = "private_key_jwt" for an "API Services" app.',
            ),
            (
                "client secret supplied",
                "auth",
                f"The client secret is wrong, or was rotated or deactivated: create one {_APP} > General > Client secrets and put it where "
                "client_secret_file or client_secret_env refers to; a file is read again at every try.",
            ),
            (
                "'client_id' parameter",
                "auth",
                f"client_id is wrong, or the app is deactivated or deleted: compare it {_APP} > General, and activate the app.",
            ),
            ("not a valid client_id", "auth", f"client_id is wrong, or the app is deactivated: compare it {_APP} > General."),
            (
                "",
                "auth",
                f"Okta does not know this client by this credential: compare client_id and the client authentication {_APP} > General, and "
                "see whether the app is active.",
            ),
        ),
        "invalid_scope": (("", "permission", _GRANT),),
        "access_denied": (
            (
                "network zone",
                "permission",
                f"Add this machine's public address (or its proxy's) to the network zone that the app allows {_APP} > General.",
            ),
            ("not assigned", "permission", f"Assign the user who has authorised this app {_APP} > Assignments."),
            ("scope", "permission", _GRANT),
            ("", "permission", f"A policy of the organisation refuses the app a token: look at its sign-on policy {_APP} > Sign On."),
        ),
        "invalid_grant": (
            ("another client", "auth", "The token store was filled for another client_id: " + _AUTHORIZE + "."),
            (
                "",
                "auth",
                "The refresh token is revoked, expired (by default after 7 days without use), or was used twice, whereupon Okta revokes "
                "its whole family (event app.oauth2.token.detect_reuse). Let every copy of this pipeline use the same token_store, and "
                + _AUTHORIZE
                + ".",
            ),
        ),
        "unauthorized_client": (("", "auth", f"Allow the grant type {{grant}} {_APP} > General > Grant type."),),
        "unsupported_grant_type": (("", "auth", f"Allow the grant type {{grant}} {_APP} > General > Grant type."),),
        "invalid_dpop_proof": (
            ("header is missing", "auth", "The app wants tokens bound to a key: set dpop = true in `tenants.auth`."),
            ("in the future", "auth", _CLOCK),
            ("in the past", "auth", _CLOCK),
            ("expired", "auth", _CLOCK),
            ("binding", "auth", "The refresh token is bound to another key (dpop_key_file): put that one back, or " + _AUTHORIZE + "."),
            ("already been used", "auth", "Each request has a proof of its own: see to it that no proxy sends a request twice."),
            ("htu", "auth", "The proof names {org_url}/oauth2/v1/token: set org_url to the organisation's own address."),
            ("", "auth", "Okta refuses the proof of the key: see to it that no proxy changes the request, or set dpop = false."),
        ),
        "use_dpop_nonce": (("", "auth", "Okta wants a nonce but names none: see to it that no proxy takes the header DPoP-Nonce away."),),
        "invalid_request": (
            ("dpop", "auth", "The app wants tokens bound to a key: set dpop = true in `tenants.auth`."),
            ("", "bad_request", "Okta does not understand the request: see to it that no proxy changes it, and look at `tenants.auth`."),
        ),
        "temporarily_unavailable": (("", "server", "Okta is overloaded or in maintenance; it is tried again."),),
    }
)
_BY_STATUS: Mapping[int, tuple[ErrorType, str]] = MappingProxyType(
    {
        401: ("auth", f"Compare client_id and the client authentication {_APP} > General."),
        403: ("permission", "Something refuses this machine: look at network zones, and at proxies between here and Okta."),
        404: ("not_found", "There is no authorization server at this address: check org_url ({org_url})."),
        405: ("not_found", "There is no authorization server at this address: check org_url ({org_url})."),
        408: ("timeout", "The request took too long for the server; it is tried again."),
    }
)
_GRANTS: Mapping[str, str] = MappingProxyType({"refresh_token": "Refresh Token"})


def token_failure(response: Response, situation: Situation, now_epoch_seconds: float) -> TransportFailure:
    """Classify an answer of the token endpoint that is no token.

    Args:
        response: The answer.
        situation: Whose token it was.
        now_epoch_seconds: Our clock, which is compared with the answer's `Date`.

    Returns:
        The failure with its cause and fix; after a 429 with the time that Okta wants us to wait.
    """
    status = response.status
    if 300 <= status < 400:
        fix = "Redirects are not followed, since the credential would go along: set org_url to the address that answers."
        target = response.headers.get("Location", "elsewhere")[:200]
        return TransportFailure(
            "foreign_link", f"{situation.org_url} redirects the token request ({status}) to {target}.", fix, at_token=True
        )
    error = oauth_error_of(response.headers, response.body)
    reason = okta_reason(response.body) or str(error or "")
    error_type, fix = _cause(status, error)
    if not reason and status < 500 and status not in (403, 408, 429):
        fix = NOT_OKTA if error_type in ("bad_request", "not_found", "decode") else f"{fix} If that is right: {NOT_OKTA}"
    fix = fix.format(
        tenant=situation.tenant,
        org_url=situation.org_url,
        scopes=" ".join(situation.scopes),
        grant=_GRANTS.get(situation.method, "Client Credentials"),
        clock=_skew(response.headers, now_epoch_seconds),
    )
    who = "Okta" if reason else situation.org_url
    detail = f"{who} gave no access token ({status}{f': {reason}' if reason else ''})."
    failure = TransportFailure(error_type, detail, fix, at_token=True)
    return replace(failure, least_wait_seconds=_wait_seconds(response.headers, now_epoch_seconds)) if status == 429 else failure


def _cause(status: int, error: OAuthError | None) -> tuple[ErrorType, str]:
    if status == 429:
        return "rate_limited", "Too many token requests; it is tried again after the reset. See whether other clients use the same app."
    if status >= 500:
        return "server", "The trouble is on Okta's side (or a proxy's); it is tried again."
    said = error.description.lower() if error else ""
    for part, error_type, fix in _CAUSES.get(error.code, ()) if error else ():
        if part in said:
            return error_type, fix
    if status < 300:
        return "decode", "Okta documents a token here: look at what stands between here and Okta."
    return _BY_STATUS.get(status, ("bad_request", "Look at `tenants.auth` of this tenant."))


def _skew(headers: Mapping[str, str], now_epoch_seconds: float) -> str:
    """How far our clock is from Okta's, as a sentence; empty where that is no trouble, or can't be known."""
    okta_now = http_date(headers.get("Date"))
    skew_seconds = now_epoch_seconds - okta_now.timestamp() if okta_now else 0.0
    if abs(skew_seconds) < _NOTABLE_SKEW_SECONDS:
        return ""
    return f" It is {abs(skew_seconds):.0f} s {'ahead of' if skew_seconds > 0 else 'behind'} Okta's."


def _wait_seconds(headers: Mapping[str, str], now_epoch_seconds: float) -> float:
    return seconds_until_retry(headers, read_rate_limit(headers, now_epoch_seconds), now_epoch_seconds) or 0.0
