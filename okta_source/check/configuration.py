"""The first two steps: the configuration file as far as it concerns the tenants, and the secrets that it refers to.

A problem that goes away once nobody looks secrets up is one of the secrets: the file is right, and what it refers to is not there. So the
tables are checked twice, by the very models and words of a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from okta_source.check.report import TenantReport, Verdict, failed, ok, unknown, warning
from okta_source.config.file import (
    ConfigFile,
    Tenants,
    names_given_twice,
    read_config_file,
    tenant_names,
    tenant_warnings,
    unusable_tls,
)
from okta_source.config.problems import ConfigurationError, Location, explain, quoted, toml_path
from okta_source.config.tenant import TenantConfig

__all__ = ["Entry", "Reading", "not_asked", "read_entries", "read_tenants"]

_MOST_NAMES_SHOWN: Final = 30


class _Document(BaseModel):
    """The part of the file that is looked at; sinks and the rest are the main flow's."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    tenants: Tenants


@dataclass(frozen=True, slots=True)
class Entry:
    """One `[[tenants]]` table.

    Attributes:
        name: The tenant's name, or its place in the file where it has none.
        tenant: Its settings; None where they can't be used.
        configuration: The verdict on the table.
        secret: The verdict on what it refers to; None where the table is wrong.
        path_prefix: Of the paths of the file's receiver of hooks.
    """

    name: str
    tenant: TenantConfig | None
    configuration: Verdict
    secret: Verdict | None = None
    path_prefix: str = "/hooks"

    @property
    def report(self) -> TenantReport:
        """The report as far as the file goes."""
        label = self.tenant.display_name if self.tenant and self.tenant.display_name != self.name else ""
        report = TenantReport(self.name, label)
        report.found["configuration"] = self.configuration
        if self.secret:
            report.found["secret"] = self.secret
        return report


@dataclass(frozen=True, slots=True)
class Reading:
    """What the file says of the tenants that were asked for.

    Attributes:
        entries: One for each table, in the file's order; one without a name where the file as a whole is at fault.
        hosts: The poll interval of every usable tenant in the file by the organisation's host, whether asked for or not.
    """

    entries: Sequence[Entry]
    hosts: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def is_wrong(self) -> bool:
        """Whether there is a configuration error."""
        return any(entry.configuration.status == "failed" for entry in self.entries)


def read_tenants(path: str | None, wanted: str | None, environ: Mapping[str, str]) -> Reading:
    """Read and check the file.

    Args:
        path: The file; nothing for the usual places.
        wanted: The one tenant that is asked for; nothing for all.
        environ: The environment in which the file's name and its secrets are looked up.
    """
    try:
        file = read_config_file(path, environ)
    except ConfigurationError as error:
        fix = "Write the file (`python -m okta_source init` asks for what it needs), or name it: --config FILE."
        return Reading([Entry(wanted or "", None, failed(str(error), fix))])
    tables = file.raw.get("tenants")
    if not isinstance(tables, list) or not tables:
        return Reading([_without_tenants(file, wanted)])
    entries = list(read_entries(file, environ))
    hosts: dict[str, list[float]] = {}
    for entry in entries:
        if entry.tenant:
            hosts.setdefault(entry.tenant.org_host, []).append(entry.tenant.poll_interval_seconds)
    if wanted is not None:
        named = [entry for entry in entries if entry.name == wanted]
        return Reading(named or [_unknown_tenant(file, wanted, entries)], hosts)
    return Reading(entries, hosts)


def _without_tenants(file: ConfigFile, wanted: str | None) -> Entry:
    found = _problems(file, file.raw, {})
    return Entry(
        wanted or "", None, failed(_told(found), f"Add a [[tenants]] table to {file.name}: `python -m okta_source init` writes it.")
    )


def _unknown_tenant(file: ConfigFile, wanted: str, entries: Sequence[Entry]) -> Entry:
    names = [entry.name for entry in entries]
    shown = ", ".join(names[:_MOST_NAMES_SHOWN]) + (f" and {len(names) - _MOST_NAMES_SHOWN} more" if len(names) > _MOST_NAMES_SHOWN else "")
    fix = "Name one of these, or add a table: `python -m okta_source init` writes it."
    return Entry(wanted, None, failed(f"there is no tenant {quoted(wanted)} in {file.name}; there are: {shown}", fix))


def read_entries(file: ConfigFile, environ: Mapping[str, str]) -> Iterator[Entry]:
    """Check the tables of a file one by one.

    Args:
        file: The file, whose `tenants` is a list.
        environ: The environment in which secrets are looked up.
    """
    names = tenant_names(file.raw)
    twice = list(names_given_twice(names))
    for index, table in enumerate(file.raw["tenants"]):
        name = names[index] if isinstance(names[index], str) and names[index] else f"tenants[{index}]"
        alone = {"tenants": [table]}
        folder = {"folder": file.folder}
        wrong = [(_moved(place, index), text) for place, text in _problems(file, alone, folder)]
        wrong += [(place, text) for place, text in twice if place[1] == index]
        if wrong:
            yield Entry(name, None, _wrong(file, wrong))
            continue
        missing = [(_moved(place, index), text) for place, text in _problems(file, alone, {**folder, "environ": environ})]
        if missing:
            fix = (
                "Set the variable or write the file that is named there, in the environment of the pipeline as well; then run check again."
            )
            yield Entry(name, None, ok(f"{file.name}: {toml_path(('tenants', index))}"), failed(_told(missing), fix))
            continue
        [tenant] = _Document.model_validate(alone, context={**folder, "environ": environ}).tenants
        unusable = [(_moved(place, index), text) for place, text in unusable_tls([tenant])]
        if unusable:
            yield Entry(name, None, _wrong(file, unusable))
            continue
        yield Entry(name, tenant, ok(f"{file.name}: {toml_path(('tenants', index))}"), _secret(tenant, index), _path_prefix(file))


def _problems(file: ConfigFile, raw: Mapping[str, Any], context: Mapping[str, Any]) -> list[tuple[Location, str]]:
    try:
        _Document.model_validate(raw, context={"folder": file.folder, **context})
    except ValidationError as error:
        return list(explain(error, _Document))
    return []


def _moved(place: Location, index: int) -> Location:
    """The location of what stands in the only table as that of the table that it is."""
    return (place[0], index, *place[2:]) if len(place) > 1 else place


def _wrong(file: ConfigFile, found: Sequence[tuple[Location, str]]) -> Verdict:
    return failed(_told(found), f"Correct {file.name} there; a run refuses the file for it.")


def _told(found: Sequence[tuple[Location, str]]) -> str:
    return "\n".join(f"{toml_path(place)}: {text}" for place, text in found)


def _secret(tenant: TenantConfig, index: int) -> Verdict:
    references = [str(reference) for reference in _references(tenant)]
    detail = ", ".join(references) or "none is needed"
    for place, text in tenant_warnings([tenant]):
        if place[-1] != "verify":
            return warning(f"{toml_path(_moved(place, index))}: {text.partition(';')[0]}", f"Run: {text.partition('run: ')[2]}")
    return ok(detail)


def _path_prefix(file: ConfigFile) -> str:
    """Of the receiver's paths; its table is looked at by the receiver and by a run."""
    hooks = file.raw.get("hooks")
    prefix = hooks.get("path_prefix") if isinstance(hooks, dict) else None
    return prefix.rstrip("/") if isinstance(prefix, str) else "/hooks"


def _references(tenant: TenantConfig) -> Iterator[str]:
    for key, value in [*tenant.auth, *tenant.tls]:
        if key.endswith("_env") and value:
            yield f"environment variable {value}"
        elif key.endswith("_file") and value and key not in ("ca_file", "cert_file"):
            yield f"file {value}"


def not_asked(entry: Entry, others: Sequence[Entry]) -> TenantReport:
    """The report of a tenant whose table is right in a file that is not: no request is made."""
    report = entry.report
    wrong = ", ".join(other.name or "the file" for other in others if other.configuration.status == "failed")
    report.reason = f"no request is made while the configuration is wrong ({wrong})"
    report.found.setdefault("secret", unknown(report.reason))
    return report
