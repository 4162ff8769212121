"""What a token endpoint may answer: a token that a request can carry, or a failure that shows none."""

import math
import random

from okta_source.auth.base import CredentialError
from okta_source.auth.token_endpoint import TokenEndpoint, TokenGrant, TokenRequest
from okta_source.auth.token_errors import Situation
from okta_source.polling.outcome import Response, TransportFailure
from tests.fuzz.odd import bend_bytes, one_of, value
from tests.fuzz.wire import SECRET, answer_bytes, header_lines, read
from tests.unit.okta_source.fakes import ORG

__all__ = ["TokenJudge", "make"]

_TOKEN = b"eyJraWQiOiJ4In0.aCcEsS"
_NAMES = (b"access_token", b"token_type", b"expires_in", b"refresh_token", b"error", b"error_description", b"errorCode", b"scope")
_USUAL = {
    b"access_token": (b'"' + _TOKEN + b'"', b'"a b"', b'"\\u0000"', '"\u00fc"'.encode(), b'"a\\nb"'),
    b"token_type": (b'"Bearer"', b'"bearer"', b'"DPoP"', b'"mac"'),
    b"expires_in": (b"3600", b'"3600"', b"0", b"-5", b"1e308", b"1e-300", b'"inf"', b'"nan"', b"86400.5", b'"1e999"'),
    b"refresh_token": (b'"rEfReSh"', b"null", b'""'),
    b"error": (b'"invalid_client"', b'"use_dpop_nonce"', b'"invalid_grant"', b'"access_denied"', b'"{tenant}{0}"'),
    b"error_description": (b'"' + SECRET.replace("\\", "\\\\").encode() + b'"', b'"{org_url} {x}"', b'"\\u001b[1m\\u202e"'),
}


def make(rng: random.Random) -> bytes:
    """An answer as bytes."""
    members = []
    for name in _NAMES:
        if rng.random() < (0.9 if name in (b"access_token", b"expires_in") else 0.4):
            usual = _USUAL.get(name, ())
            members.append(b'"' + name + b'":' + (one_of(rng, usual) if usual and rng.random() < 0.8 else value(rng)))
    body = b"{" + b",".join(members) + b"}"
    while rng.random() < 0.1:
        body = bend_bytes(rng, body)
    return answer_bytes(rng, header_lines(rng), body)


class TokenJudge:
    """One tenant that asks for tokens."""

    def __init__(self) -> None:
        self._answer: Response | TransportFailure = TransportFailure("connection", "none", "Wait.")
        self._endpoint = TokenEndpoint(self, Situation("acme", ORG, "client_secret", ("okta.logs.read",)))  # type: ignore[arg-type]

    def post_form(self, *_: object) -> Response | TransportFailure:
        """The answer."""
        return self._answer

    def judge(self, data: bytes) -> str:
        """Ask for a token.

        Returns:
            What came of it.

        Raises:
            AssertionError: Something didn't hold.
        """
        self._answer = read(data)
        try:
            grant = self._endpoint.ask(lambda: TokenRequest({"a": "b"}, secrets=(SECRET,)))
        except CredentialError as refused:
            failure = refused.failure
        else:
            self._assert_usable(grant)
            return "a token"
        said = f"{failure.detail} {failure.fix}"
        assert said.isprintable(), f"not printable: {said!r}"
        assert _TOKEN.decode() not in said, f"the token is shown: {said!r}"
        assert SECRET not in said, f"the secret is shown: {said!r}"
        assert math.isfinite(failure.least_wait_seconds)
        return failure.error_type

    def close(self) -> None:
        """Nothing is held."""

    def _assert_usable(self, grant: TokenGrant) -> None:
        token = grant.access_token.reveal()
        token.encode("latin-1")
        assert token.isprintable()
        assert " " not in token
        assert 0.0 < grant.lifetime_seconds < math.inf, f"it lives for {grant.lifetime_seconds} s"
