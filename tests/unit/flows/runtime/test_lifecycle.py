"""A record of the log is one line, whatever somebody else wrote into it."""

import json
import logging

import pytest

from flows.runtime.logs import _JsonFormatter, _UtcFormatter, configure_logging, log_as, warn_of


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


@pytest.mark.parametrize("evil", ["\nforged", "\x1b[2Jx", "\u202ex", "\ud83d", "Zürich"])
def test_a_record_as_json_is_one_line_of_ascii_with_its_values(evil: str) -> None:
    told = record(f"said{evil}")
    told.told = {"event": "connected", "tenant": "acme", "events": 412}
    line = _JsonFormatter().format(told)
    assert line.isascii()
    assert line.isprintable()
    values = json.loads(line)
    assert values["level"] == "WARNING"
    assert values["message"].isprintable()
    assert (values["event"], values["tenant"], values["events"]) == ("connected", "acme", 412)


def test_a_traceback_as_json_is_a_list_of_lines() -> None:
    try:
        message = "no\x1b[31m way"
        raise ValueError(message)
    except ValueError as error:
        values = json.loads(_JsonFormatter().format(record("said", (ValueError, error, error.__traceback__))))
    assert values["traceback"][0] == "Traceback (most recent call last):"
    assert values["traceback"][-1] == "ValueError: no\ufffd[31m way"


def test_the_configuration_chooses_the_form(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    try:
        configure_logging()
        warn_of(["look"])
        log_as("json")
        warn_of(["again"])
    finally:
        root.setLevel(level)
    text, as_json = capsys.readouterr().err.splitlines()
    assert text == "warning: look"
    assert json.loads(as_json)["message"] == "again"
