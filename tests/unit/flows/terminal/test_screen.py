"""What output can show."""

import io

import pytest

from flows.terminal.screen import screen_of


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


TERM = {"TERM": "xterm", "LANG": "en_US.UTF-8"}


@pytest.mark.parametrize(
    ("environ", "colour", "coloured"),
    [
        (TERM, "auto", True),
        ({**TERM, "NO_COLOR": "1"}, "auto", False),
        ({**TERM, "TERM": "dumb"}, "auto", False),
        ({"LANG": "C.UTF-8"}, "auto", False),
        ({**TERM, "NO_COLOR": "1"}, "always", True),
        (TERM, "never", False),
    ],
)
def test_colours(environ: dict[str, str], colour: str, coloured: bool) -> None:
    assert screen_of(Terminal(), colour, environ).coloured is coloured  # type: ignore[arg-type]


def test_a_pipe_has_no_colours_and_no_width() -> None:
    screen = screen_of(io.StringIO(), "auto", TERM)
    assert (screen.coloured, screen.width, screen.is_terminal) == (False, None, False)
    assert screen.paint("x", "red") == "x"


def test_a_terminal_that_knows_no_unicode_gets_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="iso-8859-1")
    assert screen_of(stream, "auto", TERM).writing.ascii_only


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        (TERM, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, True),  # what Python itself sets in the C locale
        ({"LANG": "C.UTF-8"}, False),
    ],
)
def test_the_c_locale_gets_ascii(environ: dict[str, str], ascii_only: bool) -> None:
    assert screen_of(Terminal(), "auto", environ).writing.ascii_only is ascii_only
