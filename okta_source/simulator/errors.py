"""The error answers of the Okta API as the System Log gives them.

Only `errorCode` is stable across Okta's releases, and not even it tells errors apart: E0000053 stands for a refused
request (400) and for an internal failure (500), so clients have to look at the status.
"""

import json
from dataclasses import dataclass

SUMMARIES = {
    "E0000001": "Api validation failed: {}",
    "E0000004": "Authentication failed",
    "E0000005": "Invalid session",
    "E0000006": "You do not have permission to perform the requested action",
    "E0000007": "Not found: Resource not found: {}",
    "E0000009": "Internal Server Error",
    "E0000010": "Service is in read only mode",
    "E0000011": "Invalid token provided",
    "E0000015": "You do not have permission to access the feature you are requesting",
    "E0000021": "Bad request. Accept and/or Content-Type headers likely do not match supported values.",
    "E0000022": "The endpoint does not support the provided HTTP method",
    "E0000030": "Bad request. Invalid date. Dates must be of the form yyyy-MM-dd'T'HH:mm:ss.SSSZZ, e.g. 2013-01-01T12:00:00.000-07:00.",
    "E0000031": "The supplied combination of operator and field is not currently supported: {}",
    "E0000047": "API call exceeded rate limit due to too many requests.",
    "E0000053": "{}",
}

_CODE_OF_STATUS = {400: "E0000001", 401: "E0000011", 403: "E0000006", 404: "E0000007", 405: "E0000022", 429: "E0000047", 503: "E0000010"}


@dataclass(frozen=True)
class OktaError(Exception):
    """An error answer.

    Attributes:
        status: HTTP status.
        code: Okta's errorCode.
        detail: What fills the gap in the summary of the code, if it has one.
        causes: Texts of `errorCauses`.
        empty: Whether the body is empty, as for refused OAuth tokens, whose reason is in `www-authenticate`.
        authenticate: The value of `www-authenticate`, or nothing.
        headers: Further headers.
    """

    status: int
    code: str
    detail: str = ""
    causes: tuple[str, ...] = ()
    empty: bool = False
    authenticate: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, error_id: str) -> bytes:
        """The JSON body.

        Args:
            error_id: Okta's id of this occurrence, which its support can look up.
        """
        if self.empty:
            return b""
        return json.dumps(
            {
                "errorCode": self.code,
                "errorSummary": SUMMARIES.get(self.code, "{}").format(self.detail),
                "errorLink": self.code,
                "errorId": error_id,
                "errorCauses": [{"errorSummary": cause} for cause in self.causes],
            }
        ).encode()


def error_of_status(status: int) -> OktaError:
    """The usual error of an HTTP status, for answers that only name the status."""
    return OktaError(status, _CODE_OF_STATUS.get(status, "E0000009" if status >= 500 else "E0000001"))
