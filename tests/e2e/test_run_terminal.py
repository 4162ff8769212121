"""`bytewax-okta run` at a terminal: one line that overwrites itself, and none of it anywhere else."""

import os
import pty
import re
import signal
import subprocess
import threading
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import DEADLINE_SECONDS, Workplace, wait_for
from tests.e2e.test_run import SCRIPT

LOGGED = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|WARNING|ERROR) ")


class Watched:
    """A run whose stderr is a terminal of so many columns; what it writes is read all the time."""

    def __init__(self, place: Workplace, columns: int, *arguments: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        ioctl(theirs, TIOCSWINSZ, pack("HHHH", 24, columns, 0, 0))
        command = [str(SCRIPT), "run", "--config", str(place.config), "--state", str(place.state), *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, **environment}
        )
        os.close(theirs)
        self._said = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # Linux's way to say that the other side has closed
            while piece := os.read(self._ours, 65536):
                self._said += piece

    @property
    def text(self) -> str:
        return bytes(self._said).decode().replace("\r\n", "\n")

    def stop(self) -> str:
        """What it has written, up to its end."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_SECONDS) == 0, self.text
        self._reader.join()
        os.close(self._ours)
        return self.text


def seen(line: str) -> str:
    """What is left on a terminal of a line that was overwritten."""
    screen = ""
    for piece in line.split("\r"):
        screen = piece + screen[len(piece) :]
    return screen.rstrip()


def overwritten(text: str) -> list[str]:
    """Each state of the line that overwrites itself."""
    pieces = [piece for line in text.split("\n") for piece in line.split("\r")]
    return [piece for piece in pieces if piece.strip() and not LOGGED.match(piece)]


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


ORGANISATIONS = [Organisation("acme", seed=1, events=3000, latency_seconds=0.2), Organisation("globex", seed=2, events=10)]


def prepared(place: Workplace, sim: Simulator) -> None:
    place.add("acme", sim.url("acme"), ORGANISATIONS[0].token, page_limit=200, display_name="Ächme Inc.")
    place.add("globex", sim.url("globex"), ORGANISATIONS[1].token)
    place.write()


BARE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(("columns", "environment"), [(80, {}), (120, {}), (80, BARE)], ids=["80", "120", "C locale"])
def test_a_terminal_has_one_line_that_overwrites_itself(place: Workplace, columns: int, environment: dict[str, str]) -> None:
    with Simulator(ORGANISATIONS) as sim:
        prepared(place, sim)
        watched = Watched(place, columns, **environment)
        try:
            wait_for(lambda: "caught up, nobody behind" in watched.text or "2/2 caught up" in watched.text, "both caught up", 60)
        finally:
            text = watched.stop()
    *lines, last = [seen(line) for line in text.split("\n")]
    assert last == "", "nothing is left of it at the end"
    assert all(LOGGED.match(line) for line in lines), lines
    assert any("caught up; 3,000 events" in line for line in lines), lines
    told = overwritten(text)
    assert max(map(len, told)) < columns
    assert "".join(told).isascii()
    assert "\x1b" not in text
    assert all(re.match(r"[\d,]+ events, [\d,]+/s, \d( of |/)2 caught up", line) for line in told), told
    assert any(line.startswith("3,010 events") for line in told)
    assert len(told) >= 2
    if columns == 120:
        assert any("nobody behind, outbox 0.0 MB, 0 dead letters" in line for line in told)


@pytest.mark.parametrize("how", ["piped", "quiet", "json"])
def test_elsewhere_there_is_none_of_it(place: Workplace, how: str) -> None:
    with Simulator(ORGANISATIONS) as sim:
        place.pipeline = 'log_format = "json"' if how == "json" else ""
        prepared(place, sim)
        if how == "piped":
            with place.log.open("wb") as log:
                command = [str(SCRIPT), "run", "--config", str(place.config), "--state", str(place.state), "--until-drained"]
                assert subprocess.run(command, stdout=log, stderr=log, check=False).returncode == 0
            text = place.log.read_text()
        else:
            watched = Watched(place, 80, *(["--quiet"] if how == "quiet" else []))
            try:
                wait_for(lambda: place.count("acme") == 3000, "events", 60)
                wait_for((place.state / "status.prom").exists, "a second look of the voice's thread", 60)
            finally:
                text = watched.stop()
    assert not {"\r", "\x1b"} & set(text)
    assert "/s," not in text
