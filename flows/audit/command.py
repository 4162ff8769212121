"""`python -m flows.audit`: the same audit with options instead of variables, and a state directory that takes care of itself."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flows.audit.plan import DEFAULT_BUDGET, DEFAULT_SINCE, DEFAULT_UNTIL
from flows.audit.run import FINISHED_FILE, NOTES_FOLDER
from flows.audit.steps import FLOW_ID
from flows.runtime.lifecycle import EXIT_CONFIGURATION
from flows.runtime.owner import hold_for_life
from flows.runtime.recovery import check_flow
from flows.runtime.stores import StateUnusable, holds_stores, make_directory, make_stores
from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH
from okta_source.output import shape_help

__all__ = ["main", "make_parser"]

_SNAPSHOT_SECONDS: Final = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Become `bytewax.run flows.audit`.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        2 when the state directory can't be used; otherwise the process goes on as the flow.
    """
    arguments = make_parser().parse_args(argv)
    command = [sys.executable, "-m", "bytewax.run", "flows.audit"]
    if arguments.state is not None:
        state = Path(arguments.state).absolute()
        try:
            _prepare(state)
        except (OSError, StateUnusable) as error:
            sys.stderr.write(f"{error}\n")
            return EXIT_CONFIGURATION
        command += ["-r", str(state), "-s", str(_SNAPSHOT_SECONDS), "-b", "0"]
    # Not a child: signals shall reach the flow itself.
    return os.execve(sys.executable, command, {**os.environ, **_environment(arguments)})  # noqa: S606


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.audit",
        description="Compare what Okta holds with what file archives and search indices hold, hour by hour. Safe beside a running flow.",
    )
    parser.add_argument("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    parser.add_argument(
        "--since", metavar="WHEN", help=f"from when on: a look-back such as 7d, or an ISO 8601 time (default: {DEFAULT_SINCE})"
    )
    parser.add_argument("--until", metavar="WHEN", help=f"to when: an hour ago or earlier (default: {DEFAULT_UNTIL})")
    parser.add_argument("--tenant", metavar="NAME", action="append", help="only this tenant; may be given several times")
    parser.add_argument("--sink", metavar="NAME", action="append", help="only this sink; may be given several times")
    parser.add_argument("--repair", action="store_true", help="deliver what is missing to the sink that lacks it")
    parser.add_argument("--repair-deleted", action="store_true", help="with --repair: deliver days that were deleted again, too")
    parser.add_argument(
        "--budget", metavar="SHARE", help=f"how much of each organisation's rate limit may be used, up to 1 (default: {DEFAULT_BUDGET:g})"
    )
    parser.add_argument("--state", metavar="DIR", help="a folder of the audit's own: one that was interrupted goes on from there")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    shape_help(
        parser,
        {
            0: "every archive holds every event, or does after the repair; or stopped by a signal: the same command continues",
            1: "something is missing, or could not be compared or asked for",
            2: "the configuration, an argument or the state directory is wrong: no request was made",
            3: "a sink can't take repairs: the same command continues",
        },
        ["python -m flows.audit --since 7d", "python -m flows.audit --since 25h --tenant acme --repair"],
    )
    return parser


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    """The options as the flow reads them; those of the environment hold where nothing was given."""
    texts = {
        CONFIG_VARIABLE: arguments.config,
        "OKTA_AUDIT_SINCE": arguments.since,
        "OKTA_AUDIT_UNTIL": arguments.until,
        "OKTA_AUDIT_TENANTS": ",".join(arguments.tenant) if arguments.tenant else None,
        "OKTA_AUDIT_SINK": ",".join(arguments.sink) if arguments.sink else None,
        "OKTA_AUDIT_REPAIR": "1" if arguments.repair else None,
        "OKTA_AUDIT_REPAIR_DELETED": "1" if arguments.repair_deleted else None,
        "OKTA_AUDIT_BUDGET": arguments.budget,
        "OKTA_AUDIT_JSON": "1" if arguments.json else None,
    }
    return {name: text for name, text in texts.items() if text is not None}


def _prepare(directory: Path) -> None:
    """Make the state directory, or empty it where the audit in it has come to its end.

    Raises:
        OSError: It can't be written.
        StateUnusable: It can't be made, or another run lives on it, or it is another flow's.
    """
    make_directory(directory)
    # Given up when the flow takes this process over, which takes it again first of all.
    hold_for_life(directory)
    notes = directory / NOTES_FOLDER
    if (notes / FINISHED_FILE).exists():
        # What says that it may go goes last, so that this can be interrupted anywhere.
        leftovers = [
            *directory.glob("part-*.sqlite3*"),
            directory / "files",
            *(path for path in notes.iterdir() if path.name != FINISHED_FILE),
        ]
        for path in leftovers:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        (notes / FINISHED_FILE).unlink()
    check_flow(directory, FLOW_ID)
    if not holds_stores(directory):
        make_stores(directory, 1)
