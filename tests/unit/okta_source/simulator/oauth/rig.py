"""A client of the simulated authorization server that does everything by hand, so that tests can do any part of it wrong."""

import base64
import hashlib
import re
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests

from okta_source.simulator import OAuthClient, Organisation, Simulator

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CALLBACK = "http://127.0.0.1:8765/callback"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def signed(claims: dict[str, Any], key: dict[str, Any], **header: Any) -> str:
    """A JWT by another library than the simulator's; a header of None is left out."""
    headers = {name: value for name, value in {"kid": key["kid"], **header}.items() if value is not None}
    return jwt.encode(claims, jwt.PyJWK(key).key, header.get("alg", key["alg"]), headers)


def public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: key[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in key}


class Rig:
    """One client of one organisation."""

    def __init__(self, simulator: Simulator, organisation: Organisation, client: OAuthClient, key: dict[str, Any] | None = None) -> None:
        self.organisation = organisation
        self.client = client
        self.key = key or {}
        self.base = simulator.url(organisation.name)
        self.token_url = f"{self.base}/oauth2/v1/token"
        self.session = requests.Session()

    def now(self) -> int:
        return self.organisation.now_ms() // 1000

    def assertion(self, key: dict[str, Any] | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good client assertion, but for the claims (None leaves one out) and headers given."""
        good = {
            "iss": self.client.client_id,
            "sub": self.client.client_id,
            "aud": self.token_url,
            "iat": self.now(),
            "exp": self.now() + 300,
            "jti": uuid.uuid4().hex,
        }
        chosen = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return signed(chosen, key or self.key, **(header or {}))

    def proof(self, key: dict[str, Any], header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good DPoP proof for the token endpoint, but for the claims (None leaves one out) and headers given."""
        good = {"htm": "POST", "htu": self.token_url, "iat": self.now(), "jti": uuid.uuid4().hex}
        chosen = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return signed(chosen, key, **{"typ": "dpop+jwt", "jwk": public(key), "kid": None, **(header or {})})

    def token(self, form: dict[str, str] | None = None, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
        """Post to the token endpoint: as the client does, or exactly `form`."""
        if form is None:
            form = {"grant_type": "client_credentials", "scope": "okta.logs.read"}
            if self.client.auth_method == "private_key_jwt":
                form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        auth = (self.client.client_id, self.client.secret) if self.client.auth_method == "client_secret_basic" else None
        return self.session.post(self.token_url, data={**form, **fields}, headers=headers, auth=auth, timeout=10)

    def access_token(self) -> str:
        answer = self.token()
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def logs(self, token: str, scheme: str = "Bearer", **headers: str) -> requests.Response:
        url = f"{self.base}/api/v1/logs?limit=1"
        return self.session.get(url, headers={"Authorization": f"{scheme} {token}", **headers}, timeout=10)

    def log_proof(self, key: dict[str, Any], token: str, **claims: Any) -> str:
        ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        return self.proof(key, **{"htm": "GET", "htu": f"{self.base}/api/v1/logs", "ath": ath, **claims})

    def authorize(self, **parameters: str | None) -> requests.Response:
        good = {
            "client_id": self.client.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "okta.logs.read offline_access",
            "state": "a state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        chosen = {name: value for name, value in {**good, **parameters}.items() if value is not None}
        return self.session.get(f"{self.base}/oauth2/v1/authorize", params=chosen, allow_redirects=False, timeout=10)

    def submit(self, page: requests.Response, **fields: str) -> requests.Response:
        """Post the form of a page, as a browser would."""
        action = re.search(r'action="([^"]+)"', page.text)
        transaction = re.search(r'name="transaction" value="([^"]+)"', page.text)
        assert action, page.text
        assert transaction, page.text
        data = {"transaction": transaction[1], **fields}
        return self.session.post(self.base + action[1], data=data, allow_redirects=False, timeout=10)

    def consent_page(self, **parameters: str | None) -> requests.Response:
        name = self.organisation.name
        return self.submit(self.authorize(**parameters), username=f"admin@{name}.example.com", password=f"simulated-{name}")

    def code(self, **parameters: str | None) -> str:
        answer = self.submit(self.consent_page(**parameters), decision="allow")
        assert answer.status_code == 302
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    def exchange(self, code: str, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **fields}
        return self.token(form, headers)

    def refresh(self, refresh_token: str, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
        return self.token({"grant_type": "refresh_token", "refresh_token": refresh_token, **fields}, headers)


def told(answer: requests.Response) -> tuple[int, str, str]:
    """Status, error and description of an answer of the token endpoint."""
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]
