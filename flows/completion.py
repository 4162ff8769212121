"""`bytewax-okta completion SHELL`: prints what makes a shell complete every command and option, read from the commands' own parsers."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import okta_source.__main__ as of_okta_source
from flows.commands import COMMANDS, OWN, module_of
from okta_source.output import SCRIPT, run_command, shape_help

__all__ = ["CommandWords", "Word", "bash", "fish", "main", "make_parser", "parser_of", "words_of", "zsh"]

_LONGEST: Final = 70


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
        parser: argparse.ArgumentParser = module_of(name).make_parser()
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


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a shell may offer.

    Attributes:
        text: The word: an option such as `--config`, or a command.
        help: What it does, one short line.
        takes_value: Whether the next word belongs to it.
    """

    text: str
    help: str
    takes_value: bool = False


@dataclass(frozen=True, slots=True)
class CommandWords:
    """A command and what can stand behind it.

    Attributes:
        name: As it is typed.
        help: What it does.
        options: Its options, those of its own commands included.
        words: Its own commands, or the values of its argument.
    """

    name: str
    help: str
    options: tuple[Word, ...]
    words: tuple[Word, ...]


def words_of(name: str, help_text: str, parser: argparse.ArgumentParser) -> CommandWords:
    """What can be typed behind a command.

    Args:
        name: The command.
        help_text: What it does.
        parser: Its parser.
    """
    options: dict[str, Word] = {}
    words: dict[str, Word] = {}
    for word in _words(parser):
        (options if word.text.startswith("-") else words).setdefault(word.text, word)
    return CommandWords(name, _short(help_text), tuple(options.values()), tuple(words.values()))


def _words(parser: argparse.ArgumentParser) -> Iterator[Word]:
    for action in parser._actions:  # noqa: SLF001  # argparse has no other list of them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # likewise
            told = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001  # likewise
            for name, sub in action.choices.items():
                yield Word(name, _short(told.get(name, "")))
                yield from _words(sub)
        elif action.option_strings and action.help != argparse.SUPPRESS:
            long = [option for option in action.option_strings if option.startswith("--")]
            yield Word((long or list(action.option_strings))[0], _short(action.help or ""), takes_value=action.nargs != 0)
        elif action.choices:
            yield from (Word(str(choice), "") for choice in action.choices)


def _short(text: str) -> str:
    """The first words of a help text, on one line, without what shells read in quotes."""
    line = " ".join(text.replace("%%", "%").split()).partition(" (default")[0]
    line = "".join(character for character in line if character not in "'\"`\\$:[]")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"


def bash(program: str, commands: Sequence[CommandWords]) -> str:
    """For bash, to be read by `source <(…)`."""
    function = f"_{_identifier(program)}"
    cases = "\n".join(
        f'    {command.name}) options="{_texts(command.options)}"; words="{_texts(command.words)}"; '
        f'valued=" {_texts([word for word in command.options if word.takes_value])} " ;;'
        for command in commands
    )
    return f"""\
# bash completion of {program}; made by: {program} completion bash
{function}() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" options="" words="" valued=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{_texts(commands)}" -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  case "$valued" in *" $previous "*) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}}
complete -o filenames -F {function} {program}
"""


def zsh(program: str, commands: Sequence[CommandWords]) -> str:
    """For zsh, to be read by `source <(…)` after `compinit`, or as a file `_PROGRAM` in `$fpath`."""
    function = f"_{_identifier(program)}"
    cases = "\n".join(
        f"    {command.name}) options=({_described(command.options)}); words_here=({_described(command.words)});"
        f" valued=({_texts([word for word in command.options if word.takes_value])}) ;;"
        for command in commands
    )
    listed = " ".join(f"'{command.name}:{command.help}'" for command in commands)
    return f"""\
#compdef {program}
# zsh completion of {program}; made by: {program} completion zsh
{function}() {{
  local -a commands options words_here valued
  commands=({listed})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
{cases}
  esac
  if (( $valued[(Ie)$words[CURRENT-1]] )); then
    _files
  elif [[ "$words[CURRENT]" == -* ]]; then
    _describe option options
  elif (( $#words_here )); then
    _describe word words_here
  else
    _files
  fi
}}
compdef {function} {program}
"""


def fish(program: str, commands: Sequence[CommandWords]) -> str:
    """For fish, to be read by `source`, or as a file in `completions/`."""
    lines = [
        f"# fish completion of {program}; made by: {program} completion fish",
        *(f"complete -c {program} -n __fish_use_subcommand -f -a {command.name} -d '{command.help}'" for command in commands),
    ]
    for command in commands:
        seen = f"complete -c {program} -n '__fish_seen_subcommand_from {command.name}'"
        lines += [f"{seen} -f -a {word.text} -d '{word.help}'" for word in command.words]
        for word in command.options:
            flag = f"-l {word.text[2:]}" if word.text.startswith("--") else f"-s {word.text[1:]}"
            lines.append(f"{seen} {flag} {'-r ' if word.takes_value else ''}-d '{word.help}'")
    return "\n".join(lines) + "\n"


def _texts(words: Sequence[Word | CommandWords]) -> str:
    return " ".join(word.name if isinstance(word, CommandWords) else word.text for word in words)


def _described(words: Sequence[Word]) -> str:
    return " ".join(f"'{word.text}:{word.help}'" if word.help else f"'{word.text}'" for word in words)


def _identifier(program: str) -> str:
    return program.replace("-", "_")


_SHELLS: Final[dict[str, Callable[[str, Sequence[CommandWords]], str]]] = {"bash": bash, "zsh": zsh, "fish": fish}


if __name__ == "__main__":
    sys.exit(run_command(main))
