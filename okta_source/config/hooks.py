"""What may be said of push: `[hooks]`, which the receiver and the flow share, and a tenant's `[tenants.hooks]`.

The flow reads no hook secret and the receiver no Okta credential, so files and variables named here are looked at only where the validation
context has `hook_environ`: in the receiver.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from okta_source.config.secret import SecretError, SecretRef
from okta_source.config.strict import EnvName, OptionalPath, Strict, check_one_reference, header_name, problem, to_path

__all__ = ["HOOK_ENVIRON", "HooksConfig", "TenantHooksConfig", "not_beside_a_filter"]

HOOK_ENVIRON: Final = "hook_environ"
"""The key of the validation context under which the receiver gives its environment."""

_LISTEN: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})")
_LISTEN_ALLOWED: Final = "an address and a port, such as 127.0.0.1:8480 or [::1]:8480"
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_PREFIX_ALLOWED: Final = "a path such as /hooks: letters, digits, . _ ~ - and / between them"
_FOLDER_ALLOWED: Final = "the path of a folder"


def _check_listen(value: str) -> str:
    found = _LISTEN.fullmatch(value)
    if not found or int(found["port"]) > 65535:
        raise ValueError(_LISTEN_ALLOWED)
    return value


def _check_prefix(value: str) -> str:
    if not value.startswith("/") or not _PREFIX.fullmatch(value):
        raise ValueError(_PREFIX_ALLOWED)
    return value.rstrip("/")


def _to_folder(value: object, info: ValidationInfo) -> object:
    if value == "":
        raise ValueError(_FOLDER_ALLOWED)
    return to_path(value, info)


class HooksConfig(Strict):
    """The receiver of event hooks and EventBridge deliveries, and its spool, which the flow reads.

    Attributes:
        listen: Where the receiver listens; on another address than loopback it wants `cert_file`, or a proxy in front of it.
        path_prefix: The URL that is registered with Okta is `https://HOST` + this + `/<tenant>`.
        spool_dir: Where deliveries wait for the flow, a folder for each tenant.
        keep_hours: Older deliveries are deleted, read or not: polling brings their events all the same.
        keep_megabytes: The most that is kept for each tenant.
        cert_file: With it the receiver speaks TLS itself; read again when it changes.
        key_file: Its key.
    """

    listen: Annotated[str, AfterValidator(_check_listen)] = Field("127.0.0.1:8480", description=_LISTEN_ALLOWED)
    path_prefix: Annotated[str, AfterValidator(_check_prefix)] = Field("/hooks", description=_PREFIX_ALLOWED)
    spool_dir: Annotated[Path, BeforeValidator(_to_folder)] = Field(Path("data/hooks"), description=_FOLDER_ALLOWED)
    keep_hours: float = Field(24.0, gt=0, le=8784, description="more than 0, up to 8784")
    keep_megabytes: float = Field(1024.0, ge=1, le=1_048_576, description="1 to 1048576")
    cert_file: OptionalPath = Field(None, description="the path of the certificate's PEM file, for TLS without a proxy")
    key_file: OptionalPath = Field(None, description="the path of the key's PEM file")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @field_validator("key_file")
    @classmethod
    def _check_key(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("cert_file", value) is None:
            message = "given without cert_file; needed: the certificate that this key belongs to"
            raise problem(message)
        return value


def not_beside_a_filter(value: "TenantHooksConfig | None", info: ValidationInfo) -> "TenantHooksConfig | None":
    """Check that polling of a tenant with hooks leaves nothing out; its fields `filter` and `q` stand before `hooks`."""
    narrowing = [key for key in ("filter", "q") if info.data.get(key)]
    if value is not None and narrowing:
        message = (
            f"given beside {' and '.join(narrowing)}: hooks would bring events that polling leaves out; needed: one or the other "
            "(sinks have filters of their own, and so has an event hook in Okta)"
        )
        raise problem(message)
    return value


class TenantHooksConfig(Strict):
    """A tenant's push beside polling.

    Attributes:
        secret_file: Where the secret is that the organisation's hooks send; the file is read again when it changes.
        secret_env: The same in an environment variable.
        previous_secret_file: The secret before this one, valid too: Okta takes minutes to send a new one.
        previous_secret_env: The same in an environment variable.
        header: The header that holds the secret, as it was registered with Okta.
        mode: `wake`: a delivery makes the tenant poll at once, and only what polling brings goes on. `merge`: the delivered event itself
            goes on, and polling's copy is the duplicate.
    """

    secret_file: OptionalPath = Field(None, description="the path of a file that holds the hooks' secret")
    secret_env: EnvName = Field("", description="the name of an environment variable that holds the hooks' secret")
    previous_secret_file: OptionalPath = Field(None, description="the path of a file that holds the secret before this one")
    previous_secret_env: EnvName = Field("", description="the name of an environment variable that holds the secret before this one")
    header: str = Field("Authorization", description="the name of an HTTP header")
    mode: Literal["wake", "merge"] = Field("wake", description="wake, merge")

    @property
    def secret(self) -> SecretRef:
        """Where the secret is to be found."""
        return SecretRef(env=self.secret_env, file=self.secret_file)

    @property
    def previous_secret(self) -> SecretRef | None:
        """Where the one before it is to be found, if there is one."""
        if not self.previous_secret_env and self.previous_secret_file is None:
            return None
        return SecretRef(env=self.previous_secret_env, file=self.previous_secret_file)

    @field_validator("secret_file", "previous_secret_file")
    @classmethod
    def _check_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            _check_secret(SecretRef(file=value), info)
        return value

    @field_validator("secret_env")
    @classmethod
    def _check_env(cls, value: str, info: ValidationInfo) -> str:
        if reference := check_one_reference(value, info, "secret_file"):
            _check_secret(reference, info)
        return value

    @field_validator("previous_secret_env")
    @classmethod
    def _check_previous_env(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("previous_secret_file") is not None:
            message = "given beside previous_secret_file; needed: at most one of them"
            raise problem(message)
        if value:
            _check_secret(SecretRef(env=value), info)
        return value

    @field_validator("header")
    @classmethod
    def _check_header(cls, value: str) -> str:
        return header_name(value)


def _check_secret(reference: SecretRef, info: ValidationInfo) -> None:
    context: Mapping[str, Any] = info.context or {}
    if HOOK_ENVIRON not in context:
        return
    try:
        secret = reference.resolve(context[HOOK_ENVIRON]).reveal()
    except SecretError as error:
        raise problem(str(error)) from None
    if not secret.isprintable() or secret != secret.strip():
        message = f"{reference} holds a line break or another character that no HTTP header carries, or a space at an end"
        raise problem(message)
