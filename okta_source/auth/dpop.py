"""DPoP (RFC 9449): access tokens bound to a key, and for each request a proof that the key is ours.

Okta's endpoint for tokens wants a nonce in each proof, changes it every day and takes the old one for three days more; its API wants none
today. A proof has an ID of its own and is never sent twice, not even when a request is tried again ("The DPoP proof JWT has already
been used").
"""

import base64
import time
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from okta_source.config.secret import Secret
from okta_source.config.signing_key import SigningKey

__all__ = ["DpopProver"]

# Okta refuses a proof from the future and one of more than five minutes ago: a clock that is a little ahead must do no harm.
_BACKDATED_SECONDS = 60


class DpopProver:
    """Makes the proofs of one tenant and remembers the nonces.

    Args:
        key: What signs; default: a key made here, which no other process has.
        now: Okta's time, epoch seconds.
        new_id: Makes the ID of a proof.
    """

    def __init__(
        self, key: SigningKey | None = None, now: Callable[[], float] = time.time, new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    ) -> None:
        self._now = now
        self._new_id = new_id
        # The authorization server and the API have nonces of their own (RFC 9449, 8 and 9): by whether there is an access token.
        self._nonces: dict[bool, str] = {}
        self.use(key or SigningKey.generate())

    def use(self, key: SigningKey) -> None:
        """Sign with this key from now on."""
        self._key = key
        self._header = {"typ": "dpop+jwt", "jwk": key.public_jwk()}

    def proof(self, method: str, url: str, access_token: Secret | None = None) -> str:
        """The value of the header `DPoP` for one attempt at a request.

        Args:
            method: The request's HTTP method.
            url: Its URL; query and fragment are no part of a proof.
            access_token: What the request is sent with; nothing at the token endpoint.
        """
        parts = urlsplit(url)
        claims: dict[str, Any] = {
            "jti": self._new_id(),
            "htm": method,
            "htu": f"{parts.scheme}://{parts.netloc}{parts.path}",
            "iat": int(self._now()) - _BACKDATED_SECONDS,
        }
        if access_token:
            digest = sha256(access_token.reveal().encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if nonce := self._nonces.get(access_token is not None):
            claims["nonce"] = nonce
        return self._key.sign(claims, self._header)

    def remember(self, headers: Mapping[str, str], *, from_api: bool) -> bool:
        """Keep the nonce of an answer for the proofs to come.

        Args:
            headers: The answer's.
            from_api: Whether it came from the API, or from the token endpoint.

        Returns:
            Whether there was one that differs from the last.
        """
        nonce = headers.get("DPoP-Nonce")
        if not nonce or nonce == self._nonces.get(from_api):
            return False
        self._nonces[from_api] = nonce
        return True
