"""An authorization server made of paper, and keys to sign with."""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from okta_source.auth.token_errors import Situation
from okta_source.polling.outcome import Response, TransportFailure
from tests.unit.okta_source.fakes import ORG, answer

TOKEN_URL = f"{ORG}/oauth2/v1/token"
LOGS_URL = f"{ORG}/api/v1/logs?limit=3"
SITUATION = Situation("acme", ORG, "client_secret", ("okta.logs.read",))
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
Reply = Response | TransportFailure | Callable[[], Response | TransportFailure]


def pem(key: Any, kind: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8, password: bytes | None = None) -> str:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, hidden).decode()


def segments(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT, by hand."""
    header, claims, _ = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    return json.loads(header), json.loads(claims)


def token(value: str = "at-1", *, kind: str = "Bearer", expires_in: Any = 3600, **more: Any) -> Response:
    return answer(json.dumps({"token_type": kind, "expires_in": expires_in, "access_token": value, "scope": "s", **more}).encode())


def refused(error: str = "invalid_client", description: str = "", *, status: int = 401, **headers: str) -> Response:
    return answer(json.dumps({"error": error, "error_description": description}).encode(), status=status, **headers)


def wants_nonce(nonce: str = "nonce-1") -> Response:
    return refused("use_dpop_nonce", "Authorization server requires nonce in DPoP proof.", status=400, DPoP_Nonce=nonce)


class FakeServer:
    """Answers token requests from a script, in order; the last answer is repeated.

    Args:
        script: Answers; a callable is called on the asking thread, so it may block.
    """

    def __init__(self, *script: Reply) -> None:
        self._script = list(script)
        self._lock = threading.Lock()
        self.urls: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []

    def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Response | TransportFailure:
        with self._lock:
            self.urls.append(url)
            self.forms.append(dict(form))
            self.headers.append(dict(headers))
            reply = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return reply() if callable(reply) else reply


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)
