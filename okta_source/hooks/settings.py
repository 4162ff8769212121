"""What the receiver has to know of the configuration file: its own table and the tenants' hooks, nothing of Okta's credentials."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from okta_source.config.file import ConfigFile, names_given_twice, read_config_file, tenant_names
from okta_source.config.hooks import HOOK_ENVIRON, HooksConfig, TenantHooksConfig, not_beside_a_filter
from okta_source.config.problems import Location, explain
from okta_source.config.secret import SecretRef
from okta_source.config.tenant import NAME_ALLOWED, Name, to_tuple
from okta_source.hooks.certificate import CertificateFiles

__all__ = ["ReceiverSettings", "load"]

_SHORT_SECRET: Final = 24


class _Tenant(BaseModel):
    """The part of a tenant's table that is looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    name: Name = Field(description=NAME_ALLOWED)
    filter: Any = None
    q: Any = None
    hooks: Annotated[TenantHooksConfig | None, AfterValidator(not_beside_a_filter)] = Field(None, description="a table [tenants.hooks]")


class _Document(BaseModel):
    """The part of the file that is looked at; the rest is the flow's."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    tenants: Annotated[tuple[_Tenant, ...], BeforeValidator(to_tuple)] = Field(
        min_length=1, description="at least one [[tenants]] table, one for each organisation"
    )
    hooks: HooksConfig = Field(description="a table [hooks]")


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """What the receiver runs by.

    Attributes:
        hooks: Its own table.
        tenants: The tenants that have hooks, by name.
        certificate: For TLS; None without.
        warnings: What works but deserves a look, one line each.
    """

    hooks: HooksConfig
    tenants: Mapping[str, TenantHooksConfig]
    certificate: CertificateFiles | None
    warnings: tuple[str, ...]


def load(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> ReceiverSettings:
    """Read the configuration, and look every hook secret up.

    Args:
        path: The file; by default `$OKTA_PIPELINE_CONFIG`, else `okta.toml`.
        environ: The environment.

    Raises:
        okta_source.config.problems.ConfigurationError: With every problem found.
    """
    file = read_config_file(path, environ)
    found: list[tuple[Location, str]] = []
    document: _Document | None = None
    try:
        document = _Document.model_validate({"hooks": {}, **file.raw}, context={"folder": file.folder, HOOK_ENVIRON: environ})
    except ValidationError as error:
        found.extend(explain(error, _Document))
    found.extend(names_given_twice(tenant_names(file.raw)))
    if document is None or found:
        raise file.error(found)
    tenants = {tenant.name: tenant.hooks for tenant in document.tenants if tenant.hooks is not None}
    if not tenants:
        raise file.error([(("tenants",), "no tenant has a table [tenants.hooks]: there is nothing to receive")])
    return ReceiverSettings(document.hooks, tenants, _certificate(file, document.hooks), tuple(_warnings(tenants, environ)))


def _certificate(file: ConfigFile, hooks: HooksConfig) -> CertificateFiles | None:
    if hooks.cert_file is None:
        return None
    try:
        return CertificateFiles(hooks.cert_file, hooks.key_file)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        text = f"these files can't be used ({reason}); needed: PEM files without a password, and a key_file that belongs to cert_file"
        problem = [(("hooks", "cert_file"), text)]
    raise file.error(problem)


def _warnings(tenants: Mapping[str, TenantHooksConfig], environ: Mapping[str, str]) -> list[str]:
    warnings = []
    for tenant, hooks in tenants.items():
        references: list[SecretRef] = [hooks.secret, *([hooks.previous_secret] if hooks.previous_secret else [])]
        warnings += [
            f"{tenant}: other users may read {each}; run: chmod 600 {each.file}" for each in references if each.is_open_to_others()
        ]
        if len(hooks.secret.resolve(environ).reveal()) < _SHORT_SECRET:
            warnings.append(
                f"{tenant}: the hooks' secret in {hooks.secret} is short, and whoever guesses it can forge events; "
                "make one with: openssl rand -hex 32"
            )
    return warnings
