"""What lies in a state directory, and saying that it may be used where it is now.

    python -m flows.state show DIR
    python -m flows.state accept DIR

| exit | meaning |
|---|---|
| 0 | done |
| 2 | there is no such state directory, or a run lives on it |
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.runtime.lifecycle import EXIT_CONFIGURATION
from flows.runtime.owner import hold, holders
from flows.runtime.place import accept_any_place, known_place
from flows.runtime.recovery import check_usable, flows_in
from flows.runtime.stores import StateUnusable, store_names
from okta_source.output import run_command, shape_help

__all__ = ["main", "make_parser"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        0, or 2 for a directory that can't be used.
    """
    arguments = make_parser().parse_args(argv)
    directory: Path = arguments.directory.absolute()
    try:
        check_usable(directory, alone=True)
        lines = list(_accept(directory) if arguments.action == "accept" else _show(directory))
    except (StateUnusable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _show(directory: Path) -> Iterator[str]:
    yield f"state directory  {directory}"
    yield f"flow             {', '.join(flows_in(directory)) or 'none yet'}"
    yield f"stores           {', '.join(store_names(directory))}"
    for number, holder in enumerate(holders(directory)):
        yield f"{'' if number else 'in use by':<17}{holder.describe()}"
    if not holders(directory):
        yield "in use by        nobody"
    place = known_place(directory)
    if place is None:
        yield "at home          nowhere yet: no run has used it"
        return
    yield f"at home          {place.state}"
    for name, site in place.sinks.items():
        yield f"{'files of ' + name:<16} {site.path}, in {site.folder}"
    if place.accepts_any:
        yield "                 the next run takes the place where it finds itself"


def _accept(directory: Path) -> Iterator[str]:
    store = directory / store_names(directory)[0]
    if store.stat().st_uid != os.geteuid():
        # What root writes here the flow could not read.
        msg = f"{store} belongs to user {store.stat().st_uid}, the flow's: run this as that user (sudo -u)."
        raise StateUnusable(msg)
    with hold(directory):
        accept_any_place(directory)
    yield f"The next run on {directory} takes it as it is: files are continued where the configuration puts them."


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m flows.state", description="Look at a state directory, or accept it where it is now.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    words = {
        "show": "who uses it, which flow's it is, and which files belong to it",
        "accept": "let the next run resume it at another place than it knows: after a move, a restore, or for a copy that is meant",
    }
    for name, text in words.items():
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("directory", metavar="DIR", type=Path, help="the state directory")
    shape_help(
        parser,
        {0: "done", 2: "the state directory can't be used"},
        ["python -m flows.state show /var/lib/okta/state", "python -m flows.state accept /var/lib/okta/state"],
        "To move it to another folder or machine: stop the run, copy the configuration's folder as a whole (configuration, secrets, state, "
        "data with outbox and dead letters), accept the state at its new place, and run it there. docs/move.md has backup, restore and "
        "other releases too.",
    )
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
