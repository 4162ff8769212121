"""The one tenant that is to be authorised, out of the configuration file; what is wrong with others does no harm here."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from okta_source.config.auth import RefreshTokenAuth
from okta_source.config.file import names_given_twice, read_config_file, tenant_names, unusable_tls
from okta_source.config.problems import Location, explain
from okta_source.config.tenant import TenantConfig

__all__ = ["load_tenant"]


def load_tenant(name: str, config: Path | None, environ: Mapping[str, str]) -> tuple[TenantConfig, RefreshTokenAuth]:
    """Read a tenant.

    Args:
        name: Its name.
        config: The configuration file, if it is named.
        environ: The environment, where the secrets are looked up, and the file's name if it isn't named.

    Returns:
        Its configuration, and the part of it that says how it authenticates.

    Raises:
        okta_source.config.problems.ConfigurationError: There is no such tenant, it is wrong somewhere, or its method needs no sign-in.
    """
    file = read_config_file(config, environ)
    names = tenant_names(file.raw)
    if name not in names:
        known = [known for known in names if isinstance(known, str)]
        close = get_close_matches(name, known, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        raise file.error([(("tenants",), f"no tenant is named {name!r}; {guess}there are: {', '.join(known) or 'none'}")])
    index = names.index(name)
    place: Location = ("tenants", index)
    found = [(where, text) for where, text in names_given_twice(names) if where[:1] == ("tenants",) and names[int(where[1])] == name]
    tenant: TenantConfig | None = None
    try:
        tenant = TenantConfig.model_validate(file.raw["tenants"][index], context={"folder": file.folder, "environ": environ})
    except ValidationError as error:
        found += [((*place, *where), text) for where, text in explain(error, TenantConfig)]
    if tenant is not None:
        found += [((*place, *where[2:]), text) for where, text in unusable_tls([tenant])]
    if tenant is None or found:
        # Raised out here, not while handling what pydantic raised, which holds the values themselves.
        raise file.error(found)
    if not isinstance(tenant.auth, RefreshTokenAuth):
        text = f'{tenant.auth.method} needs no sign-in: there is nothing to authorise; only method = "refresh_token" does'
        raise file.error([((*place, "auth", "method"), text)])
    return tenant, tenant.auth
