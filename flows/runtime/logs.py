"""How a run logs: to stderr, a line a record, in UTC, as text or as JSON."""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from flows.runtime.last_line import LastLine
from okta_source.output import tolerate_any_output
from okta_source.polling.printable import printable

__all__ = ["configure_logging", "log_as", "progress_line", "warn_of"]

_LONGEST_LINE = 4000

_LOG = logging.getLogger(__name__)


class _UtcFormatter(logging.Formatter):
    """One line a record, whatever it says: parts of it were written by servers. A traceback keeps its lines, each of them printable."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        message = record.message.count("\n") + 1  # the traceback stands behind it
        return "\n".join((printable(" ".join(lines[:message]), _LONGEST_LINE), *(_indented(line) for line in lines[message:])))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _JsonFormatter(_UtcFormatter):
    """One JSON object a line, in ASCII, which every terminal and collector takes: at, level, message, and what the record has as values."""

    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, object] = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "message": printable(record.getMessage(), _LONGEST_LINE),
        }
        values |= getattr(record, "told", {})
        if record.exc_info:
            values["traceback"] = [_indented(line) for line in self.formatException(record.exc_info).split("\n")]
        return json.dumps(values)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to stderr, where a line that overwrites itself makes room before."""

    def __init__(self) -> None:
        super().__init__()
        self.last_line = LastLine(self.stream)

    def emit(self, record: logging.LogRecord) -> None:
        with self.last_line.lock:
            self.last_line.clear()
            super().emit(record)


def _indented(line: str) -> str:
    text = line.lstrip(" ")
    return " " * (len(line) - len(text)) + printable(text, _LONGEST_LINE)


def configure_logging() -> None:
    """Log to stderr in UTC, unless somebody has configured logging already; first of all, see that nothing printed can fail."""
    tolerate_any_output()
    root = logging.getLogger()
    if root.handlers:
        return
    handler = _Handler()
    handler.setFormatter(_UtcFormatter("%(asctime)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # urllib3 warns of each broken connection; the source says it better, with the tenant and the fix.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def log_as(log_format: str) -> None:
    """From now on log in the form of the configuration, `text` or `json`, where `configure_logging` has set it up."""
    for handler in logging.getLogger().handlers:
        if log_format == "json" and isinstance(handler.formatter, _UtcFormatter):
            handler.setFormatter(_JsonFormatter())


def progress_line() -> LastLine | None:
    """The line for progress that makes room for what is logged; None where lines are for programs, or nobody sees them."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler) and handler.last_line.is_terminal and not isinstance(handler.formatter, _JsonFormatter):
            return handler.last_line
    return None


def warn_of(warnings: Iterable[str]) -> None:
    """Print what works but deserves a look."""
    is_json = any(isinstance(handler.formatter, _JsonFormatter) for handler in logging.getLogger().handlers)
    for warning in warnings:
        if is_json:
            _LOG.warning("%s", warning)
        else:
            sys.stderr.write(f"warning: {warning}\n")
