"""`python -m flows.backfill`: makes the state directory where there is none, and becomes `python -m bytewax.run flows.backfill`."""

import argparse
import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from flows.backfill.plan import PlanRefused
from flows.backfill.running import REPORT, SINCE, TENANTS, UNTIL, asked_for, prepare
from flows.configuration.settings import CONFIG_VARIABLE, DEFAULT_PATH, ConfigurationError
from flows.runtime.lifecycle import EXIT_CONFIGURATION
from flows.runtime.owner import hold_for_life
from flows.runtime.stores import StateUnusable, holds_stores, make_directory, make_stores
from okta_source.output import shape_help

__all__ = ["main", "make_parser"]

_STATE = "backfill-state"


def main(argv: Sequence[str] | None = None, environ: MutableMapping[str, str] = os.environ) -> int:
    """Run the command. Where all is well it doesn't return: the run takes the process over.

    Args:
        argv: Arguments without the program's name; by default those of the process.
        environ: The environment, which the run inherits.

    Returns:
        2 for a wrong configuration or argument.
    """
    arguments = make_parser().parse_args(argv)
    asked = asked_for(arguments.since, arguments.until, arguments.tenant, environ)
    state: Path = arguments.state.absolute()
    try:
        prepare(arguments.config, asked, state if holds_stores(state) else None)
        if not holds_stores(state):
            make_directory(state)
            # Given up when the run takes this process over, which takes it again first of all.
            hold_for_life(state)
            if not holds_stores(state):
                make_stores(state, 1)
    except (ConfigurationError, StateUnusable, PlanRefused, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    given = {
        CONFIG_VARIABLE: arguments.config,
        SINCE: asked.since,
        UNTIL: asked.until,
        TENANTS: ",".join(asked.tenants) if asked.tenants else None,
        REPORT: str(arguments.report) if arguments.report else None,
    }
    environ.update({name: value for name, value in given.items() if value is not None})
    command = [sys.executable, "-m", "bytewax.run", "flows.backfill", "-r", str(state), "-s", "10", "-b", "0"]
    sys.stdout.flush()
    sys.stderr.flush()
    return os.execve(sys.executable, command, dict(environ))  # noqa: S606  # no shell, and nothing but our own interpreter


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m flows.backfill", description="Fetch a span of history into the configured sinks.")
    add = parser.add_argument
    add("--since", metavar="WHEN", help="a look-back such as 7d, or an ISO 8601 time (default: 90d, all that Okta keeps)")
    add("--until", metavar="WHEN", help="likewise (default: now)")
    add("--tenant", action="append", metavar="NAME", help="only this tenant; may be given several times (default: all)")
    add("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    add(
        "--state",
        type=Path,
        default=Path(_STATE),
        metavar="DIR",
        help="its own state directory, made where there is none (default: %(default)s)",
    )
    add("--report", type=Path, metavar="FILE", help="write the counts of every hour: CSV for *.csv, otherwise a JSON line for each")
    shape_help(
        parser,
        {
            0: "complete; or stopped by a signal: the same command continues",
            1: "some slices could not be fetched: the same command tries them again",
            2: "the configuration, an argument or the state directory is wrong: no request was made",
            3: "a sink can't go on: the same command continues",
        },
        ["python -m flows.backfill --since 90d", "python -m flows.backfill --since 30d --until 1h --tenant acme --report hours.csv"],
    )
    return parser
