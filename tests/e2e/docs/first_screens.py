"""The README's first screens as somebody follows them from nothing: the demo, an Okta that goes on, a further sink."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.docs.terminal import Terminal
from tests.unit.docs.pages import ROOT, Block, blocks

__all__ = ["blocks_of", "opened", "the_sink"]


def blocks_of(heading: str) -> list[Block]:
    """The README's command blocks below a heading."""
    page = ROOT / "README.md"
    lines = page.read_text().splitlines()
    found = [block for block in blocks(page) if block.language == "console"]
    return [block for block in found if next(line for line in reversed(lines[: block.line]) if line.startswith("## ")) == f"## {heading}"]


@contextmanager
def opened(folder: Path) -> Iterator[Terminal]:
    """A terminal in which the simulated organisations of the README run already."""
    simulate, run = [block for block in blocks_of("Five minutes, without an Okta") if "skip" not in block.options]
    with Terminal(folder, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}) as terminal:
        terminal.run(simulate)
        terminal.run(run)
        yield terminal


def the_sink(options: str) -> list[Block]:
    """The README's commands for a further sink, for another one than the page's; the run goes on until the terminal closes."""
    (block,) = [block for block in blocks_of("Five minutes, without an Okta") if "init sink" in block.text]
    add, check, run = re.findall(r"^\$ .*\n", block.text, re.MULTILINE)
    add, found = re.subn(r"--type .*", options, add)
    if not found:
        pytest.fail("the README's command for a sink is another one")
    name = re.search(r"--name (\S+)", options)
    check = check.replace("--sink hook", f"--sink {name[1]}") if name else check
    goes_on = {"background": "", "until-line": "connected"}
    return [replace(block, text=add + check, options={"run": ""}), replace(block, text=run, options=goes_on)]
