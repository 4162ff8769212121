"""One Okta organisation's settings: what may stand in a `[[tenants]]` table, checked strictly.

Field names are the configuration file's keys. Each field's description says what is allowed in it, and is
what an error shows, so a limit and its text stand on one line. Two things come from the validation context,
a mapping that the reader of the file passes in: `folder`, from which relative paths count, and `environ`,
in which secret references are looked up at once. Without a context, paths stay as they are and no secret is
looked up.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from okta_source.org_url import check_host, check_proxy, normalise_org_url
from okta_source.secret import SecretError, SecretRef
from okta_source.start_from import START_FROM_ALLOWED, StartFrom

__all__ = [
    "NAME_ALLOWED",
    "NAME_PATTERN",
    "AuthConfig",
    "Name",
    "SswsAuth",
    "StartFrom",
    "Strict",
    "TenantConfig",
    "TlsConfig",
    "to_path",
    "to_tuple",
]

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
NAME_ALLOWED: Final = "1 to 63 of a-z, 0-9, _ and -, the first a letter or a digit"

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_Q_MAX_WORDS: Final = 10
_Q_MAX_WORD_LENGTH: Final = 40
_Q_ALLOWED: Final = f"up to {_Q_MAX_WORDS} words of up to {_Q_MAX_WORD_LENGTH} characters each"


class Strict(BaseModel):
    """Frozen, without unknown keys, without conversions that TOML's own types make unnecessary."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        validate_default=True,
        allow_inf_nan=False,
    )


def _problem(text: str) -> PydanticCustomError:
    """An error whose whole text is given, where "is not allowed; allowed: …" would not say it well."""
    return PydanticCustomError("problem", "{text}", {"text": text})


def to_path(value: object, info: ValidationInfo) -> object:
    """Make a path of a string, counted from the configuration file's folder; nothing stays nothing."""
    if value is None or value == "":
        return None
    if not isinstance(value, str | Path):
        return value
    context: Mapping[str, Any] = info.context or {}
    return Path(context.get("folder", Path())) / value


def _to_existing_file(path: Path | None) -> Path | None:
    if path is not None:
        try:
            path.open("rb").close()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a path"
            message = f"file {path} cannot be read: {reason}"
            raise _problem(message) from None
    return path


def to_tuple(value: object) -> object:
    """TOML knows lists only, and a frozen model wants tuples."""
    return tuple(value) if isinstance(value, list) else value


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
OptionalPath = Annotated[Path | None, BeforeValidator(to_path)]
ExistingFile = Annotated[OptionalPath, AfterValidator(_to_existing_file)]
Host = Annotated[str, AfterValidator(check_host)]


def _check_env_name(value: str) -> str:
    if value and not _ENV_NAME.fullmatch(value):
        message = "the name of an environment variable (letters, digits and _), not the secret itself"
        raise ValueError(message)
    return value


EnvName = Annotated[str, AfterValidator(_check_env_name)]


def _look_up(reference: SecretRef, info: ValidationInfo) -> str | None:
    """Return what a reference leads to, or nothing without an environment to look in."""
    context: Mapping[str, Any] = info.context or {}
    if "environ" not in context:
        return None
    try:
        return reference.resolve(context["environ"]).reveal()
    except SecretError as error:
        raise _problem(str(error)) from None


class SswsAuth(Strict):
    """An Okta API token, sent as it is with every request."""

    method: Literal["ssws"] = Field(description="ssws")
    header: str = Field("Authorization", description="the name of an HTTP header")
    prefix: str = Field("SSWS ", description="printable ASCII characters, put before the token")
    # The file stands before the variable: a validator sees the fields before its own.
    token_file: OptionalPath = Field(None, description="the path of a file that holds the token")
    token_env: EnvName = Field("", description="the name of an environment variable that holds the token")

    @property
    def token(self) -> SecretRef:
        """Where the token is to be found."""
        return SecretRef(env=self.token_env, file=self.token_file)

    @field_validator("header")
    @classmethod
    def _check_header(cls, value: str) -> str:
        if not _HEADER_NAME.fullmatch(value):
            message = "the name of an HTTP header, such as Authorization"
            raise ValueError(message)
        return value

    @field_validator("prefix")
    @classmethod
    def _check_prefix(cls, value: str) -> str:
        if not (value.isascii() and value.isprintable()):
            message = "printable ASCII characters, put before the token"
            raise ValueError(message)
        return value

    @field_validator("token_file")
    @classmethod
    def _check_token_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            _check_token(SecretRef(file=value), info)
        return value

    @field_validator("token_env")
    @classmethod
    def _check_token_env(cls, value: str, info: ValidationInfo) -> str:
        if "token_file" not in info.data:
            return value  # it is wrong itself, which is reported already
        if bool(value) == (info.data["token_file"] is not None):
            found = "given beside token_file" if value else "missing"
            message = f"{found}; needed: exactly one of token_env (a variable's name) and token_file (a path)"
            raise _problem(message)
        if value:
            _check_token(SecretRef(env=value), info)
        return value


def _check_token(reference: SecretRef, info: ValidationInfo) -> None:
    token = _look_up(reference, info)
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        message = f"{reference} holds a space, line break or other character that no Okta token has"
        raise _problem(message)


AuthConfig = SswsAuth
"""Every authentication method: with a second one, a union that `method` tells apart."""


class TlsConfig(Strict):
    """How a tenant's server is verified, and what proves this client to it."""

    ca_file: ExistingFile = Field(None, description="the path of a PEM file of certificate authorities")
    cert_file: ExistingFile = Field(None, description="the path of the client certificate's PEM file")
    key_file: ExistingFile = Field(None, description="the path of the client key's PEM file")
    key_password_env: EnvName = Field("", description="the name of an environment variable")
    verify: bool = Field(default=True, description="true or false")
    verify_hostname: bool = Field(default=True, description="true or false")

    @property
    def key_password(self) -> SecretRef | None:
        """Where the client key's password is to be found, if it has one."""
        return SecretRef(env=self.key_password_env) if self.key_password_env else None

    @field_validator("key_file")
    @classmethod
    def _check_key(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("cert_file", value) is None:
            message = "given without cert_file; needed: the certificate that this key belongs to"
            raise _problem(message)
        return value

    @field_validator("key_password_env")
    @classmethod
    def _check_key_password(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        if info.data.get("cert_file", value) is None:
            message = "given without cert_file; needed: the certificate whose key this password opens"
            raise _problem(message)
        _look_up(SecretRef(env=value), info)
        return value


class TenantConfig(Strict):
    """One Okta organisation."""

    name: Name = Field(description=NAME_ALLOWED)
    display_name: str = Field("", description="a text for people; default: the name")
    org_url: Annotated[str, AfterValidator(normalise_org_url)] = Field(description="the organisation's URL, such as https://acme.okta.com")
    allowed_hosts: Annotated[tuple[Host, ...], BeforeValidator(to_tuple)] = Field((), description="a list of hosts such as login.acme.com")
    poll_interval_seconds: float = Field(10.0, ge=1, le=86401, description="1 to 86401")
    start_from: Annotated[InstanceOf[StartFrom], BeforeValidator(StartFrom.parse)] = Field(
        StartFrom.parse("now"), description=START_FROM_ALLOWED
    )
    page_limit: int = Field(1000, ge=1, le=1000, description="whole numbers from 1 to 1000")
    filter: str = Field("", description="a filter expression of Okta's System Log API")
    q: str = Field("", description=_Q_ALLOWED)
    rate_limit_reserve: float = Field(0.1, ge=0, le=0.9, description="0 to 0.9")
    request_timeout_seconds: float = Field(35.0, gt=0, le=300, description="more than 0, up to 300")
    labels: dict[str, str] = Field({}, description="a table in which every value is text in quotes")
    proxy: Annotated[str, AfterValidator(check_proxy)] = Field("", description="a proxy's URL")
    auth: AuthConfig = Field(description='a table [tenants.auth] with method = "ssws" and token_env or token_file')
    tls: TlsConfig = Field(TlsConfig(), description="a table [tenants.tls]")

    @property
    def org_host(self) -> str:
        """The organisation's host, with its port if that is not the scheme's own."""
        return self.org_url.partition("://")[2]

    @field_validator("display_name")
    @classmethod
    def _default_to_name(cls, value: str, info: ValidationInfo) -> str:
        name: str = info.data.get("name", "")
        return value or name

    @field_validator("q")
    @classmethod
    def _check_q(cls, value: str) -> str:
        words = value.split()
        if len(words) > _Q_MAX_WORDS or any(len(word) > _Q_MAX_WORD_LENGTH for word in words):
            raise ValueError(_Q_ALLOWED)
        return value
