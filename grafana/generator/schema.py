"""Whether a dashboard is what Grafana's published schema says, as the SDK knows it. Pure.

The SDK decodes whatever it is given and forgets what it does not know, so this decodes, encodes again, and compares; and it holds every
value against the type that the SDK declares for it, enumerations included, which the SDK does not do itself.
"""

import builtins
import enum
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import elasticsearch

from grafana.generator.searches import OPENSEARCH

__all__ = ["violations"]

_OPENSEARCH_ONLY = {"luceneQueryType": {"Metric", "RawData", "Logs"}, "format": {"table", "time_series"}}

_UNDECODABLE = (KeyError, TypeError, ValueError, AttributeError)
_SCALARS: dict[type, type | tuple[type, ...]] = {str: str, bool: bool, int: int, float: (int, float), type(None): type(None)}

register_default_plugins()


def violations(dashboard: dict[str, Any]) -> list[str]:
    """What is wrong, each with its path; empty where nothing is."""
    try:
        decoded = models.Dashboard.from_json(dashboard)
    except _UNDECODABLE as error:
        return [f"dashboard: the SDK can't decode it: {type(error).__name__}: {error}"]
    return [*_lost(dashboard, _encoded(decoded), "dashboard"), *_mistyped(decoded, models.Dashboard, "dashboard")]


def _encoded(value: object) -> Any:
    return json.loads(json.dumps(value, cls=JSONEncoder))


def _lost(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if key not in after:
                yield f"{path}.{key}: not in the schema"
            elif key not in before:
                yield f"{path}.{key}: missing"
            else:
                yield from _lost(before[key], after[key], f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{path}[{index}]")
    elif before != after:
        yield f"{path}: {before!r} becomes {after!r}"


def _mistyped(value: object, hint: Any, path: str) -> Iterator[str]:
    """What does not fit its declared type."""
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case typing.Union | types.UnionType:
            yield from _mistyped_union(value, arguments, path)
        case typing.Literal:
            if value not in arguments:
                yield f"{path}: {value!r} is none of {', '.join(map(repr, arguments))}"
        case builtins.list | builtins.dict as origin:
            yield from _mistyped_collection(value, origin, arguments[-1], path)
        case _ if hint in _SCALARS or (isinstance(hint, type) and issubclass(hint, enum.Enum)):
            yield from _mistyped_scalar(value, hint, path)
        case _ if hint is object or hint is Any:
            # What depends on the panel's kind: the SDK has decoded it, where it knows the kind.
            if hasattr(value, "to_json"):
                yield from _mistyped_members(value, path)
        case _ if isinstance(hint, type):
            yield from _mistyped_object(value, hint, path)


def _mistyped_collection(value: object, origin: type, hint: Any, path: str) -> Iterator[str]:
    if not isinstance(value, origin):
        yield f"{path}: {value!r} is no {origin.__name__}"
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _mistyped(each, hint, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _mistyped(each, hint, f"{path}.{key}")


def _mistyped_union(value: object, hints: tuple[Any, ...], path: str) -> Iterator[str]:
    best: list[str] | None = None
    for hint in [type(value)] if type(value) in hints else hints:
        found = list(_mistyped(value, hint, path))
        if not found:
            return
        # The complaint that is worth reading is of the alternative that fits best.
        if hint is not type(None) and (best is None or len(found) < len(best)):
            best = found
    yield from best or [f"{path}: {value!r}"]


def _mistyped_scalar(value: object, hint: type, path: str) -> Iterator[str]:
    if issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint]:
            yield f"{path}: {value!r} is no {hint.__name__}: {', '.join(str(member.value) for member in hint)}"
    elif not isinstance(value, _SCALARS[hint]) or (isinstance(value, bool) and hint is not bool):
        yield f"{path}: {value!r} is no {hint.__name__}"


def _mistyped_object(value: object, hint: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and hasattr(hint, "from_json"):
        # The SDK leaves some members undecoded, such as links and transformations.
        yield from _mistyped_json(value, hint, path)
    elif isinstance(value, UnknownDataquery):
        yield from _mistyped_opensearch(value.data, path)
    elif isinstance(value, hint):
        yield from _mistyped_members(value, path)
    else:
        yield f"{path}: {value!r} is no {hint.__name__}"


def _mistyped_json(value: dict[str, Any], hint: Any, path: str) -> Iterator[str]:
    try:
        decoded = hint.from_json(value)
    except _UNDECODABLE as error:
        yield f"{path}: no {hint.__name__}: {type(error).__name__}: {error}"
        return
    yield from _lost(value, _encoded(decoded), path)
    yield from _mistyped_members(decoded, path)


def _mistyped_members(value: object, path: str) -> Iterator[str]:
    for name, hint in typing.get_type_hints(type(value)).items():
        yield from _mistyped(getattr(value, name), hint, f"{path}.{name}")


def _mistyped_opensearch(data: dict[str, Any], path: str) -> Iterator[str]:
    """OpenSearch's plugin takes the queries of Elasticsearch's, and says the kind of query in members of its own."""
    if (data.get("datasource") or {}).get("type") != OPENSEARCH:
        yield f"{path}: a query to a data source of no known type"
        return
    for key, allowed in _OPENSEARCH_ONLY.items():
        if data.get(key) not in allowed:
            yield f"{path}.{key}: {data.get(key)!r} is none of {', '.join(sorted(allowed))}"
    common = {key: value for key, value in data.items() if key not in _OPENSEARCH_ONLY}
    yield from _mistyped_json(common, elasticsearch.Dataquery, path)
