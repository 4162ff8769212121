"""`--help` in one shape for every command: what it does, its options with their defaults, its exit codes, an example to type."""

import argparse
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["SCRIPT", "as_typed", "shape_help", "speak_as_script"]

SCRIPT: Final = "bytewax-okta"
"""The console script that has all commands."""

_WIDTH = 100
_LONG = re.compile(r"python -m (?:flows|okta_source)(?:[. ](?=[a-z]))?")
_by_script = False


def speak_as_script() -> None:
    """From now on help shows commands as those of the console script."""
    global _by_script  # noqa: PLW0603  # how a process was called, it was called for good
    _by_script = True


def as_typed(text: str) -> str:
    """A text with its commands as whoever asks has typed theirs: `python -m flows.audit`, or `bytewax-okta audit`."""
    if not _by_script:
        return text
    return _LONG.sub(lambda found: SCRIPT + (" " if found[0][-1] in ". " else ""), text)


class _Help(argparse.RawDescriptionHelpFormatter):
    def format_help(self) -> str:
        return as_typed(super().format_help())


def shape_help(parser: argparse.ArgumentParser, exits: Mapping[int, str], examples: Sequence[str], notes: str = "") -> None:
    """Put exit codes and examples below the options.

    Args:
        parser: Of the command; its description says what the command does, and its options' helps say their defaults.
        exits: What each exit code means.
        examples: Command lines as they are typed.
        notes: What has to be known besides.
    """
    parser.prog = as_typed(parser.prog)
    parser.formatter_class = _Help
    parser.description = "\n".join(textwrap.fill(line, _WIDTH) for line in (parser.description or "").splitlines())
    codes = [textwrap.fill(meaning, _WIDTH, initial_indent=f"  {code:<4} ", subsequent_indent=" " * 7) for code, meaning in exits.items()]
    parts = ["\n".join(["exit codes:", *codes]), "\n".join(["examples:", *(f"  {example}" for example in examples)])]
    parser.epilog = "\n\n".join([textwrap.fill(notes, _WIDTH), *parts] if notes else parts)
