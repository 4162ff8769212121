"""One Okta organisation's settings: what may stand in a `[[tenants]]` table, checked strictly.

Field names are the configuration file's keys. Each field's description says what is allowed in it, and is
what an error shows, so a limit and its text stand on one line.
"""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, StringConstraints, ValidationInfo, field_validator

from okta_source.config.auth import AuthConfig
from okta_source.config.hooks import TenantHooksConfig, not_beside_a_filter
from okta_source.config.org_url import check_host, check_proxy, normalise_org_url
from okta_source.config.secret import SecretRef
from okta_source.config.ssws import SswsAuth
from okta_source.config.start_from import START_FROM_ALLOWED, StartFrom
from okta_source.config.strict import EnvName, ExistingFile, Strict, look_up, problem, to_path, to_tuple

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

_Q_MAX_WORDS: Final = 10
_Q_MAX_WORD_LENGTH: Final = 40
_Q_ALLOWED: Final = f"up to {_Q_MAX_WORDS} words of up to {_Q_MAX_WORD_LENGTH} characters each"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Host = Annotated[str, AfterValidator(check_host)]


class TlsConfig(Strict):
    """How a tenant's server is verified, and what proves this client to it.

    Attributes:
        ca_file: Whom to trust instead of certifi's authorities.
        cert_file: The client's certificate.
        key_file: Its key.
        key_password_env: The key's password.
        verify: `false` trusts anybody, and is for tests: there is a warning at each start.
        verify_hostname: `false`: the authority alone has to be right.
    """

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
            raise problem(message)
        return value

    @field_validator("key_password_env")
    @classmethod
    def _check_key_password(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        if info.data.get("cert_file", value) is None:
            message = "given without cert_file; needed: the certificate whose key this password opens"
            raise problem(message)
        look_up(SecretRef(env=value), info)
        return value


class TenantConfig(Strict):
    """One Okta organisation.

    Attributes:
        name: The key of its state, metrics and files; unique, and best never changed.
        display_name: For people: logs, tables and dashboards; by default the name.
        org_url: A domain, a bare name (`acme` is `acme.okta.com`) or a URL; okta.com, oktapreview.com, okta-emea.com, okta-gov.com,
            okta.mil and custom domains. http:// only for this machine itself.
        allowed_hosts: Further hosts that next links may name, where an organisation has a custom domain.
        poll_interval_seconds: From one poll to the next, once drained.
        start_from: Where polling begins without saved state. Okta keeps 90 days; anything older starts there, with a warning.
        page_limit: The most events of one request.
        filter: Okta's SCIM filter; a change is noticed and takes effect from the newest event on.
        q: Okta's keywords; a change likewise.
        rate_limit_reserve: The share of the rate limit that is left to the organisation's other clients.
        request_timeout_seconds: How long an answer may take; Okta's own limit for a query is 30 s.
        labels: What `_okta_labels` says.
        proxy: The way to Okta, else `HTTPS_PROXY` and `NO_PROXY` of the environment, where a proxy with a password has to stand.
        auth: How it proves who it is.
        tls: How its server is verified.
        hooks: Push beside polling: how deliveries of this organisation's event hooks are authenticated, and what becomes of them.
    """

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
    auth: AuthConfig = Field(description='a table [tenants.auth] with method = "ssws" and token_env or token_file, or another method')
    tls: TlsConfig = Field(TlsConfig(), description="a table [tenants.tls]")
    hooks: Annotated[TenantHooksConfig | None, AfterValidator(not_beside_a_filter)] = Field(None, description="a table [tenants.hooks]")

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
