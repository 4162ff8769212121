"""Organisations with an app each, and the tenants that get in through them, by every method."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from okta_source.auth.token_store import TokenStore
from okta_source.config.secret import Secret
from okta_source.config.signing_key import SigningKey
from okta_source.simulator import OAuthClient, Organisation
from okta_source.simulator.oauth.jose import new_key, thumbprint
from okta_source.simulator.oauth.tokens import SignIn
from okta_source.simulator.records import Request


@dataclass
class WayIn:
    """One organisation, and one tenant's credentials for it, as files in the workplace's folder for secrets.

    Attributes:
        organisation: The organisation.
        method: The tenant's method.
        client: Its app; None for an API token.
        folder: Where secrets are.
        keys: The tenant's `[tenants.auth]` but for `method`.
        heard: Every request that the organisation has had, those for tokens included.
    """

    organisation: Organisation
    method: str
    client: OAuthClient | None
    folder: Path
    keys: dict[str, Any]
    heard: list[Request] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, name: str, method: str, *, algorithm: str = "ES256", app: Any = None, **more: Any) -> "WayIn":
        """An organisation with events, and whatever its tenant needs to get in; a `refresh_token` tenant has still to be authorised.

        Args:
            folder: Where secrets go.
            name: Of the organisation and the tenant.
            method: The tenant's method.
            algorithm: Of the key of a `private_key_jwt` app.
            app: Settings of the app.
            more: Further settings of the organisation.
        """
        settings = {"dpop": False, **(app or {})}
        client: OAuthClient | None = None
        keys: dict[str, Any] = {}
        if method == "private_key_jwt":
            client = OAuthClient(client_id=f"0oa-{name}", **settings)
        elif method != "ssws":
            kind = "web" if method == "refresh_token" else "integration"
            client = OAuthClient(client_id=f"0oa-{name}", auth_method="client_secret_basic", kind=kind, **settings)
        organisation = Organisation(name, **{"events": 120, "token": f"00sEcReT-{name}", **more}, oauth_clients=[client] if client else [])
        made = cls(organisation, method, client, folder, keys)
        respond = organisation.respond

        def hear(request: Request) -> Any:
            made.heard.append(request)
            return respond(request)

        organisation.respond = hear  # type: ignore[method-assign]
        if client:
            keys |= {"client_id": client.client_id, "dpop": client.dpop}
        if method == "ssws":
            keys["token_file"] = made.written("token", organisation.token)
        elif method == "private_key_jwt":
            made.rotate_key(algorithm)
        else:
            assert client
            keys["client_secret_file"] = made.written("secret", client.secret)
        if method == "refresh_token":
            keys["token_store"] = str(made.store.path)
        return made

    @property
    def name(self) -> str:
        return self.organisation.name

    @property
    def store(self) -> TokenStore:
        return TokenStore(self.folder / f"{self.name}.store")

    def written(self, suffix: str, text: str) -> str:
        """Replace a file of the tenant as a whole, so that nobody reads half of it."""
        path = self.folder / f"{self.name}.{suffix}"
        new = path.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o600)
        new.replace(path)
        return str(path)

    def rotate_token(self) -> None:
        """Another API token: in the file first, where nobody looks as long as Okta takes the old one."""
        self.written("token", f"{self.organisation.token}-rotated")
        self.organisation.token += "-rotated"

    def rotate_secret(self) -> None:
        """Another client secret, in Okta and in the file."""
        assert self.client
        self.written("secret", self.client.rotate_secret())

    def rotate_key(self, algorithm: str) -> None:
        """Another key pair, in Okta and in the file. Its ID stays, as if it were given in the configuration."""
        assert self.client
        key = {**new_key(algorithm), "kid": f"kid-{self.name}"}
        self.client.set_keys([key])
        self.keys["private_key_file"] = self.written("key.jwk", json.dumps(key))

    def authorize(self) -> None:
        """What the command does: a new sign-in, its refresh token in the store."""
        assert self.client
        now = self.organisation.now_ms() / 1000
        sign_in = SignIn(self.client.client_id, f"admin@{self.name}.example.com", ("okta.logs.read", "offline_access"), now)
        key = SigningKey.generate() if self.client.dpop else None
        if key:
            sign_in.key_thumbprint = thumbprint(key.public_jwk())
        token = Secret(self.organisation.oauth.state.tokens.issue_refresh_token(sign_in, now).value)
        with self.store.lock():
            self.store.write(token, client_id=self.client.client_id, dpop_key=Secret(key.to_pem()) if key else None)

    def entry(self, url: str, *, ca_file: Path | None = None, tls: dict[str, Any] | None = None, **keys: object) -> str:
        """The tenant's `[[tenants]]` table."""
        settings = {"start_from": "2d", "poll_interval_seconds": 1, "request_timeout_seconds": 2, "page_limit": 50, **keys}
        tables = {
            "[tenants]": {"name": self.name, "org_url": url, **settings},
            "tenants.auth": {"method": self.method, **self.keys},
            "tenants.tls": {**({"ca_file": str(ca_file)} if ca_file else {}), **(tls or {})},
        }
        return "\n".join(
            f"[{table}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in content.items())
            for table, content in tables.items()
        )

    @property
    def outcomes(self) -> list[str]:
        """Of the requests for tokens."""
        return [request.outcome for request in self.organisation.token_requests]
