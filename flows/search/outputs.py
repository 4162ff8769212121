"""The ways of showing hits: a table, lines of JSON, CSV, and counts with bars."""

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, BinaryIO, Final, TextIO

from flows.reading.question import Hit, NotAnEvent, NotSearchable, original_of
from flows.terminal.rows import Rows
from flows.terminal.screen import Screen
from flows.terminal.text import safe_json, width_of
from okta_source.events.fields import FieldReader, members

__all__ = ["CSV_FIELDS", "print_counts", "write_csv", "write_json", "write_table"]

CSV_FIELDS: Final = (
    "published", "_okta_tenant", "eventType", "_okta_action", "_okta_category", "severity", "outcome.result", "outcome.reason",
    "actor.alternateId", "actor.displayName", "actor.type", "client.ipAddress", "client.geographicalContext.country",
    "client.geographicalContext.city",
    "client.userAgent.rawUserAgent", "target.type", "target.alternateId", "target.displayName", "displayMessage", "uuid",
)  # fmt: skip
_ALERT_FIELDS: Final = (
    "published", "_okta_tenant", "rule.level", "rule.id", "rule.title", "kind", "count", "first_event_at", "last_event_at",
    "event.actor.alternateId", "event.client.ipAddress", "event.eventType", "uuid",
)  # fmt: skip
_BAR_WIDTH: Final = 40
_MOST_ROWS: Final = 40


def write_table(hits: Iterable[Hit], screen: Screen, out: TextIO, tenants: Sequence[str], *, alerts: bool) -> int:
    """Rows as they are found; returns how many."""
    rows = Rows(screen, tenants, alerts=alerts)
    count = 0
    for hit in hits:
        if not count:
            out.write(rows.heading + "\n")
        out.write(rows.row(hit.line) + "\n")
        count += 1
        if screen.is_terminal or count == 1:
            out.flush()
    return count


def write_json(hits: Iterable[Hit], screen: Screen, out: BinaryIO) -> int:
    """The lines as they are stored, byte for byte; to a terminal with escapes for what it may obey. Returns how many."""
    count = 0
    for hit in hits:
        line = safe_json(hit.line.decode("utf-8", "replace")).encode() if screen.is_terminal else hit.line
        out.write(line + b"\n")
        count += 1
        if screen.is_terminal or count == 1:
            out.flush()
    out.flush()
    return count


def write_csv(hits: Iterable[Hit], screen: Screen, out: TextIO, *, alerts: bool) -> int:
    """RFC 4180 with a heading; several values of a field are separated by `; `. Returns how many rows there are below it."""
    fields = _ALERT_FIELDS if alerts else CSV_FIELDS
    reader = FieldReader(fields)
    accessors = [reader.accessor(field) for field in fields]
    writer = csv.writer(out)
    count = 0
    for hit in hits:
        if not count:
            writer.writerow(fields)
        event = reader.decode(hit.line)
        if type(reader.accessor("uuid")(event)) is not str:
            try:
                event = reader.decode(original_of(hit.line))
            except (NotAnEvent, NotSearchable):
                continue
        cells = ["; ".join(_text(value) for value in members(get(event)) if value is not None) for get in accessors]
        writer.writerow([screen.writing.shown(cell) for cell in cells] if screen.is_terminal else cells)
        count += 1
    return count


def print_counts(hits: Iterable[Hit], fields: Sequence[str], distinct: str, screen: Screen, limit: int | None, *, as_json: bool) -> int:
    """How many hits there are of each value, most first, with bars; of several fields, of each combination.

    Args:
        hits: With the values of the fields, and last of `distinct` where it is given.
        fields: The fields.
        distinct: A field of which each group's different values are counted too, and come first; empty for none.
        screen: Where it goes.
        limit: Only so many groups.
        as_json: A JSON object for each group, not a row.

    Returns:
        How many hits there are.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    different: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    total = without = 0
    for hit in hits:
        total += 1
        without += not all(hit.values[: len(fields)])
        for group in product(*hit.values[: len(fields)]):
            counts[group] += 1
            if distinct:
                different[group].update(hit.values[len(fields)])
    order = sorted(counts, key=lambda group: (-len(different[group]) if distinct else 0, -counts[group], group))
    shown = order[: limit or (None if as_json or not screen.is_terminal else _MOST_ROWS)]
    if as_json:
        for group in shown:
            extra: dict[str, Any] = {"distinct": len(different[group])} if distinct else {}
            text = json.dumps({**dict(zip(fields, group, strict=True)), "count": counts[group], **extra}, ensure_ascii=screen.is_terminal)
            sys.stdout.write(text + "\n")
    elif shown:
        _print_bars([(*group,) for group in shown], counts, different if distinct else None, [*fields], distinct, screen)
        if len(shown) < len(order):
            sys.stdout.flush()
            sys.stderr.write(f"{screen.writing.ellipsis} and {len(order) - len(shown):,} more (--limit {len(order)} shows them)\n")
    if without:
        sys.stdout.flush()
        sys.stderr.write(f"{without:,} of {total:,} have no {' or no '.join(fields)}: not counted here\n")
    return total


def _print_bars(
    groups: Sequence[tuple[str, ...]],
    counts: Counter[tuple[str, ...]],
    different: Any,
    fields: Sequence[str],
    distinct: str,
    screen: Screen,
) -> None:
    writing = screen.writing
    table = [[*fields], *([writing.shown(text) for text in group] for group in groups)]
    room = (screen.width or 200) - 30
    widths = [min(max(width_of(row[place]) for row in table), max(10, room // len(fields))) for place in range(len(fields))]
    figures = {group: f"{counts[group]:,}" for group in groups}
    size = max(5, *(len(text) for text in figures.values()))
    most = max(len(different[group]) if different else counts[group] for group in groups)
    bar_width = max(5, min(_BAR_WIDTH, (screen.width or 120) - sum(widths) - len(widths) - 2 * size - 6))
    name = writing.fit(f"different {distinct.rpartition('.')[2]}", max(len(distinct.rpartition(".")[2]) + 10, size)) if distinct else ""
    heading = [writing.fit(text, width) for text, width in zip(table[0], widths, strict=True)]
    sys.stdout.write(screen.paint("  ".join([*heading, "count".rjust(size), *([name] if name else [])]).rstrip(), "bold") + "\n")
    for group in groups:
        cells = [writing.fit(text, width) for text, width in zip(group, widths, strict=True)]
        value = len(different[group]) if different else counts[group]
        bar = writing.bar * max(1, round(bar_width * value / most))
        told = [f"{value:,}".rjust(len(name))] if different else []
        sys.stdout.write("  ".join([*cells, figures[group].rjust(size), *told, screen.paint(bar, "blue")]) + "\n")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
