"""Which commands there are. Their modules are imported only when they are asked for."""

from importlib import import_module
from typing import Any, Final

import okta_source.__main__ as of_okta_source

__all__ = ["COMMANDS", "END_WITH_READER", "GROUPS", "OWN", "module_of", "run_command_named"]

OWN: Final = {
    "init": "add an organisation to the configuration, or a sink (init sink): asks for what it needs",
    "run": "run the main flow: every organisation's events into the configured sinks",
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
    "completion": "print what makes a shell complete these commands: bash, zsh or fish",
}
"""Command → what it does; those of `python -m flows.COMMAND`."""

COMMANDS: Final = {**{name: does for name, (_, does) in of_okta_source.COMMANDS.items()}, **OWN}
"""Command → what it does; all of them."""

GROUPS: Final = {
    "Connect organisations": ("init", "authorize", "check", "simulate"),
    "Bring events in": ("run", "cluster", "hooks", "backfill"),
    "Watch and mend": ("status", "tail", "audit", "replay", "state"),
    "Search and detect": ("search", "detections", "backtest"),
    "This program": ("completion",),
}
"""All of them as the help shows them."""

END_WITH_READER: Final = frozenset({"search", "tail"})
"""Those that are of use only as long as somebody reads what they print."""


_ONE_MODULE: Final = frozenset({"run", "state", "completion"})


def module_of(name: str) -> Any:
    """The module of one of `OWN`, with `main` and `make_parser`: a small command is one, the others are rooms with a `command`."""
    return import_module(f"flows.{name}" if name in _ONE_MODULE else f"flows.{name}.command")


def run_command_named(name: str, arguments: list[str]) -> int:
    """Run one of `COMMANDS`; returns its exit status."""
    if name in OWN:
        status: int = module_of(name).main(arguments)
        return status
    return of_okta_source.main([name, *arguments])
