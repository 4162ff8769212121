"""Events and alerts as rows that fit a terminal.

A column is as wide as the terminal's width says, not as what stands in it: rows come one by one, and nobody waits for the widest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flows.reading.question import NotAnEvent, NotSearchable, original_of
from flows.terminal.screen import Screen
from okta_source.events.fields import FieldReader, members

__all__ = ["Rows"]

_BAD_OUTCOMES: Final = frozenset(("FAILURE", "DENY", "RATE_LIMIT", "ABANDONED", "REJECT"))
_GOOD_OUTCOMES: Final = frozenset(("SUCCESS", "ALLOW"))
_GRAVITY: Final = {"ERROR": "bold red", "WARN": "yellow", "critical": "bold red", "high": "red", "medium": "yellow"}
_NARROW, _ROOMY, _WIDE = 100, 136, 150
_LONGEST_TENANT: Final = 12
_LEAST_WIDTH: Final = 8  # of a column that gives way where there is too little room for all
_NOBODY: Final = ("", "unknown")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column.

    Attributes:
        heading: Its heading.
        fields: The first of these that says something.
        width: How wide it is; of the room that is left it takes its share.
        share: How much of that, in comparison with others.
        from_width: From which width of the terminal on it is shown.
        middle: Whether the middle is left out of what is too long.
    """

    heading: str
    fields: tuple[str, ...]
    width: int
    share: int = 0
    from_width: int = 0
    middle: bool = False


_OF_EVENTS: Final = (
    _Column("published", ("published",), 14),
    _Column("tenant", ("_okta_tenant",), 6, from_width=70),
    _Column("event type", ("eventType",), 24, 2, middle=True),
    _Column("action", ("_okta_action",), 14, from_width=_WIDE),
    _Column("outcome", ("outcome.result",), 9),
    _Column("actor", ("actor.alternateId", "actor.displayName", "actor.id"), 14, 4),
    _Column("client IP", ("client.ipAddress",), 15, from_width=_NARROW),
    _Column("country", ("client.geographicalContext.country",), 10, 1, from_width=_ROOMY),
    _Column("target", ("target.alternateId", "target.displayName"), 12, 4, from_width=120),
)
_OF_ALERTS: Final = (
    _Column("published", ("published",), 14),
    _Column("tenant", ("_okta_tenant",), 6, from_width=70),
    _Column("level", ("rule.level",), 8),
    _Column("rule", ("rule.title", "rule.name", "rule.id"), 20, 4),
    _Column("count", ("count",), 5, from_width=_NARROW),
    _Column("actor", ("event.actor.alternateId", "event.actor.displayName"), 14, 3),
    _Column("client IP", ("event.client.ipAddress",), 15, from_width=_NARROW),
    _Column("event type", ("event.eventType",), 20, 3, from_width=120, middle=True),
)


class Rows:
    """Writes lines as rows.

    Args:
        screen: Where they go.
        tenants: The tenants that there may be; of one alone the name is left out.
        alerts: Whether the lines are alerts.
    """

    def __init__(self, screen: Screen, tenants: Sequence[str] = (), *, alerts: bool = False) -> None:
        self._screen = screen
        self._columns = [(column, width) for column, width in _layout(_OF_ALERTS if alerts else _OF_EVENTS, screen.width, tenants)]
        fields = [field for column, _ in self._columns for field in column.fields]
        self._reader = FieldReader(["uuid", "severity", "outcome.result", "rule.level", "target", *fields])
        self._get = {path: self._reader.accessor(path) for path in self._reader.paths}

    @property
    def heading(self) -> str:
        """The line above the rows."""
        cells = [self._screen.writing.fit(column.heading, width) for column, width in self._columns]
        return self._screen.paint(" ".join(cells).rstrip(), "bold")

    def row(self, line: bytes) -> str:
        """An event or an alert, one line."""
        event = self._reader.decode(line)
        if type(self._get["uuid"](event)) is not str:
            try:
                event = self._reader.decode(original_of(line))
            except (NotAnEvent, NotSearchable):
                return self._screen.writing.shown(line.decode("utf-8", "replace"))
        return " ".join(self._cell(event, column, width) for column, width in self._columns).rstrip()

    def _cell(self, event: Any, column: _Column, width: int) -> str:
        text = ""
        for field in column.fields:
            text = _target(self._get["target"](event)) if field.startswith("target.") else _text(self._get[field](event))
            if text not in _NOBODY:
                break
        if column.heading == "published":
            text = _time(text, width)
        writing = self._screen.writing
        last = column is self._columns[-1][0]
        if self._screen.width is None:
            shown = writing.shown(text) or "-"
            shown = shown if last else writing.fit(text or "-", max(width, len(shown)))
        else:
            shown = writing.fit(text or "-", width, middle=column.middle)
        return self._screen.paint(shown, self._style(event, column))

    def _style(self, event: Any, column: _Column) -> str:
        if column.heading == "published":
            return "dim"
        if column.heading == "outcome":
            result = _text(self._get["outcome.result"](event))
            return "red" if result in _BAD_OUTCOMES else "green" if result in _GOOD_OUTCOMES else "yellow" if result else ""
        if column.heading in ("event type", "level", "rule"):
            return _GRAVITY.get(_text(self._get["severity"](event)) or _text(self._get["rule.level"](event)), "")
        return ""


def _layout(columns: Sequence[_Column], width: int | None, tenants: Sequence[str]) -> list[tuple[_Column, int]]:
    """The columns that there is room for, and how wide each is."""
    room = width or 200
    shown = [column for column in columns if column.from_width <= room and (column.heading != "tenant" or len(tenants) != 1)]
    longest = max((len(name) for name in tenants), default=8)
    widths = {column.heading: column.width for column in shown}
    if "tenant" in widths:
        widths["tenant"] = max(6, min(longest, _LONGEST_TENANT if room >= _NARROW else 8))
    widths["published"] = 14 if room < _NARROW else 19 if room < _WIDE else 23
    left = room - sum(widths.values()) - len(widths) + 1
    shares = sum(column.share for column in shown)
    for column in shown:
        if column.share:
            widths[column.heading] = max(_LEAST_WIDTH, widths[column.heading] + left * column.share // shares)
    return [(column, widths[column.heading]) for column in shown]


def _time(text: str, width: int) -> str:
    """`2026-11-22T08:01:02.123Z` as there is room for it; anything else as it is."""
    if len(text) < 19 or text[10] != "T":
        return text
    text = text.replace("T", " ").removesuffix("Z")
    return text[5:19] if width < 19 else text[:19] if width < 23 else text


def _text(value: Any) -> str:
    for member in members(value):
        if member is not None:
            return member if isinstance(member, str) else str(member).lower() if isinstance(member, bool) else str(member)
    return ""


def _target(targets: Any) -> str:
    """Who or what an event was about: the targets that have a name, the first of them first."""
    names: list[str] = []
    for target in members(targets):
        if isinstance(target, dict):
            found: Callable[[str], Any] = target.get
            name = next((text for key in ("alternateId", "displayName") if isinstance(text := found(key), str) and text not in _NOBODY), "")
            names += [name] if name else []
    return ", ".join(dict.fromkeys(names))
