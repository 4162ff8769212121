"""How a tenant proves who it is: what may stand in a `[tenants.auth]` table, one model for each `method`.

The order of the fields matters: a validator sees the fields before its own, and an error names the field whose validator raised it. So a
file stands before the variable beside it, and a key before what has to fit it.
"""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from okta_source.config.secret import SecretRef
from okta_source.config.signing_key import ALGORITHMS, KeyProblem, SigningKey
from okta_source.config.ssws import SswsAuth
from okta_source.config.strict import (
    EnvName,
    OptionalPath,
    Strict,
    check_credential,
    check_one_reference,
    look_up,
    problem,
    to_path,
    to_tuple,
)

__all__ = ["AuthConfig", "ClientSecretAuth", "OAuthConfig", "PrivateKeyJwtAuth", "RefreshTokenAuth"]

_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")  # RFC 6749, 3.3
_SCOPES_ALLOWED: Final = 'a list of one or more scopes, such as ["okta.logs.read"]'
_CLIENT_ID_ALLOWED: Final = "the Client ID that Okta shows for the app, such as 0oa1b2c3d4"
_KEY_ID_ALLOWED: Final = "the key's ID (kid) that Okta shows beside the app's public key"


def _check_client_id(value: str) -> str:
    # HTTP Basic ends it at a colon.
    if not (value.isascii() and value.isprintable()) or " " in value or ":" in value:
        raise ValueError(_CLIENT_ID_ALLOWED)
    return value


class OAuthConfig(Strict):
    """What every OAuth method has: a client, the scopes it asks for, and whether its tokens are bound to a key of its own (DPoP).

    Attributes:
        client_id: Which app asks.
        scopes: What it asks for.
        dpop: Tokens that are worth nothing without a key of ours (RFC 9449).
        dpop_key_file: That key, RSA or EC; by default one that is made at start, or kept in the token store.
    """

    client_id: Annotated[str, AfterValidator(_check_client_id)] = Field(min_length=1, description=_CLIENT_ID_ALLOWED)
    scopes: Annotated[tuple[str, ...], BeforeValidator(to_tuple)] = Field(("okta.logs.read",), min_length=1, description=_SCOPES_ALLOWED)
    dpop: bool = Field(default=False, description="true or false")
    dpop_key_file: OptionalPath = Field(None, description="the path of a file that holds a private key, PEM or JWK")

    @field_validator("scopes")
    @classmethod
    def _check_scopes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SCOPE.fullmatch(scope) for scope in value):
            raise ValueError(_SCOPES_ALLOWED)
        return value

    @field_validator("dpop_key_file")
    @classmethod
    def _check_dpop_key(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return value
        if not info.data.get("dpop", True):
            message = "given without dpop = true; needed: both, or neither"
            raise problem(message)
        _key_in(SecretRef(file=value), info)
        return value


class PrivateKeyJwtAuth(OAuthConfig):
    """An API Services app with a key pair: it signs an assertion for each token.

    Attributes:
        method: Which of the ways in this is.
        private_key_file: The key, RSA or EC, without a password; this or `private_key_env`.
        private_key_env: The key; this or `private_key_file`.
        algorithm: How it signs; by default the JWK's `alg`, else RS256, or ES256, ES384, ES512 by the curve.
        key_id: Okta's ID of the public key; a JWK may hold it itself.
    """

    method: Literal["private_key_jwt"] = Field("private_key_jwt", description="private_key_jwt")
    private_key_file: OptionalPath = Field(None, description="the path of a file that holds the app's private key, PEM or JWK")
    private_key_env: EnvName = Field("", description="the name of an environment variable that holds the app's private key, PEM or JWK")
    algorithm: str = Field("", description=", ".join(ALGORITHMS))
    key_id: str = Field("", description=_KEY_ID_ALLOWED)

    @property
    def private_key(self) -> SecretRef:
        """Where the key is to be found."""
        return SecretRef(env=self.private_key_env, file=self.private_key_file)

    def signing_key(self, text: str) -> SigningKey:
        """The key as it is to be used.

        Args:
            text: What the reference leads to.

        Raises:
            KeyProblem: It is no such key; none at load, when that is looked at once.
        """
        return SigningKey.parse(text, self.key_id, self.algorithm)

    @field_validator("private_key_file")
    @classmethod
    def _check_key_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            _key_in(SecretRef(file=value), info)
        return value

    @field_validator("private_key_env")
    @classmethod
    def _check_key_env(cls, value: str, info: ValidationInfo) -> str:
        if reference := check_one_reference(value, info, "private_key_file"):
            _key_in(reference, info)
        return value

    @field_validator("algorithm")
    @classmethod
    def _check_algorithm(cls, value: str, info: ValidationInfo) -> str:
        if value and value not in ALGORITHMS:
            raise ValueError(", ".join(ALGORITHMS))
        key = cls._key(info)
        if key and value and value not in key.fitting:
            message = f"{value} does not fit the key, which is {key.kind}; allowed: {', '.join(key.fitting)}"
            raise problem(message)
        return value

    @field_validator("key_id")
    @classmethod
    def _check_key_id(cls, value: str, info: ValidationInfo) -> str:
        key = cls._key(info)
        if key and not value and not key.key_id:
            message = f"missing; needed: {_KEY_ID_ALLOWED} (a JWK may hold it itself as kid)"
            raise problem(message)
        return value

    @staticmethod
    def _key(info: ValidationInfo) -> SigningKey | None:
        """The key of the fields before; nothing where there is none to look at, or where it is wrong itself."""
        file, env = info.data.get("private_key_file"), info.data.get("private_key_env", "")
        if file is None and not env:
            return None
        text = look_up(SecretRef(env=env, file=file), info)
        return None if text is None else SigningKey.parse(text)


def _key_in(reference: SecretRef, info: ValidationInfo) -> None:
    """See to it that there is a usable private key where a reference leads."""
    text = look_up(reference, info)
    if text is None:
        return
    try:
        SigningKey.parse(text).prove()
    except KeyProblem as error:
        message = f"{reference} {error}"
        raise problem(message) from None


class _WithSecret(OAuthConfig):
    """What an app with a client secret has.

    Attributes:
        client_secret_file: The secret; this or `client_secret_env`. The file is read again for each access token.
        client_secret_env: The secret; this or `client_secret_file`.
    """

    client_secret_file: OptionalPath = Field(None, description="the path of a file that holds the app's client secret")
    client_secret_env: EnvName = Field("", description="the name of an environment variable that holds the app's client secret")

    @property
    def client_secret(self) -> SecretRef:
        """Where the secret is to be found."""
        return SecretRef(env=self.client_secret_env, file=self.client_secret_file)

    @field_validator("client_secret_file")
    @classmethod
    def _check_secret_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            check_credential(SecretRef(file=value), info, "client secret")
        return value

    @field_validator("client_secret_env")
    @classmethod
    def _check_secret_env(cls, value: str, info: ValidationInfo) -> str:
        if reference := check_one_reference(value, info, "client_secret_file"):
            check_credential(reference, info, "client secret")
        return value


class ClientSecretAuth(_WithSecret):
    """An API service integration: client ID and secret.

    Attributes:
        method: Which of the ways in this is.
    """

    method: Literal["client_secret"] = Field("client_secret", description="client_secret")


class RefreshTokenAuth(_WithSecret):
    """An OIDC web application that an administrator has authorised once: the command `authorize` fills the token store.

    Attributes:
        method: Which of the ways in this is.
        token_store: What `authorize` fills and each rotation replaces; mode 0600, on one machine.
    """

    method: Literal["refresh_token"] = Field("refresh_token", description="refresh_token")
    # It may be empty or absent: that is no error of the configuration.
    token_store: Annotated[Path, BeforeValidator(to_path)] = Field(
        description="the path of the file that `python -m okta_source authorize` fills, such as state/acme.token"
    )

    @field_validator("token_store")
    @classmethod
    def _check_store(cls, value: Path) -> Path:
        if value.is_dir():
            message = f"{value} is a folder; needed: the path of a file, which need not be there yet"
            raise problem(message)
        return value


AuthConfig = Annotated[SswsAuth | PrivateKeyJwtAuth | ClientSecretAuth | RefreshTokenAuth, Field(discriminator="method")]
"""Every authentication method, told apart by `method`."""
