"""What an answer means: one pure function from status, headers and body to a failure with its cause and its fix."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from okta_source.polling.link import LOGS_PATH, host_of
from okta_source.polling.oauth_error import OAuthError, oauth_error_of
from okta_source.polling.outcome import ErrorType, Failure, Response, Stage
from okta_source.polling.printable import printable

__all__ = [
    "NOT_OKTA",
    "PROXY_CREDENTIALS",
    "failure_of",
    "foreign_link",
    "okta_reason",
    "refuses_cursor",
    "undecodable",
]


class _Cause(msgspec.Struct):
    error_summary: str | None = msgspec.field(name="errorSummary", default=None)


class _ErrorBody(msgspec.Struct):
    """Okta's error body; only `errorCode` is stable, and E0000053 stands for 400 as well as 500: the status decides."""

    error_code: str | None = msgspec.field(name="errorCode", default=None)
    error_summary: str | None = msgspec.field(name="errorSummary", default=None)
    error_causes: list[_Cause] | None = msgspec.field(name="errorCauses", default=None)


_ERROR_BODY = msgspec.json.Decoder(_ErrorBody)
_ERROR_CODE = re.compile(r"E[0-9]{7}")
_LONGEST_REASON = 500
_MAY_REFUSE_A_CURSOR = frozenset({400, 404, 410})


def refuses_cursor(response: Response, failure: Failure) -> bool:
    """Whether an answer to a `next` link means that Okta doesn't take this link any more.

    Only an error of Okta's own says so: a gateway's 404 says nothing of the cursor, and giving it up would fetch everything behind the
    newest event again, or skip what was persisted late.

    Args:
        response: The answer.
        failure: What `failure_of` makes of it.
    """
    if response.status not in _MAY_REFUSE_A_CURSOR or failure.error_type == "auth":
        return False
    error = _error_body(response.body)
    return error is not None and _ERROR_CODE.fullmatch(error.error_code or "") is not None


def okta_reason(body: bytes | bytearray) -> str:
    """Okta's own words in an error body, such as `E0000053: Invalid filter …`; empty where it has none."""
    error = _error_body(body)
    if error is None:
        return ""
    causes = "; ".join(cause.error_summary for cause in error.error_causes or () if cause.error_summary)
    said = ": ".join(part for part in (error.error_code, error.error_summary) if part)
    return printable(f"{said} ({causes})" if causes else said, _LONGEST_REASON)


def _error_body(body: bytes | bytearray) -> _ErrorBody | None:
    try:
        return _ERROR_BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


NOT_OKTA = (
    "Something that is not Okta's API answers at {org_url}: check org_url for a typing error (the organisation's URL stands in the Okta "
    "Admin Console, at the top right under your name), and look at proxies, captive portals and firewalls between here and Okta."
)
_REFUSED_BEFORE_OKTA = (
    "This is not how Okta's API refuses: a firewall or proxy on the way, or Okta's own block list. Let this machine's traffic to {org_url} "
    "pass, and see in the Okta Admin Console (Security > Networks) whether a zone blocks its public address."
)
_SIGN_IN_BEFORE_OKTA = (
    "This is not how Okta's API refuses a token: see first whether a gateway or proxy on the way to {org_url} wants a sign-in of its own. "
    "Else: "
)
PROXY_CREDENTIALS = (
    "The proxy wants a user and a password: put HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT into the environment and leave this tenant's "
    "proxy empty (the file holds no secrets), or let the proxy admit this machine without them."
)
_FIXES: Mapping[int, tuple[ErrorType, str]] = MappingProxyType(
    {
        401: (
            "auth",
            "The API token is wrong, expired, revoked, was unused for 30 days, or its owner is deactivated: create one under "
            "Security > API > Tokens in the Okta Admin Console and put it where `tenants.auth` refers to.",
        ),
        403: (
            "permission",
            "The credential is valid but may not read the System Log: give its owner the Read-only or Report Administrator role "
            "(OAuth: grant the scope okta.logs.read), and look at network zones that restrict the token.",
        ),
        404: ("not_found", "There is no System Log at this address: check org_url ({org_url})."),
        407: ("connection", PROXY_CREDENTIALS),
        408: ("timeout", "The request took too long for the server; it is tried again."),
        429: ("rate_limited", "The organisation's rate limit is spent: polling goes on after the reset."),
    }
)
_SERVER: tuple[ErrorType, str] = ("server", "The trouble is on Okta's side (or a proxy's); the same request is tried again.")
_UNDOCUMENTED: tuple[ErrorType, str] = ("decode", "Okta documents 200 alone: look at what stands between here and Okta.")
# A valid access token that may not do this, by the `error` in the challenge.
_OAUTH_FIXES: Mapping[str, tuple[ErrorType, str]] = MappingProxyType(
    {
        "insufficient_scope": (
            "permission",
            "The access token lacks the scope: grant okta.logs.read in the Okta Admin Console on the app's tab Okta API Scopes; a new "
            "token is fetched with the next try.",
        ),
        "invalid_token": (
            "auth",
            "Okta refuses an access token that it has issued itself: the app or its token was revoked or deactivated, or org_url "
            "({org_url}) is not the organisation's own address. A new token is fetched with the next try.",
        ),
        "invalid_dpop_proof": (
            "auth",
            "Okta refuses the proof that the access token is ours: set this machine's clock (NTP), and see to it that no proxy changes "
            "the URL or sends a request twice.",
        ),
        "use_dpop_nonce": ("auth", "Okta wants another nonce in each proof: see to it that no proxy takes the header DPoP-Nonce away."),
        "invalid_request": (
            "auth",
            "The app's access tokens are bound to a key: set dpop = true in `tenants.auth`, and see to it that no proxy takes the header "
            "DPoP away.",
        ),
    }
)
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}(?::[0-9]{1,5})?")
_REFUSED: tuple[ErrorType, str] = ("bad_request", "Okta refuses the request: check `filter`, `q` and `start_from` of this tenant.")


def foreign_link(link: str, org_url: str) -> Failure:
    """A next link that belongs to no host of the organisation's, or leads to something else than its System Log.

    Args:
        link: The link.
        org_url: Whom it should belong to.
    """
    # Nothing else of a link is shown, and that only where it may be a host: whoever wrote it may have put anything there.
    host = host_of(link).lower()
    if host == host_of(org_url) or not _HOST.fullmatch(host):
        leads = "elsewhere than to its System Log" if host == host_of(org_url) else "to no host that could be one"
        return Failure(
            "foreign_link",
            "fetch",
            f"The next link of {org_url} leads {leads}: it was not followed and the credential was not sent.",
            f"Look at what answers at this address: Okta's own next links lead to {LOGS_PATH}.",
            "200",
        )
    return Failure(
        "foreign_link",
        "fetch",
        f"The next link names {host}, which is not {org_url}: it was not followed and the credential was not sent.",
        f'If {host} is a domain of this organisation, add it: allowed_hosts = ["{host}"].',
        "200",
    )


def failure_of(response: Response, org_url: str) -> Failure:
    """Classify an answer other than 200.

    Args:
        response: The answer.
        org_url: The organisation's origin, for messages.

    Returns:
        The failure with its cause and fix.
    """
    status = response.status
    if 300 <= status < 400:
        target = printable(response.headers.get("Location", "elsewhere"), 200)
        message = f"{org_url} redirects ({status}) to {target}."
        fix = f"Redirects are not followed, since the credential would go along: set org_url to the address that answers, not {org_url}."
        return Failure("foreign_link", "fetch", message, fix, str(status))
    oauth_error = oauth_error_of(response.headers, response.body)
    reason = str(oauth_error or "") or okta_reason(response.body)
    by_class = _SERVER if status >= 500 else _UNDOCUMENTED if status < 300 else _REFUSED
    error_type, fix = _oauth_cause(status, oauth_error) or _FIXES.get(status, by_class)
    from_okta = bool(reason)
    if not from_okta:
        fix = _not_okta_fix(error_type, fix)
    message = f"Okta answered {status} ({reason})." if reason else f"{org_url} answered {status}, {_form_of(response.body)}."
    stage: Stage = "decode" if error_type == "decode" else "fetch"
    return Failure(error_type, stage, message, fix.format(org_url=org_url), str(status), from_okta)


def undecodable(reason: str, org_url: str) -> Failure:
    """A body of a 200 answer that is no array of events.

    Args:
        reason: What it is instead.
        org_url: The organisation's origin, for messages.
    """
    fix = f"Polling asks for the same page again; if it stays like this, look at what stands between here and Okta. {NOT_OKTA}"
    fix = fix.format(org_url=org_url)
    return Failure("decode", "decode", f"The answer of {org_url} can't be decoded: {reason}.", fix, "200", from_okta=False)


def _not_okta_fix(error_type: ErrorType, fix: str) -> str:
    """What to do about an answer that is not in the form of Okta's errors; a gateway of Okta's own may say 408, 429 and 5xx so."""
    if error_type == "auth":
        return _SIGN_IN_BEFORE_OKTA + fix
    if error_type == "permission":
        return _REFUSED_BEFORE_OKTA
    return NOT_OKTA if error_type in ("bad_request", "not_found", "decode") else fix


def _form_of(body: bytes | bytearray) -> str:
    """What an answer is that has none of Okta's words."""
    start = bytes(body[:200]).lstrip()
    if not start:
        return "without a body"
    return "with HTML" if start[:1] == b"<" else "in a form that is not Okta's"


def _oauth_cause(status: int, error: OAuthError | None) -> tuple[ErrorType, str] | None:
    """Why an access token, or the proof beside it, was not taken; nothing for other answers."""
    if error is None or status not in (400, 401, 403):
        return None
    return _OAUTH_FIXES.get(error.code) or (_OAUTH_FIXES["invalid_token"] if status == 401 and error.code else None)
