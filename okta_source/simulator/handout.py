"""Files that the simulator hands out: a pipeline configuration for its organisations, and what a sink should end up with."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

from okta_source.simulator.organisation import Organisation


def write_configuration(
    path: Path,
    tenants: Sequence[tuple[str, str, str]],
    *,
    sink_path: str,
    poll_interval_seconds: int,
    look_back_seconds: float,
) -> None:
    """Write a configuration, and each token into a file of its own beside it (mode 0600).

    Args:
        path: The configuration file.
        tenants: (name, URL, token) of each organisation.
        sink_path: Path of the file sink, with its placeholders.
        poll_interval_seconds: How often each organisation is asked.
        look_back_seconds: How far back the first poll reaches; rounded up to hours, with one to spare.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    hours = math.ceil(look_back_seconds / 3600) + 1
    sections = ['[pipeline]\nformat = "raw"\n']
    for name, url, token in tenants:
        token_file = path.parent / f"{path.stem}.{name}.token"
        token_file.touch(mode=0o600)
        token_file.chmod(0o600)
        token_file.write_text(token + "\n", encoding="utf-8")
        sections.append(
            f"[[tenants]]\nname = {_toml(name)}\norg_url = {_toml(url)}\npoll_interval_seconds = {poll_interval_seconds}\n"
            f'start_from = "{hours}h"\n\n[tenants.auth]\nmethod = "ssws"\ntoken_file = {_toml(token_file.name)}\n'
        )
    sections.append(f'[sinks.archive]\ntype = "file"\npath = {_toml(sink_path)}\n')
    path.write_text("\n".join(sections), encoding="utf-8")


def _toml(text: str) -> str:
    # A JSON string of printable characters is a TOML basic string too.
    return json.dumps(text)


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
