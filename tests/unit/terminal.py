"""A person at a real terminal, in front of one of the commands."""

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["talk"]


def talk(folder: Path, command: Sequence[str], answers: Sequence[str]) -> tuple[int, str]:
    """Run a module in a folder, and answer what it asks.

    Args:
        folder: Where it runs.
        command: The module and its arguments.
        answers: What is typed, a line each.

    Returns:
        The exit status, and what stood on the terminal in the end.
    """
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "dumb", "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # Linux's way to say that the other side has closed
        pass
    os.close(ours)
    return process.wait(20), said.decode().replace("\r\n", "\n")
