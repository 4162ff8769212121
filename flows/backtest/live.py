"""The alerts of a run, as file sinks wrote them, for comparison: raw ones, and those that stand whole in documents of other formats."""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import orjson

from flows.backtest.compare import Told, Unread
from flows.backtest.lines import NOT_JSON, decoded
from flows.reading.question import NotAnEvent, NotSearchable, original_of
from okta_source.detections.documents import ALERT
from okta_source.detections.matches import to_ms
from sinks.file.archive_reader import LineReader

__all__ = ["alert_files", "read_alerts"]

_ENDINGS: Final = (".ndjson", ".gz", ".zst")


class _Rule(msgspec.Struct):
    id: str
    title: str


class _Alert(msgspec.Struct):
    uuid: str
    published: Annotated[datetime, msgspec.Meta(tz=True)]
    rule: _Rule
    group: dict[str, Any]
    kind: str = msgspec.field(name="_okta_event_type")
    tenant: str = msgspec.field(name="_okta_tenant")


class _Event(msgspec.Struct):
    """What else may stand there, and has a type."""

    event_type: str = msgspec.field(name="eventType")


_ALERTS: Final = msgspec.json.Decoder(_Alert)
_EVENTS: Final = msgspec.json.Decoder(_Event)


def alert_files(path: Path) -> list[Path]:
    """The files of alerts that a path names; none where it names rules."""
    names = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [name for name in names if name.suffix in _ENDINGS and name.is_file()]


def read_alerts(files: Iterable[Path]) -> tuple[list[Told], Unread]:
    """The alerts that files hold, each once, and what of the files could not be read. Events beside them are passed over.

    Raises:
        OSError: A file can't be read.
    """
    found: dict[str, Told] = {}
    unread = Unread()
    for file in files:
        reader = LineReader(str(file))
        for block in reader.blocks():
            for line in block.splitlines():
                told = _told(line, unread) if line.strip() else None
                if told is not None:
                    found.setdefault(told.uuid, told)
        if reader.damage:
            unread.problems.append(f"{file}: {reader.damage}")
    return list(found.values()), unread


def _told(line: bytes, unread: Unread) -> Told | None:
    try:
        alert = _alert_of(line)
    except NotSearchable:
        unread.mute_lines += 1
        return None
    except (NotAnEvent, *NOT_JSON):
        unread.bad_lines += 1
        return None
    if alert is None:
        return None
    group = orjson.dumps(alert.group, option=orjson.OPT_SORT_KEYS)
    return Told(alert.uuid, alert.tenant, alert.rule.id, alert.rule.title, group, to_ms(alert.published))


def _alert_of(line: bytes) -> _Alert | None:
    """The alert that a line holds; None where it holds an event."""
    for decoder in (_ALERTS, _EVENTS):  # nearly always
        with contextlib.suppress(*NOT_JSON):
            return _if_alert(decoder.decode(line))
    original = original_of(line)
    with contextlib.suppress(*NOT_JSON):
        return _if_alert(decoded(original, _ALERTS))
    return _if_alert(decoded(original, _EVENTS))


def _if_alert(found: _Alert | _Event) -> _Alert | None:
    return found if isinstance(found, _Alert) and found.kind == ALERT else None
