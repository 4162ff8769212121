"""What comes of a request for logs: an answer, or why there is none; and what is wrong with either."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from okta_source.polling.printable import printable

__all__ = ["ErrorType", "Failure", "Response", "Stage", "TransportFailure"]

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
        from_okta: False for an answer that doesn't have the form of Okta's: something on the way has given it, or org_url is wrong.
    """

    error_type: ErrorType
    stage: Stage
    message: str
    fix: str
    code: str
    from_okta: bool = True

    def __post_init__(self) -> None:
        """Servers and proxies write parts of the words."""
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "fix", printable(self.fix))

    def __str__(self) -> str:
        return f"{self.message} {self.fix}"
