"""The configuration file, as far as it concerns the organisations: found, read, and its `[[tenants]]` tables checked.

The main flow reads the whole file (`flows.configuration.settings`) and `python -m okta_source check` the tenants alone; both by what
stands here, so that a problem has the same words in both.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from okta_source.config.problems import ConfigurationError, Location, Problem, quoted, toml_path
from okta_source.config.secret import SecretRef
from okta_source.config.tenant import TenantConfig, TlsConfig, to_tuple
from okta_source.config.tls import ssl_context

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT_PATH",
    "ConfigFile",
    "Tenants",
    "config_path",
    "names_given_twice",
    "parse_config",
    "read_config_file",
    "tenant_names",
    "tenant_warnings",
    "unusable_tls",
]

CONFIG_VARIABLE: Final = "OKTA_PIPELINE_CONFIG"
DEFAULT_PATH: Final = "okta.toml"

Tenants = Annotated[
    tuple[TenantConfig, ...],
    BeforeValidator(to_tuple),
    Field(min_length=1, description="at least one [[tenants]] table, one for each organisation"),
]
"""The key `tenants` of the file."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file that is TOML; nothing in it has been checked yet.

    Attributes:
        name: As it was named, for messages.
        path: Absolute; not resolved, since a mounted file is often a link, and its folder is meant.
        raw: What it holds.
    """

    name: str
    path: Path
    raw: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """What relative paths in it count from."""
        return self.path.parent

    def error(self, found: Iterable[tuple[Location, str]]) -> ConfigurationError:
        """The error that tells everything found wrong, by location."""
        return ConfigurationError(Problem(self.name, toml_path(place), text) for place, text in found)


def config_path(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The file that is meant, as it was named: `path`, else what `$OKTA_PIPELINE_CONFIG` names, else `okta.toml` where we are."""
    return str(path or environ.get(CONFIG_VARIABLE) or DEFAULT_PATH)


def read_config_file(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> ConfigFile:
    """Find and read the file.

    Args:
        path: As for `config_path`.
        environ: The environment in which the file's name is looked up.

    Raises:
        ConfigurationError: It can't be read, or is no TOML.
    """
    name = config_path(path, environ)
    file = Path(name).absolute()
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        text = f"there is no such file; write it there, or name another one in ${CONFIG_VARIABLE}"
    except OSError as error:
        text = f"cannot be read: {error.strerror or type(error).__name__}"
    else:
        return parse_config(name, file, data)
    raise ConfigurationError([Problem(name, "", text)])


def parse_config(name: str, path: Path, data: bytes) -> ConfigFile:
    """Read a file's content.

    Args:
        name: The file as it was named, for messages.
        path: The file, absolute.
        data: What it holds.

    Raises:
        ConfigurationError: It is no TOML.
    """
    try:
        # `utf-8-sig`: some editors put a mark at the start, which TOML does not know.
        return ConfigFile(name, path, tomllib.loads(data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        text = f"line {line}: not UTF-8 text, which TOML has to be"
    except ValueError as error:
        text = f"not TOML: {error}"
    raise ConfigurationError([Problem(name, "", text)])


def tenant_names(raw: Mapping[str, Any]) -> list[Any]:
    """The `name` of each `[[tenants]]` table as it stands there, None where there is none."""
    tables = raw.get("tenants")
    return [table.get("name") if isinstance(table, dict) else None for table in (tables if isinstance(tables, list) else [])]


def names_given_twice(tenants: Sequence[Any], retired: Sequence[Any] = ()) -> Iterator[tuple[Location, str]]:
    """Find tenants of one name. This works on the file itself, so that it finds them also where something else is wrong.

    Args:
        tenants: What `tenant_names` gives.
        retired: The names of former tenants in `[pipeline]`.

    Yields:
        The location in the document, and what is wrong there.
    """
    first: dict[str, Location] = {}
    places: list[tuple[Location, Any]] = [(("tenants", index, "name"), name) for index, name in enumerate(tenants)]
    places += [(("pipeline", "retired", index), name) for index, name in enumerate(retired)]
    for place, name in places:
        if isinstance(name, str) and first.setdefault(name, place) != place:
            yield place, f"{quoted(name)} is {toml_path(first[name])} already; every tenant, retired or not, needs its own name"


def unusable_tls(tenants: Sequence[TenantConfig | None]) -> Iterator[tuple[Location, str]]:
    """Find certificates and keys that can be read but not used: a run must not find that out when it has begun.

    Args:
        tenants: In the file's order; None for one that has problems of its own.

    Yields:
        The location in the document, and what is wrong there.
    """
    for index, tenant in enumerate(tenants):
        if tenant is None or tenant.tls == TlsConfig():
            continue
        try:
            ssl_context(tenant.tls)
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
            yield (
                ("tenants", index, "tls"),
                f"OpenSSL refuses these files ({reason}); needed: PEM files, a key_file that belongs to cert_file, and the key's password",
            )


def tenant_warnings(tenants: Sequence[TenantConfig]) -> Iterator[tuple[Location, str]]:
    """Find what works but deserves a look.

    Yields:
        The location in the document, and what to do about it.
    """
    for index, tenant in enumerate(tenants):
        place: Location = ("tenants", index)
        # Whatever the method, a file that its table names holds a secret, as the client's key does.
        files = [(("auth", key), value) for key, value in tenant.auth if key.endswith("_file") or key == "token_store"]
        for keys, file in [*files, (("tls", "key_file"), tenant.tls.key_file)]:
            if file is not None and SecretRef(file=file).is_open_to_others():
                yield (*place, *keys), f"other users may read file {file}; run: chmod 600 {file}"
        if not tenant.tls.verify:
            yield (*place, "tls", "verify"), "false lets anyone on the way read the token and the events; for tests only"
        elif not tenant.tls.verify_hostname and tenant.tls.ca_file is None:
            text = "false trusts whoever has a certificate of any name from any public authority; give the one in ca_file"
            yield (*place, "tls", "verify_hostname"), text
