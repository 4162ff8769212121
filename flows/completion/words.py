"""What can be typed behind each command, read from its parser."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["CommandWords", "Word", "words_of"]

_LONGEST: Final = 70


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
