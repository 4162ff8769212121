"""The errors of the organisation's authorization server, in Okta's own words.

Unlike the rest of its API, Okta answers these endpoints as RFC 6749 has it: `{"error": …, "error_description": …}`. The texts are those of
Okta's error catalogue; people paste them into search engines, and collectors tell causes apart by them.
"""

import json
from dataclasses import dataclass

__all__ = ["OAuthError", "invalid_client", "invalid_dpop_proof", "invalid_grant", "invalid_request", "invalid_scope"]


@dataclass(frozen=True)
class OAuthError(Exception):
    """An error answer, or an error that goes back to the client in a redirect.

    Attributes:
        status: HTTP status.
        error: The code, such as `invalid_client`.
        description: The text.
        headers: Further headers of the answer.
    """

    status: int
    error: str
    description: str
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> bytes:
        """The JSON body."""
        return json.dumps({"error": self.error, "error_description": self.description}).encode()


def invalid_client(description: str) -> OAuthError:
    """401: the client isn't who it says it is, or may not authenticate so."""
    return OAuthError(401, "invalid_client", description)


def invalid_grant(description: str) -> OAuthError:
    """400: the code or the refresh token is none."""
    return OAuthError(400, "invalid_grant", description)


def invalid_request(description: str) -> OAuthError:
    """400: a parameter is missing or makes no sense."""
    return OAuthError(400, "invalid_request", description)


def invalid_scope(description: str) -> OAuthError:
    """400: the scopes can't be had."""
    return OAuthError(400, "invalid_scope", description)


def invalid_dpop_proof(description: str) -> OAuthError:
    """400: the DPoP proof proves nothing."""
    return OAuthError(400, "invalid_dpop_proof", description)
