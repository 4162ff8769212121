"""What is wrong with a configuration, told to a person: one line per problem.

`ConfigurationError` carries `Problem` entries. `explain` makes them of what pydantic found, with the path as it
would be written in TOML, the offending value unless it could be a secret, and what is allowed instead.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

__all__ = ["DISCRIMINATORS", "ConfigurationError", "Location", "Problem", "explain", "quoted", "toml_path"]

Location = tuple[str | int, ...]

DISCRIMINATORS: Final = frozenset({"method", "type"})
"""The keys that decide which other keys their table has."""

_MAX_SHOWN_LENGTH: Final = 100
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_USER: Final = re.compile(r"^(.*//)?.*@", re.DOTALL)
_QUERY: Final = re.compile(r"\?.*", re.DOTALL)
_TAG_ERRORS: Final = frozenset({"union_tag_invalid", "union_tag_not_found"})
_MASK: Final = "***"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right.

    Attributes:
        file: The configuration file, as it was named.
        path: Where in it, such as `tenants[1].poll_interval_seconds`; nothing for the file as a whole.
        message: What is wrong and what is allowed.
    """

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        line = ": ".join(part for part in (self.file, self.path, self.message) if part)
        return " ".join(line.splitlines())  # a file's name may hold anything


class ConfigurationError(Exception):
    """The configuration cannot be run. Its text is one line per problem.

    Attributes:
        problems: All of them, in the order of the file's sections.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def toml_path(location: Location) -> str:
    """Write a location as TOML would: `tenants[1].labels."two words"`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + (part if _BARE_KEY.fullmatch(part) else quoted(part))
    return path


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[Location, str]]:
    """Tell what pydantic found.

    A table whose discriminator is wrong or missing is reported by that alone: which other keys it needs depends
    on it.

    Args:
        error: What validating `model` raised.
        model: The model of the whole document.

    Yields:
        The location in the document, and what is wrong there.
    """
    found = [(_locate(model, entry), entry) for entry in error.errors(include_url=False)]
    undecided = {place.location[:-1] for place, entry in found if place.location and place.location[-1] in DISCRIMINATORS}
    for place, entry in found:
        if place.location[:-1] in undecided and place.location[-1] not in DISCRIMINATORS:
            continue
        if entry["type"] == "too_short" and entry["input"]:
            continue  # pydantic counts the valid entries only, and the others are reported themselves
        yield place.location, _message(place, entry)


@dataclass(frozen=True, slots=True)
class _Place:
    """A location in the document and what the models say about it."""

    location: Location
    table: type[BaseModel] | None
    field: FieldInfo | None


def _locate(model: type[BaseModel], entry: ErrorDetails) -> _Place:
    """Follow an error's location through the models, without the tags that pydantic puts in for unions."""
    location: Location = ()
    annotation: Any = model
    table: type[BaseModel] | None = None
    field: FieldInfo | None = None
    for part in entry["loc"]:
        models = _models(annotation)
        if len(models) > 1:
            annotation = next(variant for variant in models if part in _tags(variant))
            continue
        location = (*location, part)
        if models:
            table = models[0]
            field = table.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:
            table = None
            # A list's items or a table's values; what stands in the field's description holds for them as well.
            annotation = next((kind for kind in reversed(get_args(_plain(annotation))) if kind is not ...), None)
    if entry["type"] in _TAG_ERRORS:
        # Pydantic blames the table; the person has to look at the key.
        models = _models(annotation)
        key = str(entry["ctx"]["discriminator"]).strip("'")
        tags = [tag for variant in models for tag in get_args(variant.model_fields[key].annotation)]
        return _Place((*location, key), models[0], FieldInfo(description=", ".join(tags)))
    return _Place(location, table, field)


def _plain(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation stands for: none, one, or those of a union."""
    plain = _plain(annotation)
    members = get_args(plain) if get_origin(plain) in (Union, UnionType) else (plain,)
    return [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]


def _tags(model: type[BaseModel]) -> set[str]:
    fields = (model.model_fields[key] for key in DISCRIMINATORS if key in model.model_fields)
    return {tag for field in fields for tag in get_args(field.annotation)}


def _message(place: _Place, entry: ErrorDetails) -> str:
    context = entry.get("ctx", {})
    allowed = (place.field.description if place.field else None) or entry["msg"]
    value = entry["input"]
    match entry["type"]:
        case "problem":
            return entry["msg"]
        case "missing" | "union_tag_not_found":
            return f"missing; needed: {allowed}"
        case "extra_forbidden":
            return _unknown_key(str(place.location[-1]), place.table)
        case "union_tag_invalid":
            value = context["tag"]
        case "value_error":
            allowed = str(context["error"])
    return f"{_shown(value, place.location)} is not allowed; allowed: {allowed}"


def _unknown_key(key: str, table: type[BaseModel] | None) -> str:
    known = sorted(table.model_fields) if table else []
    close = get_close_matches(key.lower(), known, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"unknown key; {guess}allowed: {', '.join(known)}"


def _shown(value: object, location: Location) -> str:
    """Show an offending value in a few characters, and nothing that could be a secret put into the wrong place."""
    key = str(location[-1])
    # A variable's name may be the secret itself, mistaken; so may a header be, whatever its name.
    hides = any(str(part).endswith("_env") for part in location) or "headers" in location
    if hides or ("auth" in location and key not in DISCRIMINATORS):
        return _MASK
    match value:
        case str():
            masked = _QUERY.sub(f"?{_MASK}", _USER.sub(rf"\1{_MASK}@", value))
            shown = quoted(masked if len(masked) <= _MAX_SHOWN_LENGTH else f"{masked[:_MAX_SHOWN_LENGTH]}…")
        case bool():
            shown = "true" if value else "false"
        case dict():
            shown = "a table"
        case list() | tuple():
            shown = "an array" if value else "an empty array"
        case int() if abs(value) >= 1 << 63:
            shown = "a number beyond TOML's range"  # Python refuses to write some of these out
        case _:
            shown = str(value)
    return shown


def quoted(text: str) -> str:
    """Write a string as TOML does, on one line."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
