"""Runs a page's blocks one after the other in one folder, as somebody would who reads it with a terminal beside it."""

import difflib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.harness import free_ports, wait_for
from tests.unit.docs.pages import Block

_PATIENCE_SECONDS = 60.0
_STOP_SECONDS = 20.0


class Terminal:
    """A folder, an environment, and what runs in the background until the page ends.

    Args:
        folder: Where commands run.
        environment: What they have in their environment beside what this process has.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        # Another installation than this one may be what is looked at: `make package`.
        self._python = os.environ.get("DOCS_PYTHON", sys.executable)
        self._environment = {
            **os.environ,
            "PATH": f"{Path(self._python).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "120",
            "BYTEWAX_DATAFLOW_API_PORT": str(free_ports(1)[0]),
            "BYTEWAX_DATAFLOW_API_CACHE_PATH": str(folder),
            **environment,
        }
        self._background = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._background.close()

    def run(self, block: Block) -> None:
        """Do what the block's first line says."""
        options = block.options
        if "skip" in options:
            return
        if name := options.get("file", options.get("append")):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if "append" in options else "w") as file:
                file.write(block.text if "file" in options else f"\n{block.text}")
        if block.language == "python" and "run" in options:
            self._run(shlex.join([self._python, "-c", block.text]), "", block)
        elif block.language == "console" and options.keys() & {"run", "background"}:
            *first, last = _commands(block.text)
            for command, expected in first:
                self._run(command, expected, block)
            if "until-file" in options or "until-line" in options:
                self._start(*last, block)
            else:
                self._run(*last, block, code=int(options.get("exit", "0")))

    def _run(self, command: str, expected: str, block: Block, code: int = 0) -> None:
        if command.startswith("export "):
            self._environment.update(dict([command.removeprefix("export ").split("=", 1)]))
            return
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=_PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{block}: {command}\nexit {done.returncode}\n{done.stdout}"
        compare(expected, done.stdout, f"{block}: {command}")

    def _start(self, command: str, expected: str, block: Block) -> None:
        """Start what doesn't end by itself, and wait for its sign."""
        # The usual ports may be in use on a machine where other tests run.
        command += " --port 0" if re.search(r"\b(okta_source|bytewax-okta) simulate\b", command) else ""
        command += f" --port-base {free_ports(1)[0]}" if "flows.cluster" in command else ""
        log = self.folder / f".output-{block.line}.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec env {command}"],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

        def stop() -> None:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            assert code == 0, f"{block}: {command}\nexit {code}\n{log.read_text()}"
            compare(expected, log.read_text(), f"{block}: {command}")

        def there() -> bool:
            assert process.poll() is None, f"{block}: {command}\nhas ended with {process.returncode}\n{log.read_text()}"
            if "until-line" in block.options:
                return block.options["until-line"] in log.read_text()
            return any(path.stat().st_size for path in self.folder.glob(block.options["until-file"]))

        stack = self._background if "background" in block.options else ExitStack()
        stack.callback(stop)
        with stack if stack is not self._background else ExitStack():
            wait_for(there, f"{block}: {command}: {log.read_text()}", _PATIENCE_SECONDS)


def missing(block: Block) -> str:
    """The program that a block needs and this machine has not."""
    program = block.options.get("needs", "")
    return "" if not program or any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(os.pathsep)) else program


def compare(expected: str, printed: str, what: str) -> None:
    """Assert that a command printed what the page shows; a page that shows nothing says nothing about it."""
    if not expected.strip():
        return
    # How wide a terminal is, and so where lines are broken, is no matter of the page.
    shown, got = (" ".join(text.split()) for text in (expected, printed))
    if re.fullmatch(re.escape(shown).replace("…", ".*?"), got) is None:
        diff = difflib.unified_diff(expected.splitlines(), printed.splitlines(), "the page", "the command", lineterm="")
        pytest.fail("\n".join([what, *diff]))


def _commands(text: str) -> list[tuple[str, str]]:
    """Each command behind its `$ `, with the lines below it."""
    found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    # What begins with two spaces and a sharp is for the reader.
    return [(re.sub(r"\s{2,}# .*", "", command), output) for command, output in found]
