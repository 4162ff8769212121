"""Where a state directory is at home: its own path, and the folders of the files that are cut back with it.

A state that has been copied or moved along with its configuration would go on without a word. A copy polls the organisations that the
original polls, and sends all of it to the same targets once more; and it may well mean files that are not its own: those of the original,
where a path is absolute or a folder a link. So the place is written down, and a run that finds itself at another one ends before it begins,
says so, and how to accept it (`python -m flows.state accept DIR`).
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from flows.runtime.owner import guarded
from flows.runtime.recovery import resume_states
from flows.runtime.stores import StateUnusable
from okta_source.output import as_typed
from sinks.config import FileSinkConfig
from sinks.durable import replace_file
from sinks.file.compression import SUFFIXES
from sinks.file.journal import JournalDamaged
from sinks.file.whereabouts import KnownFile, known_files
from sinks.paths import PathTemplate

__all__ = ["PLACE_FILE", "accept_any_place", "check_place", "journal_folder", "known_place"]

PLACE_FILE: Final = "place.json"
_MOST_TOLD: Final = 3


class Site(msgspec.Struct, frozen=True):
    """Where a sink's files are.

    Attributes:
        path: Its path as the configuration has it: relative, or absolute.
        folder: The folder that all of them are in, links resolved.
    """

    path: str
    folder: str


class Place(msgspec.Struct, omit_defaults=True):
    """What is written down.

    Attributes:
        state: The state directory, links resolved.
        sinks: The sinks that write files.
        accepts_any: Whether the next run shall take the place where it finds itself.
        version: Of this form.
    """

    state: str
    sinks: dict[str, Site]
    accepts_any: bool = False
    version: int = 1


def journal_folder(directory: Path) -> Path:
    """Where file sinks keep their journals."""
    return directory / "files"


def check_place(directory: Path, sinks: Mapping[str, FileSinkConfig], steps: Mapping[str, str]) -> None:
    """Find out whether a run is where the state says, and write down where it is.

    Args:
        directory: The state directory, held by this run; what a crash left uncommitted in it is fenced off.
        sinks: The sinks that write files.
        steps: The full ids of their steps.

    Raises:
        StateUnusable: The state knows another place; nothing was changed.
    """
    here = os.path.realpath(directory)
    sites = {name: Site(_template(sink).key_of(_template(sink).text), os.path.realpath(sink.place)) for name, sink in sinks.items()}
    with guarded(directory):
        known = known_place(directory)
        if known is None or not known.accepts_any:
            for problem in _problems(directory, here, known, sites, sinks, steps):
                raise StateUnusable(problem)
        now = Place(here, {**(known.sinks if known else {}), **sites})
        if now != known:
            replace_file(directory / PLACE_FILE, msgspec.json.format(msgspec.json.encode(now)) + b"\n")


def known_place(directory: Path) -> Place | None:
    """What is written down; None where nothing is.

    Raises:
        StateUnusable: It can't be read.
    """
    path = directory / PLACE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Place)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{path} can't be read ({error}). Restore the state directory as a whole; or, if it is where it was, delete that file."
        raise StateUnusable(msg) from None


def accept_any_place(directory: Path) -> None:
    """Have the next run take the place where it finds itself.

    Raises:
        OSError: It can't be written down.
    """
    known = known_place(directory) or Place(os.path.realpath(directory), {})
    known.accepts_any = True
    replace_file(directory / PLACE_FILE, msgspec.json.format(msgspec.json.encode(known)) + b"\n")


def _template(sink: FileSinkConfig) -> PathTemplate:
    return PathTemplate(sink.path, SUFFIXES[sink.compression], sink.base)


def _problems(
    directory: Path,
    here: str,
    known: Place | None,
    sites: Mapping[str, Site],
    sinks: Mapping[str, FileSinkConfig],
    steps: Mapping[str, str],
) -> Iterator[str]:
    accept = as_typed(f"python -m flows.state accept {directory}")
    for name, site in sites.items():
        before = known.sinks.get(name) if known else None
        if known is not None and before is None and known.state == here:
            continue  # a new sink
        if known is not None and before is not None and before.path == site.path and (known.state != here or before.folder != site.folder):
            yield _elsewhere(name, here, known, before, site, accept)
        elif known is None or before is None or before.path != site.path:
            files = list(_known_files(directory, name, _template(sinks[name]), steps[name]))
            strangers = [file for file in files if not file.made]
            # Where one of its files is at home, so is the state: the others are of an earlier path.
            earlier = [file for file in strangers if file.earlier and not any(other.made for other in files)]
            left = [file for file in strangers if file.holds_more]
            if earlier:
                yield _of_an_earlier_release(name, here, earlier, site, accept)
            elif known is not None and before is not None and known.state != here:
                yield _elsewhere(name, here, known, before, site, accept)
            elif left:
                yield _left_behind(name, left, accept)
    if known is not None and known.state != here:
        yield _state_elsewhere(here, known, accept)


def _known_files(directory: Path, name: str, template: PathTemplate, step: str) -> Iterator[KnownFile]:
    states: dict[str, Mapping[str, Any]] = resume_states(directory, step)
    journals = journal_folder(directory)
    noted = {path.name.removeprefix(f"{name}.").removesuffix(".ndjson") for path in journals.glob(f"{name}.*.ndjson")}
    for tenant in sorted({*states, *noted}):
        try:
            yield from known_files(template, tenant, states.get(tenant, {}), journals / f"{name}.{tenant}.ndjson")
        except JournalDamaged as error:
            msg = f"{error}. Restore the state directory as a whole from a backup."
            raise StateUnusable(msg) from None


def _elsewhere(name: str, here: str, known: Place, before: Site, site: Site, accept: str) -> str:
    where = f"with the files of sink {name} in {before.folder}"
    if before.folder == site.folder:
        now = f"It is in {here} now, but the files are the same ones: to resume cuts them back to what this state knows of them."
    else:
        now = f"Now it is in {here}, and they would be in {site.folder}."
    return (
        f"The state directory was last used as {known.state}, {where}. {now} Was it moved, or restored from a backup? Then accept its new "
        f"place once, and it resumes exactly: {accept}. Was it copied? Then the original goes on polling the same organisations, so that "
        "every event arrives twice, in two places; if that is meant, accept it in the same way. Nothing was changed."
    )


def _state_elsewhere(here: str, known: Place, accept: str) -> str:
    return (
        f"The state directory was last used as {known.state}, and is in {here} now. Was it moved, or restored from a backup? Then accept "
        f"its new place once, and it resumes exactly: {accept}. Was it copied? Then the original goes on polling the same organisations, "
        "and every event is sent to the same targets twice; if that is meant, accept it in the same way. Nothing was changed."
    )


def _of_an_earlier_release(name: str, here: str, found: list[KnownFile], site: Site, accept: str) -> str:
    return (
        f"The state directory {here}, written by an earlier release, knows files of sink {name} at another place: {_told(found)}. Now they "
        f"would be in {site.folder}. Was it moved? Then accept its new place once, and it resumes exactly: {accept}. Was it copied? Then "
        "the original goes on polling the same organisations, so that every event arrives twice, in two places; if that is meant, accept "
        "it in the same way. Was the sink's path changed? Start once with the old one. Nothing was changed."
    )


def _left_behind(name: str, left: list[KnownFile], accept: str) -> str:
    return (
        f"The path of sink {name} was changed after a run that was killed: {_told(left)} hold events behind the last snapshot, which "
        "come again and would then be there and at the new path. Start once with the old path, which cuts them back; stop, and change it "
        f"then. Or accept that they are there twice: {accept}. Nothing was changed."
    )


def _told(found: list[KnownFile]) -> str:
    more = f" and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    return ", ".join(file.path for file in found[:_MOST_TOLD]) + more
