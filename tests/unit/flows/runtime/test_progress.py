"""How far a run is, on a terminal's last line."""

import os
import pty
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import ioctl
from io import StringIO
from struct import pack
from termios import TIOCSWINSZ
from typing import TextIO

import pytest

from flows.runtime.last_line import LastLine
from flows.runtime.progress import Progress


@dataclass
class Tenant:
    events: int = 0
    lag: float | None = None
    drained: bool | None = None
    is_up: bool | None = True
    display_name: str = "Ächme Inc."
    high_water: float | None = None
    failing: tuple[str, str] | None = None
    resumed_from: float | None = None

    def new_events(self) -> int:
        return self.events

    def lag_seconds(self) -> float | None:
        return self.lag


def test_the_fullest_form_that_fits_is_taken() -> None:
    tenants = {"acme": Tenant(1_200_000, 700.0), "globex": Tenant(5_000, 0.0, drained=True), "initech": Tenant(is_up=False)}
    at = Progress(3)
    full = at.line(tenants, 1_230_000, 2, 100.0, 140)
    assert full == ("1,205,000 events, 0/s, 1 of 3 caught up, 1 failing, behind at most 12 min (acme), outbox 1.2 MB, 2 dead letters")
    short = at.line(tenants, 1_230_000, 2, 100.0, 100)
    assert short == "1,205,000 events, 0/s, 1/3 caught up, 1 failing, 12 min behind, outbox 1.2 MB, 2 dead"
    assert at.line(tenants, 1_230_000, 2, 100.0, 20) == short, "the terminal cuts it"


def test_what_is_well_takes_no_room() -> None:
    at = Progress(2)
    assert at.line({}, 0, 0, 0.0, 119) == "0 events, 0/s, 0 of 2 caught up, nobody has answered yet, outbox 0.0 MB, 0 dead letters"
    tenants = {"acme": Tenant(10, 0.0, drained=True), "globex": Tenant(0, 0.0, drained=True)}
    assert at.line(tenants, 0, 0, 1.0, 119) == "10 events, 10/s, 2 of 2 caught up, nobody behind, outbox 0.0 MB, 0 dead letters"
    assert at.line(tenants, 0, 0, 1.0, 60) == "10 events, 10/s, 2/2 caught up"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    at = Progress(1)
    lines = [at.line({"acme": Tenant(min(second, 20) * 100, 0.0)}, 0, 0, float(second), 80) for second in range(40)]
    assert "1,000 events, 100/s" in lines[10]
    assert "2,000 events, 0/s" in lines[39]


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, int]]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        yield stream, ours
    os.close(ours)


def assert_shown(terminal: int, expected: bytes) -> None:
    """A terminal hands over what was written in as many pieces as it likes."""
    found = b""
    while len(found) < len(expected):
        found += os.read(terminal, len(expected) - len(found))
    assert found == expected


def test_a_line_is_overwritten_and_cleared(terminal: tuple[TextIO, int]) -> None:
    stream, ours = terminal
    ioctl(stream.fileno(), TIOCSWINSZ, pack("HHHH", 24, 20, 0, 0))
    line = LastLine(stream)
    line.clear()
    line.show("Ä long one that does not fit")
    line.show("short")
    line.clear()
    line.clear()
    assert_shown(ours, f"\r? long one that doe\r{'short'.ljust(19)}\r{' ' * 5}\r".encode())
    line.show("something")
    ioctl(stream.fileno(), TIOCSWINSZ, pack("HHHH", 24, 6, 0, 0))
    line.show("another")
    assert_shown(ours, b"\rsomething\ranoth")
    ioctl(stream.fileno(), TIOCSWINSZ, pack("HHHH", 0, 0, 0, 0))
    assert line.columns == 79, "a terminal that does not know its size has the usual one"


def test_elsewhere_nothing_is_shown() -> None:
    stream = StringIO()
    line = LastLine(stream)
    line.show("something")
    line.clear()
    assert (line.is_terminal, stream.getvalue()) == (False, "")
