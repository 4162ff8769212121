"""Which archives there are: the file sinks of a configuration, or plain paths.

Only what says where files are is read of a configuration, and no secret is looked up: who investigates need not be able to run the flow,
and the models that check the whole file take half a second to load.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from sinks.file.compression import SUFFIXES
from sinks.paths import PathTemplate

__all__ = ["Archive", "ArchivesUnknown", "Sources", "configured", "given"]

_VARIABLE: Final = "OKTA_PIPELINE_CONFIG"
_DEFAULT: Final = "okta.toml"


class ArchivesUnknown(Exception):  # noqa: N818 (it names what is the case)
    """The configuration or an option doesn't say where the files are; the message tells what to change."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of one sink, or those that a path names.

    Attributes:
        name: The sink's name, or the path as it was given.
        template: An absolute path with placeholders, and the ending that the compression gives it; or a plain path.
        is_template: Whether it is the former.
    """

    name: str
    template: str
    is_template: bool = True


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look.

    Attributes:
        archives: The archives.
        tenants: The names that a tenant can have; empty where nobody knows them.
        notes: What was left out and why, for people.
    """

    archives: tuple[Archive, ...]
    tenants: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def given(paths: Sequence[str]) -> Sources:
    """Files, folders, globs, and paths with the placeholders of a file sink.

    Raises:
        ArchivesUnknown: A placeholder is unknown.
    """
    archives = []
    for path in paths:
        absolute = str(Path(path).expanduser().absolute())
        is_template = "{" in path and not Path(path).exists()
        if is_template:
            _template(path, absolute, "")
        archives.append(Archive(path, absolute, is_template))
    return Sources(tuple(archives))


def configured(path: str | None, sinks: Sequence[str] = (), *, alerts: bool = False, environ: Mapping[str, str] = os.environ) -> Sources:
    """The file sinks of a configuration.

    Args:
        path: The file; without one, what `$OKTA_PIPELINE_CONFIG` names, else `okta.toml`.
        sinks: Only these; all of them where it is empty.
        alerts: Those that are given alerts, not those that are given events.
        environ: The environment.

    Raises:
        ArchivesUnknown: The file can't be read, or has no such sink.
    """
    name = path or environ.get(_VARIABLE) or _DEFAULT
    raw = _read(name)
    tables = raw.get("sinks")
    files = {
        str(key): table
        for key, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict) and table.get("type") == "file"
    }
    unknown = [sink for sink in sinks if sink not in files]
    if unknown:
        _refuse(f"--sink {unknown[0]}: {name} has no file sink of that name; there are: {', '.join(files) or 'none'}")
    kind = "alerts" if alerts else "events"
    wanted = {key: table for key, table in files.items() if (not sinks or key in sinks) and kind in _kinds(table)}
    if not wanted:
        what = f'a [sinks.NAME] table with type = "file"{" and alerts among its kinds" if alerts else ""}'
        _refuse(f"{name}: there is nothing to search: needed: {what}; or name files with --path")
    mute = {key: reason for key, table in wanted.items() if (reason := _why_mute(key, table, raw))}
    if mute and (sinks or len(mute) == len(wanted)):
        _refuse(f"{name}: {' '.join(mute.values())}")
    folder = Path(name).absolute().parent
    archives = []
    for key, table in wanted.items():
        if key in mute:
            continue
        where, compression = table.get("path"), table.get("compression", "none")
        if not isinstance(where, str) or not where or compression not in SUFFIXES:
            _refuse(f"{name}: sinks.{key}: path or compression is not usable; `python -m okta_source check` tells what is wrong")
        archives.append(Archive(key, _template(f"{name}: sinks.{key}.path", str(folder / where), SUFFIXES[compression])))
    return Sources(tuple(archives), _tenants(raw), tuple(mute.values()))


def _read(name: str) -> dict[str, Any]:
    hint = f"name another one with --config or ${_VARIABLE}, or name files with --path"
    try:
        return tomllib.loads(Path(name).read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        _refuse(f"{name}: there is no such file; {hint}")
    except OSError as error:
        _refuse(f"{name}: cannot be read: {error.strerror or type(error).__name__}; {hint}")
    except ValueError as error:
        _refuse(f"{name}: not TOML: {error}")


def _kinds(table: Mapping[str, Any]) -> Sequence[str]:
    kinds = table.get("kinds", ["events"])
    texts = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if isinstance(kind, str)] if isinstance(kinds, list) else []
    return ["events", "alerts"] if "both" in texts else texts


def _why_mute(name: str, table: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    """Why a sink's files can't be searched; nothing where they can."""
    pipeline = raw.get("pipeline")
    form = table.get("format") or (pipeline.get("format") if isinstance(pipeline, dict) else None) or "raw"
    if form == "ocsf" and table.get("raw_data") is not True:
        lacking = "raw_data = true"
    elif form == "ecs" and table.get("event_original") is False:
        lacking = "event_original = true"
    else:
        return ""
    return (
        f"sink {name} writes {form} without Okta's own event, which is what a filter is asked of: set {lacking} there for what is to come."
    )


def _tenants(raw: Mapping[str, Any]) -> tuple[str, ...]:
    tables, pipeline = raw.get("tenants"), raw.get("pipeline")
    names = [table.get("name") for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []
    retired = pipeline.get("retired") if isinstance(pipeline, dict) else []
    return tuple(name for name in [*names, *(retired if isinstance(retired, list) else [])] if isinstance(name, str))


def _template(where: str, path: str, suffix: str) -> str:
    try:
        return PathTemplate(path, suffix).text
    except ValueError as error:
        message = f"{where}: {error}"
        raise ArchivesUnknown(message) from None


def _refuse(message: str) -> NoReturn:
    raise ArchivesUnknown(message)
