"""The `[detections]` table: which rules are in force. The rules themselves are read by `okta_source.detections.library`."""

import glob
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from okta_source.config.file import read_config_file
from okta_source.config.problems import explain
from okta_source.config.strict import Strict, problem, to_path, to_tuple
from okta_source.detections.sigma.rule import Level

__all__ = ["DetectionsConfig", "read_prime", "read_table", "rule_files"]

_NAMES: Final = "a list of rules' ids or names"
_RULES: Final = 'a list of files, folders and globs, such as "rules/"'
_LISTS: Final = 'a table of lists, each of texts or { file = "…" }'
_SUFFIXES: Final = (".yml", ".yaml")

_Text = Annotated[str, StringConstraints(min_length=1)]


def _to_paths(value: object, info: ValidationInfo) -> object:
    if isinstance(value, list | tuple) and all(isinstance(entry, str | Path) and entry for entry in value):
        return tuple(to_path(entry, info) for entry in value)
    return value


def _check_rules(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    for path in paths:
        if not next(rule_files(path), None):
            what = "holds no .yml file" if path.is_dir() else "matches no file" if _is_glob(path) else "is not there"
            message = f"{path} {what}; needed: a file of Sigma rules, a folder that holds some, or a glob"
            raise problem(message)
    return paths


def _check_prime(path: Path | None) -> Path | None:
    if path is not None:
        try:
            read_prime(path)
        except (OSError, ValueError) as error:
            message = f"{path} cannot be used: {getattr(error, 'strerror', None) or error}; needed: what flows.backtest --prime has written"
            raise problem(message) from None
    return path


def _check_list(value: object, info: ValidationInfo) -> tuple[str, ...] | Path:
    """The values of a list, or the file that holds them, which is read now to see that it can be."""
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    if not isinstance(value, dict) or value.keys() != {"file"} or not isinstance(value["file"], str):
        message = 'needed: a list of texts, or { file = "…" } with a value a line'
        raise problem(message)
    path = to_path(value["file"], info)
    if not isinstance(path, Path):
        message = 'file is empty; needed: { file = "…" } with a value a line'
        raise problem(message)
    try:
        path.read_text("utf-8")
    except (OSError, ValueError) as error:
        message = f"file {path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text in UTF-8'}"
        raise problem(message) from None
    return path


class DetectionsConfig(Strict):
    """Which rules are in force.

    Attributes:
        managed: Whether the rules in the box are, those that are on by default.
        rules: Own rules: files, folders (with what is below them) and globs.
        enable: Rules that are off by default, by id or name.
        disable: Rules that are to be off, by id or name.
        level_at_least: Rules below it give no alerts.
        prime: What `first_seen` and `travel` know of a tenant that has no state yet: a file that `flows.backtest --prime` has written.
        lists: What `%name%` stands for in rules: texts, or the file that holds them, a value a line, read again when it changes.
    """

    managed: bool = Field(default=True, description="true or false")
    rules: Annotated[tuple[Path, ...], BeforeValidator(_to_paths), AfterValidator(_check_rules)] = Field((), description=_RULES)
    enable: Annotated[tuple[_Text, ...], BeforeValidator(to_tuple)] = Field((), description=_NAMES)
    disable: Annotated[tuple[_Text, ...], BeforeValidator(to_tuple)] = Field((), description=_NAMES)
    level_at_least: Level = Field("informational", description="informational, low, medium, high, critical")
    prime: Annotated[Path | None, BeforeValidator(to_path), AfterValidator(_check_prime)] = Field(
        None, description="the path of a file that flows.backtest --prime has written"
    )
    lists: dict[_Text, Annotated[Any, AfterValidator(_check_list)]] = Field({}, description=_LISTS)

    _file: str = PrivateAttr("")

    @model_validator(mode="after")
    def _remember_file(self, info: ValidationInfo) -> Self:
        """Names are compared with those of rules only when these are read; what is wrong with them is told as of this file."""
        self._file = (info.context or {}).get("file", "")
        return self

    @property
    def file(self) -> str:
        """The configuration that the table stands in, as it was named; nothing for a table that was made otherwise."""
        return self._file

    def files(self) -> Iterator[Path]:
        """The files of own rules, each once, in an order of their own."""
        seen: set[Path] = set()
        for path in self.rules:
            for file in rule_files(path):
                if file not in seen:
                    seen.add(file)
                    yield file


def read_prime(path: Path) -> dict[str, bytes]:
    """What a backtest has learned, by tenant.

    Raises:
        OSError: The file can't be read.
        ValueError: It is another one.
    """
    return msgspec.msgpack.decode(path.read_bytes(), type=dict[str, bytes])


class _Document(BaseModel):
    """Of the whole file only this table, so that a rule can be looked at where no secret is."""

    detections: DetectionsConfig | None = None


def read_table(path: str | None, environ: Mapping[str, str] = os.environ) -> DetectionsConfig | None:
    """The `[detections]` table of a configuration; None where it has none.

    Args:
        path: The file; without one, what `$OKTA_PIPELINE_CONFIG` names, else `okta.toml`.
        environ: The environment.

    Raises:
        ConfigurationError: The file can't be read, or the table has a problem.
    """
    file = read_config_file(path, environ)
    raw = {"detections": file.raw["detections"]} if "detections" in file.raw else {}
    try:
        return _Document.model_validate(raw, context={"folder": file.folder, "environ": environ, "file": file.name}).detections
    except ValidationError as error:
        raise file.error(list(explain(error, _Document))) from None


def rule_files(path: Path) -> Iterator[Path]:
    """The files that a path, a folder or a glob stands for, sorted."""
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
    elif path.is_file():
        yield path
    elif _is_glob(path):
        # Path.glob wants the pattern apart from the folder that it begins in, which an absolute pattern doesn't say.
        yield from (Path(found) for found in sorted(glob.glob(str(path), recursive=True)) if Path(found).is_file())  # noqa: PTH207


def _is_glob(path: Any) -> bool:
    return glob.has_magic(str(path))
