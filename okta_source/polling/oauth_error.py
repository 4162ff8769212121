"""OAuth's errors, which Okta puts into the body at the token endpoint and into the header `WWW-Authenticate` at its API. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from okta_source.polling.printable import printable

__all__ = ["OAuthError", "oauth_error_of"]

_LONGEST_TEXT = 300
_PARAMETER = re.compile(r'\b(error|error_description)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class OAuthError:
    """What an authorization server or an API that takes access tokens has said.

    Attributes:
        code: Such as `invalid_client`; empty where a challenge names none.
        description: Okta's words, which are not stable.
    """

    code: str
    description: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.description) if part)


class _Body(msgspec.Struct):
    error: str | None = None
    error_description: str | None = None


_BODY = msgspec.json.Decoder(_Body)


def oauth_error_of(headers: Mapping[str, str], body: bytes | bytearray) -> OAuthError | None:
    """Read the error of an answer.

    Args:
        headers: The answer's, case-insensitive.
        body: Inflated; often empty where the header says it.

    Returns:
        The error; nothing where the answer holds none of this shape, such as Okta's own `errorCode`.
    """
    try:
        said = _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = _Body()
    if said.error:
        return OAuthError(printable(said.error, _LONGEST_TEXT), printable(said.error_description or "", _LONGEST_TEXT))
    challenge = headers.get("WWW-Authenticate", "")
    if challenge.partition(" ")[0].lower() not in {"bearer", "dpop"}:
        return None
    found = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _PARAMETER.findall(challenge)}
    return OAuthError(printable(found.get("error", ""), _LONGEST_TEXT), printable(found.get("error_description", ""), _LONGEST_TEXT))
