"""The table of a file sink, and which file sinks would write to the same file."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, ValidationInfo, field_validator, model_validator

from sinks.config.common import SinkCommon
from sinks.config.values import SPAN_ALLOWED, Span, problem
from sinks.file.compression import SUFFIXES, Compression
from sinks.paths import PLACEHOLDERS, PathTemplate

__all__ = ["FileSinkConfig", "clashing_files"]

_BRACES: Final = re.compile(r"\{([^{}]*)\}|[{}]")


class FileSinkConfig(SinkCommon):
    """Files of one JSON line per event.

    Attributes:
        type: Which type of sink this is.
        path: Where to; the date and the hour are those of `published`, UTC. `.gz` or `.zst` is added.
        compression: A member or frame a snapshot, so `gzip -dc` and `zstd -dc` read the whole file.
        file_mode: Who may read the files, when they are made: the owner and the group. Folders are made so that who may read may enter.
        keep: How long files are kept, by the date in their paths; for ever without it.
    """

    type: Literal["file"] = Field("file", description="file")
    path: str = Field(description="a file's path, in which {tenant}, {date} and {hour} may stand")
    compression: Compression = Field("none", description="none, gzip, zstd")
    file_mode: str = Field("0640", pattern=r"^0[0-7]{3}$", description="an octal number such as 0640; 0600 and what may be read beside")
    keep: Span = Field(None, description=SPAN_ALLOWED)
    _folder: str = PrivateAttr("")

    @property
    def base(self) -> str:
        """The folder that the path counts from; nothing for a path that was given as an absolute one."""
        return self._folder

    @property
    def mode(self) -> int:
        """The mode as a number; the owner may read and write whatever it says."""
        return int(self.file_mode, 8) | 0o600

    @property
    def place(self) -> str:
        """The folder of its files, as far as it is the same for all of them."""
        return posixpath.dirname(self.path.partition("{")[0])

    @field_validator("keep")
    @classmethod
    def _check_keep(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        path = info.data.get("path", "{date}{hour}")
        if value is not None and "{date}" not in path:
            message = "goes by the date in the path of a file: put {date} into path (and {hour}, for hours), or leave keep out"
            raise problem(message)
        if value is not None and value % timedelta(days=1) and "{hour}" not in path:
            message = "goes by the date in the path of a file, which has no {hour}: whole days, such as 90d"
            raise problem(message)
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _remember_folder(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        sink = handler(data)
        given = data.get("path") if isinstance(data, Mapping) else None
        if isinstance(given, str) and not posixpath.isabs(given):
            context: Mapping[str, Any] = info.context or {}
            sink._folder = str(context.get("folder", ""))  # noqa: SLF001  # its own
        return sink

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: str, info: ValidationInfo) -> str:
        bad = any(match[1] not in PLACEHOLDERS for match in _BRACES.finditer(value))
        if bad or not value.isprintable() or not value or value.endswith(("/", "/.", "/..")) or value in (".", ".."):
            message = "a file's path, in which {tenant}, {date} and {hour} may stand and no other braces"
            raise ValueError(message)
        context: Mapping[str, Any] = info.context or {}
        return str(Path(context.get("folder", Path())) / value)


def clashing_files(sinks: Mapping[str, FileSinkConfig], tenants: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Find file sinks that would write to the same file for some tenant, day and hour.

    Args:
        sinks: The file sinks by their names.
        tenants: The names of the tenants whose events the sinks are given.

    Yields:
        The two sinks' names, in the order of `sinks`, once per pair.
    """
    names = sorted(set(tenants))
    templates = {name: PathTemplate(sink.path, SUFFIXES[sink.compression]).text for name, sink in sinks.items()}
    files = {name: [_expand(template, tenant) for tenant in names] for name, template in templates.items()}
    for first, second in combinations(sinks, 2):
        if _overlap(files[first], files[second]):
            yield first, second


# A placeholder of a fixed number of digits, as the characters at which any digit may stand.
_ANY_DIGIT: Final = "\0"
_DATE: Final = "-".join((_ANY_DIGIT * 4, _ANY_DIGIT * 2, _ANY_DIGIT * 2))
_HOUR: Final = _ANY_DIGIT * 2
_DIGITS: Final = frozenset("0123456789" + _ANY_DIGIT)


def _expand(path: str, tenant: str) -> str:
    text = path.replace("{tenant}", tenant).replace("{date}", _DATE).replace("{hour}", _HOUR)
    # As text alone: links are not followed, since the folders may not be there yet.
    return posixpath.normpath(text)


def _overlap(first: list[str], second: list[str]) -> bool:
    # Date and hour have a fixed width, so two expanded paths can only meet character by character. Where either
    # has a placeholder any digit meets any other; blotting those out leaves texts that a set can compare, so that
    # thousands of tenants are not compared with each other one by one.
    for (length, spots), paths in _by_form(first).items():
        for (other_length, other_spots), other_paths in _by_form(second).items():
            both = spots | other_spots
            if length == other_length and not {_blot(path, both) for path in paths}.isdisjoint(_blot(path, both) for path in other_paths):
                return True
    return False


def _by_form(paths: list[str]) -> dict[tuple[int, frozenset[int]], list[str]]:
    """Group paths by their length and by where in them any digit may stand."""
    grouped: dict[tuple[int, frozenset[int]], list[str]] = {}
    for path in paths:
        spots = frozenset(spot for spot, char in enumerate(path) if char == _ANY_DIGIT)
        grouped.setdefault((len(path), spots), []).append(path)
    return grouped


def _blot(path: str, spots: frozenset[int]) -> str:
    return "".join(_ANY_DIGIT if spot in spots and char in _DIGITS else char for spot, char in enumerate(path))
