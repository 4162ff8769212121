"""The command: prints the completion of a shell, read from the commands' own parsers, so that it knows every option there is."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

import okta_source.__main__ as of_okta_source
from flows.commands import COMMANDS, OWN
from flows.completion.shells import bash, fish, zsh
from flows.completion.words import CommandWords, words_of
from okta_source.output import SCRIPT, shape_help

__all__ = ["main", "make_parser"]

_SHELLS: Final[dict[str, Callable[[str, Sequence[CommandWords]], str]]] = {"bash": bash, "zsh": zsh, "fish": fish}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        0.
    """
    arguments = make_parser().parse_args(argv)
    commands = [words_of(name, does, parser_of(name)) for name, does in COMMANDS.items()]
    sys.stdout.write(_SHELLS[arguments.shell](SCRIPT, commands))
    return 0


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of one of `COMMANDS`."""
    if name in OWN:
        parser: argparse.ArgumentParser = import_module(f"flows.{name}.command").make_parser()
        return parser
    parser = argparse.ArgumentParser()
    import_module(of_okta_source.COMMANDS[name][0]).add_arguments(parser)
    return parser


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.completion", description=f"Print what makes a shell complete {SCRIPT}: its commands and their options."
    )
    parser.add_argument("shell", choices=list(_SHELLS), help="whose")
    shape_help(
        parser,
        {0: "printed", 2: "there is none for such a shell"},
        [f"python -m flows.completion {shell}" for shell in _SHELLS],
        f"bash: source <({SCRIPT} completion bash), in ~/.bashrc. zsh: the same behind compinit, in ~/.zshrc. "
        f"fish: {SCRIPT} completion fish > ~/.config/fish/completions/{SCRIPT}.fish",
    )
    return parser
