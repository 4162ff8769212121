"""`--sql`: DuckDB over the events that a search finds.

DuckDB's own JSON reader fails a whole query for half an emoji, for bytes that are no UTF-8, and for a line that is still being written. So
events are found as any search finds them, each once, written as plain text to a temporary database, and only there is SQL let loose on
them: without access to files or the network, with its settings locked, since a query is code.

| view | holds |
|---|---|
| `events` | a row for each event: the columns below, and `event`, all of it as JSON: `event ->> '$.debugContext.debugData.requestUri'` |
| `alerts` | a row for each alert, likewise with `alert` |
"""

import csv
import importlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from flows.reading.question import Hit, NotAnEvent, NotSearchable, original_of
from flows.reading.search import Search
from flows.terminal.options import UsageProblem
from flows.terminal.screen import Screen
from flows.terminal.text import width_of

__all__ = ["COLUMNS", "run_sql"]

COLUMNS: Final = (
    ("uuid", "VARCHAR", "$.uuid"), ("published", "TIMESTAMP", "$.published"), ("tenant", "VARCHAR", "$._okta_tenant"),
    ("event_type", "VARCHAR", "$.eventType"), ("action", "VARCHAR", "$._okta_action"), ("category", "VARCHAR", "$._okta_category"),
    ("severity", "VARCHAR", "$.severity"), ("message", "VARCHAR", "$.displayMessage"), ("outcome", "VARCHAR", "$.outcome.result"),
    ("reason", "VARCHAR", "$.outcome.reason"), ("actor", "VARCHAR", "$.actor.alternateId"), ("actor_id", "VARCHAR", "$.actor.id"),
    ("actor_name", "VARCHAR", "$.actor.displayName"), ("actor_type", "VARCHAR", "$.actor.type"), ("ip", "VARCHAR", "$.client.ipAddress"),
    ("country", "VARCHAR", "$.client.geographicalContext.country"), ("city", "VARCHAR", "$.client.geographicalContext.city"),
    ("user_agent", "VARCHAR", "$.client.userAgent.rawUserAgent"), ("as_org", "VARCHAR", "$.securityContext.asOrg"),
    ("is_proxy", "BOOLEAN", "$.securityContext.isProxy"), ("transaction_id", "VARCHAR", "$.transaction.id"),
    ("session_id", "VARCHAR", "$.authenticationContext.externalSessionId"),
    ("request_uri", "VARCHAR", "$.debugContext.debugData.requestUri"),
    ("targets", "VARCHAR[]", "$.target[*].alternateId"), ("target_ids", "VARCHAR[]", "$.target[*].id"),
    ("source", "VARCHAR", "$._okta_source"), ("ingested_at", "TIMESTAMP", "$._okta_ingested_at"),
)  # fmt: skip
"""The columns of `events`: name, type, where it stands in the event."""

_OF_ALERTS: Final = (
    ("uuid", "VARCHAR", "$.uuid"), ("published", "TIMESTAMP", "$.published"), ("tenant", "VARCHAR", "$._okta_tenant"),
    ("rule_id", "VARCHAR", "$.rule.id"), ("rule", "VARCHAR", "$.rule.title"), ("level", "VARCHAR", "$.rule.level"),
    ("kind", "VARCHAR", "$.kind"), ("count", "BIGINT", "$.count"), ("first_event_at", "TIMESTAMP", "$.first_event_at"),
    ("last_event_at", "TIMESTAMP", "$.last_event_at"), ("actor", "VARCHAR", "$.event.actor.alternateId"),
    ("ip", "VARCHAR", "$.event.client.ipAddress"), ("event_type", "VARCHAR", "$.event.eventType"),
)  # fmt: skip
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_MEMORY: Final = "2GB"
_MOST_ROWS: Final = 1000
_INSTALL: Final = "--sql needs DuckDB, which is an extra: pip install 'bytewax-okta[search]'"


def run_sql(
    query: str,
    searches: Callable[..., Search],
    processes: int,
    screen: Screen,
    *,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Answer a query.

    Args:
        query: What is asked; one statement.
        searches: Makes the search for events, or with `alerts` for alerts, that it is asked of.
        processes: How many threads answer it.
        screen: Where the answer goes.
        as_json: A JSON object for each row.
        as_csv: Comma-separated values.

    Returns:
        0 where there are rows, 1 where there are none.

    Raises:
        UsageProblem: DuckDB isn't installed, or refuses the query.
    """
    try:
        duckdb = importlib.import_module("duckdb")
    except ImportError:
        raise UsageProblem(_INSTALL) from None
    with tempfile.TemporaryDirectory(prefix="okta-search-") as folder:
        connection = duckdb.connect(
            str(Path(folder) / "search.duckdb"), config={"threads": processes, "memory_limit": _MEMORY, "temp_directory": folder}
        )
        try:
            for view, member, columns, alerts in (("events", "event", COLUMNS, False), ("alerts", "alert", _OF_ALERTS, True)):
                # Only what the query speaks of is read.
                if re.search(rf"\b{view}\b", query, re.IGNORECASE):
                    _fill(connection, Path(folder), view, member, columns, searches(alerts=alerts).all_hits())
            connection.execute("SET enable_external_access = false")
            connection.execute("SET autoload_known_extensions = false")
            connection.execute("SET autoinstall_known_extensions = false")
            connection.execute("SET lock_configuration = true")
            answer = connection.execute(query)
            names = [column[0] for column in answer.description or ()]
            return _show(names, answer, screen, as_json=as_json, as_csv=as_csv)
        except duckdb.Error as error:
            message = (
                f"--sql: {screen.writing.shown(str(error).splitlines()[0])}\n  events: {', '.join(name for name, *_ in COLUMNS)}, event"
            )
            raise UsageProblem(message) from None
        finally:
            connection.close()


def clean(line: bytes) -> str:
    """An event as text that DuckDB takes: what is no UTF-8, and halves of surrogate pairs, become replacement characters.

    Raises:
        NotAnEvent: There is none.
        NotSearchable: Its format doesn't keep it.
    """
    text = line.decode("utf-8", "replace")
    if not text.startswith('{"_okta_'):
        text = original_of(line).decode("utf-8", "replace")
    if not _SURROGATE.search(text):
        return text
    try:
        return _HALVES.sub("\ufffd", json.dumps(json.loads(text), ensure_ascii=False))
    except (ValueError, RecursionError):
        raise NotAnEvent from None


def _fill(connection: Any, folder: Path, view: str, member: str, columns: Sequence[tuple[str, str, str]], hits: Iterable[Hit]) -> None:
    """Make a view of what was found."""
    path = folder / f"{view}.txt"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for hit in hits:
            try:
                file.write(clean(hit.line) + "\n")
            except (NotAnEvent, NotSearchable):
                continue
    connection.execute(
        f"CREATE TABLE lines_of_{view} AS SELECT line FROM read_csv(?, columns = {{'line': 'VARCHAR'}}, delim = chr(1), quote = '', "  # noqa: S608
        "escape = '', header = false, auto_detect = false, max_line_size = 67108864, strict_mode = false) WHERE json_valid(line)",
        [str(path)],
    )
    path.unlink()
    connection.execute(
        f"CREATE VIEW {view} AS SELECT {', '.join(_column(*column) for column in columns)}, line::JSON AS {member} FROM lines_of_{view}"  # noqa: S608
    )


def _column(name: str, kind: str, path: str) -> str:
    value = f"json_extract_string(line, '{path}')"
    return f"{value} AS {name}" if kind.startswith("VARCHAR") else f"TRY_CAST({value} AS {kind}) AS {name}"


def _show(names: Sequence[str], answer: Any, screen: Screen, *, as_json: bool, as_csv: bool) -> int:
    count = 0
    if as_json:
        for row in _rows(answer):
            sys.stdout.write(json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=screen.is_terminal) + "\n")
            count += 1
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        for row in _rows(answer):
            writer.writerow([screen.writing.shown(_cell(cell)) if screen.is_terminal else _cell(cell) for cell in row])
            count += 1
    else:
        count = _table(names, answer, screen)
    return 0 if count else 1


def _rows(answer: Any) -> Iterable[tuple[Any, ...]]:
    while rows := answer.fetchmany(1000):
        yield from rows


def _table(names: Sequence[str], answer: Any, screen: Screen) -> int:
    """Rows below each other; as wide as what stands in the first thousand of them, within the terminal's width."""
    writing = screen.writing
    count = 0
    while rows := answer.fetchmany(_MOST_ROWS):
        cells = [[writing.shown(_cell(cell)) for cell in row] for row in rows]
        if not count:
            widths = [max(width_of(text) for text in column) for column in zip(names, *cells, strict=True)]
            if screen.width is not None:
                widths = _narrowed(widths, screen.width)
            numeric = [
                all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in column) for column in zip(*rows, strict=True)
            ]
            heading = [writing.fit(name, width) for name, width in zip(names, widths, strict=True)]
            sys.stdout.write(screen.paint("  ".join(heading).rstrip(), "bold") + "\n")
        for row in cells:
            parts = [
                text.rjust(width) if number else writing.fit(text, width) if screen.width is not None else text.ljust(width)
                for text, width, number in zip(row, widths, numeric, strict=True)
            ]
            sys.stdout.write("  ".join(parts).rstrip() + "\n")
        count += len(rows)
    return count


def _cell(value: Any) -> str:
    return "" if value is None else ", ".join(map(_cell, value)) if isinstance(value, list) else str(value)


def _narrowed(widths: list[int], room: int) -> list[int]:
    """The widest columns give up what there is no room for."""
    widths = list(widths)
    while sum(widths) + 2 * (len(widths) - 1) > room and max(widths) > 6:
        widths[widths.index(max(widths))] -= 1
    return widths
