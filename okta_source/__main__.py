"""`python -m okta_source COMMAND`: one module per command, imported only when it is asked for.

A command's module has `add_arguments(parser)` and `run(arguments)`, which returns the exit status.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from okta_source.output import as_typed, run_command

COMMANDS = {
    "check": ("okta_source.check.command", "say of every organisation whether it can be collected from here, and what to change if not"),
    "authorize": ("okta_source.auth.authorize.command", "sign in once at Okta for a tenant with method refresh_token"),
    "init": ("okta_source.init.command", "add an organisation to the configuration: asks for what it needs and says where to find it"),
    "status": ("okta_source.status.command", "the fleet as a table, from the metrics endpoints of one or more processes"),
    "hooks": ("okta_source.hooks.command", "receive event hooks and EventBridge deliveries into the spool that the main flow reads"),
    "simulate": ("okta_source.simulator.command", "run Okta organisations on this machine, for tests and demonstrations"),
}
"""Command → its module and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit status: 0 for success, 2 for wrong arguments, others as the command says.
    """
    arguments_given = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(
        prog=as_typed("python -m okta_source"), description="Connecting, checking and watching organisations. All else: python -m flows."
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((argument for argument in arguments_given if not argument.startswith("-")), None)
    for name, (module_name, summary) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            module = importlib.import_module(module_name)
            module.add_arguments(subparser)
    if not arguments_given:
        parser.print_help()
        return 0
    arguments = parser.parse_args(arguments_given)
    status: int = importlib.import_module(COMMANDS[arguments.command][0]).run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(run_command(main))
