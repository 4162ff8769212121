"""What an answer means: one pure function from status, headers and body to a failure with its cause and its fix."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import msgspec

from okta_source.polling.link import host_of
from okta_source.polling.oauth_error import OAuthError, oauth_error_of
from okta_source.polling.printable import printable

__all__ = ["ErrorType", "Failure", "Response", "Stage", "TransportFailure", "failure_of", "foreign_link", "okta_reason"]

ErrorType = Literal[
    "auth",
    "permission",
    "bad_request",
    "not_found",
    "rate_limited",
    "server",
    "timeout",
    "connection",
    "tls",
    "dns",
    "decode",
    "foreign_link",
]
Stage = Literal["token", "fetch", "decode", "deliver"]
# Of what a transport reports of a request for logs; an answer's failure has the stage of its verdict.
_STAGES: Mapping[ErrorType, Stage] = MappingProxyType({"auth": "token", "decode": "decode"})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as the poller sees it.

    Attributes:
        status: HTTP status.
        headers: Case-insensitive; several lines of one name joined with a comma.
        body: Inflated.
        wire_bytes: Size as it came over the wire.
        is_cut: The body is larger than any page can be: only its beginning was read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray
    wire_bytes: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """No usable answer came: the request failed on its way, or the body broke off.

    Attributes:
        error_type: `timeout`, `connection`, `tls`, `dns`, `decode` for a body that can't be inflated, or `auth` where there is no usable
            credential to send.
        detail: What the transport said, without secrets.
        fix: What to do about it.
        at_token: Whether it was the request for an access token that failed; then any type may stand here.
        least_wait_seconds: The organisation wants no further request before (429 at the token endpoint).
        most_wait_seconds: Trying again costs no request as long as nothing has changed on this machine, so the back-off need not grow
            beyond this.
    """

    error_type: ErrorType
    detail: str
    fix: str
    at_token: bool = False
    least_wait_seconds: float = 0.0
    most_wait_seconds: float = math.inf

    def __post_init__(self) -> None:
        """Servers and proxies write parts of the words."""
        object.__setattr__(self, "detail", printable(self.detail))
        object.__setattr__(self, "fix", printable(self.fix))

    @property
    def stage(self) -> Stage:
        """Where it happened; at `token`, no request for logs went out."""
        return "token" if self.at_token else _STAGES.get(self.error_type, "fetch")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a poll did not succeed.

    Attributes:
        error_type: The value of the `error_type` label in `okta_errors_total`.
        stage: Where it happened.
        message: The cause, for people.
        fix: What to do about it.
        code: HTTP status as text, or `error` without an answer.
    """

    error_type: ErrorType
    stage: Stage
    message: str
    fix: str
    code: str

    def __post_init__(self) -> None:
        """Servers and proxies write parts of the words."""
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "fix", printable(self.fix))

    def __str__(self) -> str:
        return f"{self.message} {self.fix}"


class _Cause(msgspec.Struct):
    error_summary: str | None = msgspec.field(name="errorSummary", default=None)


class _ErrorBody(msgspec.Struct):
    """Okta's error body; only `errorCode` is stable, and E0000053 stands for 400 as well as 500: the status decides."""

    error_code: str | None = msgspec.field(name="errorCode", default=None)
    error_summary: str | None = msgspec.field(name="errorSummary", default=None)
    error_causes: list[_Cause] | None = msgspec.field(name="errorCauses", default=None)


_ERROR_BODY = msgspec.json.Decoder(_ErrorBody)
_LONGEST_REASON = 500


def okta_reason(body: bytes | bytearray) -> str:
    """Okta's own words in an error body, such as `E0000053: Invalid filter …`; empty where it has none."""
    try:
        error = _ERROR_BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    causes = "; ".join(cause.error_summary for cause in error.error_causes or () if cause.error_summary)
    said = ": ".join(part for part in (error.error_code, error.error_summary) if part)
    return printable(f"{said} ({causes})" if causes else said, _LONGEST_REASON)


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
_REFUSED: tuple[ErrorType, str] = ("bad_request", "Okta refuses the request: check `filter`, `q` and `start_from` of this tenant.")


def foreign_link(link: str, org_url: str) -> Failure:
    """A next link that belongs to no host of the organisation's.

    Args:
        link: The link.
        org_url: Whom it should belong to.
    """
    host = printable(host_of(link) or link, 100)
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
    message = f"Okta answered {status} ({reason})." if reason else f"Okta answered {status}."
    by_class = _SERVER if status >= 500 else _UNDOCUMENTED if status < 300 else _REFUSED
    error_type, fix = _oauth_cause(status, oauth_error) or _FIXES.get(status, by_class)
    stage: Stage = "decode" if error_type == "decode" else "fetch"
    return Failure(error_type, stage, message, fix.format(org_url=org_url), str(status))


def _oauth_cause(status: int, error: OAuthError | None) -> tuple[ErrorType, str] | None:
    """Why an access token, or the proof beside it, was not taken; nothing for other answers."""
    if error is None or status not in (400, 401, 403):
        return None
    return _OAUTH_FIXES.get(error.code) or (_OAUTH_FIXES["invalid_token"] if status == 401 and error.code else None)
