"""What matching events mean for the correlations over their rules: which groups they belong to, and which values they bring.

An event takes part only where it has every field of the group: absent, null, an array, and Okta's `unknown`, which means that there is
none, leave it out. Otherwise the events of all users without a name would be one user's.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, Final

import orjson

from okta_source.detections.routes import Routes
from okta_source.detections.sigma.rule import MOST_VALUES_AN_EVENT
from okta_source.detections.tables import are_plain, remembered
from okta_source.events.fields import FieldReader, scalars
from okta_source.events.remembered import Remembered

__all__ = ["Extractor"]

_UNKNOWN: Final = "unknown"
_NO_GROUP: Final = orjson.dumps([])

_Column = Sequence[Any]


class Extractor:
    """Reads events that the same rules match.

    Args:
        routes: The correlations that they reach.
        reader: What decodes them; it must read all the fields of the routes.
    """

    def __init__(self, routes: Routes, reader: FieldReader) -> None:
        self._reader = reader
        self._fields = routes.fields
        self._groups = [(paths, remembered(_group)) for paths in routes.groups]
        self._values = [(paths, _value_of(kind, paths)) for kind, paths in routes.values]

    def __call__(self, events: Sequence[Any]) -> list[tuple[tuple[bytes | None, ...], tuple[Any, ...]]]:
        """For each event that `reader` has decoded: its groups and its values, in the order of the routes'."""
        if not self._groups:
            return [((), ())] * len(events)
        columns = {path: self._reader.column(path, events) for path in self._fields}
        groups = [_groups([columns[path] for path in paths], known, len(events)) for paths, known in self._groups]
        values = [value([columns[path] for path in paths], len(events)) for paths, value in self._values]
        return list(zip(zip(*groups, strict=True), zip(*values, strict=True), strict=True))


def _groups(columns: Sequence[_Column], known: Remembered[tuple[Any, ...], bytes | None], count: int) -> list[bytes | None]:
    if not columns:
        return [_NO_GROUP] * count
    rows = zip(*columns, strict=True)
    return list(map(known.__getitem__ if all(map(are_plain, columns)) else _group, rows))


def _group(values: tuple[Any, ...]) -> bytes | None:
    """The values of a group as a JSON array; None where the event takes no part."""
    found: list[Any] = []
    for value in values:
        if value == _UNKNOWN or not isinstance(value, str | int | float):
            return None
        found.append(value if type(value) is str and value.isascii() else _plain(value))
    return orjson.dumps(found)


def _plain(value: Any) -> Any:
    """A value that JSON can hold: numbers beyond 64 bits and halves of surrogate pairs as text."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return str(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _value_of(kind: str, paths: Sequence[str]) -> Callable[[Sequence[_Column], int], list[Any]]:
    """What makes a column of values of the columns of some fields."""
    if not paths:
        return lambda _, count: [None] * count
    make: Callable[..., Any] = _place if kind == "travel" else _number if kind == "value_sum" else _values
    if len(paths) > 1:
        return lambda columns, _: list(map(make, *columns))
    known = remembered(make)
    return lambda columns, _: list(map(known.__getitem__ if are_plain(columns[0]) else make, columns[0]))


def _values(*found: Any) -> list[Any] | None:
    """The different values of a field; of several fields, their combinations."""
    each = [[_plain(value) for value in scalars(value) if value != _UNKNOWN] for value in found]
    if len(each) == 1:
        values: list[Any] = list(dict.fromkeys(each[0]))
    else:
        values = [orjson.dumps(combined).decode() for combined in dict.fromkeys(product(*each))]
    return values[:MOST_VALUES_AN_EVENT] or None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else None


def _place(latitude: Any, longitude: Any, address: Any) -> list[Any] | None:
    lat, lon = _number(latitude), _number(longitude)
    if lat is None or lon is None or not -90 <= lat <= 90 or not -180 <= lon <= 180:
        return None
    return [lat, lon, _plain(address) if isinstance(address, str) else ""]
