"""`bytewax-okta COMMAND …`, and `python -m flows COMMAND …`: every command there is, by one name."""

import sys
from collections.abc import Sequence

from flows.commands import COMMANDS, END_WITH_READER, GROUPS, run_command_named
from okta_source import __version__
from okta_source.output import SCRIPT, as_typed, run_command, speak_as_script

__all__ = ["console", "main"]

_LONG_FORMS = """\
For Bytewax users, and for clusters over hosts:
  python -m bytewax.run flows.system_log [-r STATE -s 10 -b 0]
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
        return run_command_named(name, rest[:-1])
    if name == "--version":
        sys.stdout.write(f"{SCRIPT} {__version__}\n")
        return 0
    if name in ("", "-h", "--help"):
        sys.stdout.write(_listing())
        return 0
    sys.stderr.write(f"{as_typed('python -m flows')}: there is no command {name!r}\n{_listing()}")
    return 2


def console() -> int:
    """The console script `bytewax-okta`: the same, whose help names it."""
    speak_as_script()
    return _run()


def _run() -> int:
    return run_command(main, ends_with_reader=not END_WITH_READER.isdisjoint(sys.argv[1:2]))


def _listing() -> str:
    program = as_typed("python -m flows")
    parts = [f"usage: {program} COMMAND …      ({program} COMMAND --help says more)\n"]
    for group, names in GROUPS.items():
        parts.append("\n".join([f"{group}:", *(f"  {name:<11} {COMMANDS[name]}" for name in names)]) + "\n")
    return "\n".join([*parts, _LONG_FORMS])


if __name__ == "__main__":
    sys.exit(_run())
