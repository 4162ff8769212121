"""Files that the simulator hands out: a pipeline configuration for its organisations, and what a sink should end up with."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from okta_source.simulator.event_hook import EventHook
from okta_source.simulator.organisation import Organisation
from okta_source.simulator.registrations import Registration


def write_configuration(
    path: Path,
    tenants: Sequence[tuple[str, str, Registration]],
    *,
    sink_path: str,
    poll_interval_seconds: int,
    look_back_seconds: float,
    ca_file: Path | None = None,
    hooks: Mapping[str, EventHook] | None = None,
    hook_mode: str = "merge",
) -> None:
    """Write a configuration, and each secret into a file of its own beside it (mode 0600).

    Args:
        path: The configuration file.
        tenants: (name, URL, how to get in) of each organisation.
        sink_path: Path of the file sink, with its placeholders.
        poll_interval_seconds: How often each organisation is asked.
        look_back_seconds: How far back the first poll reaches; rounded up to hours, with one to spare.
        ca_file: The certificate authority of the organisations' servers, where they serve https.
        hooks: The hook by which an organisation delivers, by the organisation's name; none for no push.
        hook_mode: What the pipeline is to make of deliveries.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    hours = math.ceil(look_back_seconds / 3600) + 1
    sections = ['[pipeline]\nformat = "raw"\n']
    for name, url, registration in tenants:
        secret_file = write_secret(path, name, registration)
        keys: dict[str, str | bool] = {"method": registration.method, **registration.keys, registration.secret_key: secret_file.name}
        if registration.method == "refresh_token":
            keys["token_store"] = f"{path.stem}.{name}.store"
        auth = "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
        tls = f"\n[tenants.tls]\nca_file = {_toml(str(ca_file.absolute()))}\n" if ca_file else ""
        sections.append(
            f"[[tenants]]\nname = {_toml(name)}\norg_url = {_toml(url)}\npoll_interval_seconds = {poll_interval_seconds}\n"
            f'start_from = "{hours}h"\n\n[tenants.auth]\n{auth}{tls}{_hooks_table(path, name, (hooks or {}).get(name), hook_mode)}'
        )
    sections.append(f'[sinks.archive]\ntype = "file"\npath = {_toml(sink_path)}\n')
    path.write_text("\n".join(sections), encoding="utf-8")


def _hooks_table(configuration: Path, name: str, hook: EventHook | None, mode: str) -> str:
    if hook is None:
        return ""
    path = _write(configuration.parent / f"{configuration.stem}.{name}.hook", hook.secret)
    return f"\n[tenants.hooks]\nsecret_file = {_toml(path.name)}\nheader = {_toml(hook.header)}\nmode = {_toml(mode)}\n"


def write_secret(configuration: Path, name: str, registration: Registration) -> Path:
    """Write a registration's secret into a file beside a configuration (mode 0600).

    Returns:
        Its path.
    """
    return _write(configuration.parent / f"{configuration.stem}.{name}.{registration.suffix}", registration.secret)


def _write(path: Path, secret: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(secret + "\n", encoding="utf-8")
    return path


def _toml(value: str | bool) -> str:  # noqa: FBT001
    # A JSON string of printable characters is a TOML basic string too, and so are true and false.
    return json.dumps(value)


def expectation_path(pattern: str, tenant: str) -> Path:
    """Where a tenant's expectation goes: `{tenant}` in the pattern, or else the name before the suffix."""
    if "{tenant}" in pattern:
        return Path(pattern.replace("{tenant}", tenant))
    path = Path(pattern)
    return path.with_name(f"{path.stem}.{tenant}{path.suffix}")


def write_expectation(path: Path, organisation: Organisation) -> None:
    """Write `uuid sha256` for every event so far, in the order of persistence; the hash is over the event's exact bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    uuids = organisation.uuids()
    with path.open("w", encoding="utf-8") as file:
        for uuid, event in zip(uuids, organisation.iterate_persisted(), strict=False):
            file.write(f"{uuid} {hashlib.sha256(event).hexdigest()}\n")
