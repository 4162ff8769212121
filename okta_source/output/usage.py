"""`--help` in one shape for every command: what it does, its options with their defaults, its exit codes, an example to type."""

import argparse
import textwrap
from collections.abc import Mapping, Sequence

__all__ = ["shape_help"]

_WIDTH = 100


def shape_help(parser: argparse.ArgumentParser, exits: Mapping[int, str], examples: Sequence[str], notes: str = "") -> None:
    """Put exit codes and examples below the options.

    Args:
        parser: Of the command; its description says what the command does, and its options' helps say their defaults.
        exits: What each exit code means.
        examples: Command lines as they are typed.
        notes: What has to be known besides.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "\n".join(textwrap.fill(line, _WIDTH) for line in (parser.description or "").splitlines())
    codes = [textwrap.fill(meaning, _WIDTH, initial_indent=f"  {code:<4} ", subsequent_indent=" " * 7) for code, meaning in exits.items()]
    parts = ["\n".join(["exit codes:", *codes]), "\n".join(["examples:", *(f"  {example}" for example in examples)])]
    parser.epilog = "\n\n".join([textwrap.fill(notes, _WIDTH), *parts] if notes else parts)
