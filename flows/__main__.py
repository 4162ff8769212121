"""`python -m flows`: the commands, a line each; `python -m flows COMMAND …` runs one, as `python -m flows.COMMAND` does."""

import importlib
import sys
from collections.abc import Sequence

from okta_source.output import run_command

COMMANDS = {
    "check": "say of every organisation and every sink whether all is well, and what to change if not",
    "cluster": "run the main flow as several processes on this machine",
    "backfill": "fetch a span of history into the configured sinks",
    "audit": "compare what Okta holds with what the archives hold, and deliver what is missing",
    "replay": "send dead letters again",
    "search": "find events or alerts in what file sinks wrote",
    "tail": "follow what the flow writes",
    "detections": "the rules in force, what is wrong with them, what they mean",
    "backtest": "run rules over what file sinks wrote",
    "state": "look at a state directory, or accept it where it is now",
}
"""Command → what it does."""

_OTHERS = """\
The main flow:
  python -m bytewax.run flows.system_log [-r STATE -s 10 -b 0]

Connecting, checking and watching organisations:
  python -m okta_source
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, or say which there are.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The command's exit status; 0 for the list, 2 where there is no such command.
    """
    name, *rest = [*(sys.argv[1:] if argv is None else argv), ""]
    if name in COMMANDS:
        status: int = importlib.import_module(f"flows.{name}.command").main(rest[:-1])
        return status
    lines = [f"  {command:<11} {does}" for command, does in COMMANDS.items()]
    told = "\n".join(["usage: python -m flows COMMAND …, or python -m flows.COMMAND …", "", *lines, "", _OTHERS])
    if name in ("", "-h", "--help"):
        sys.stdout.write(told)
        return 0
    sys.stderr.write(f"python -m flows: there is no command {name!r}\n{told}")
    return 2


if __name__ == "__main__":
    sys.exit(run_command(main))
