"""A record of the log is one line, whatever somebody else wrote into it."""

import logging

import pytest

from flows.runtime.lifecycle import _UtcFormatter


def lines_of(record: logging.LogRecord) -> list[str]:
    return _UtcFormatter("%(asctime)s %(levelname)s %(message)s").format(record).split("\n")


def record(message: str, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, "x.py", 1, "acme: %s", (message,), exc_info)  # type: ignore[arg-type]


@pytest.mark.parametrize("evil", ["\n2026-01-01T00:00:00.000Z ERROR beta: forged", "\r\n\r\n", "\x1b[2Jx", "\x9b0m", "\u202ex"])
def test_a_message_can_neither_forge_a_line_nor_steer_a_terminal(evil: str) -> None:
    (line,) = lines_of(record(f"said{evil}"))
    assert line.isprintable()
    assert " WARNING acme: said" in line


def test_a_traceback_keeps_its_lines_and_nothing_in_them_steers() -> None:
    try:
        message = "no\x1b[31m\u202e way"
        raise ValueError(message)
    except ValueError as error:
        first, *more = lines_of(record("said\nmore", (ValueError, error, error.__traceback__)))
    assert first.endswith("acme: said more")
    assert more[0] == "Traceback (most recent call last):"
    assert any(line.startswith("  File ") for line in more)
    assert all(line.isprintable() for line in more)
    assert more[-1] == "ValueError: no\ufffd[31m\ufffd way"
