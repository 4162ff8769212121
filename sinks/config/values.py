"""What the tables of the sinks are made of: strict models, paths, names of variables, and secrets that are looked up but never kept.

Two things come from the validation context, a mapping that the reader of the file passes in: `folder`, from which relative paths count, and
`environ`, in which secret references are looked up at once. Without a context, paths stay as they are and no secret is looked up.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic_core import PydanticCustomError

__all__ = ["SPAN_ALLOWED", "EnvName", "ExistingFile", "OptionalPath", "Span", "Strict", "look_up", "problem", "read_secret", "to_tuple"]

SPAN_ALLOWED: Final = "a number of days or hours, such as 90d"
_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([dh])")
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Strict(BaseModel):
    """Frozen, without unknown keys, without conversions that TOML's own types make unnecessary."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        validate_default=True,
        allow_inf_nan=False,
    )


def problem(text: str) -> PydanticCustomError:
    """An error whose whole text is given, where "is not allowed; allowed: …" would not say it well."""
    return PydanticCustomError("problem", "{text}", {"text": text})


def to_tuple(value: object) -> object:
    """TOML knows lists only, and a frozen model wants tuples."""
    return tuple(value) if isinstance(value, list) else value


def _to_span(value: object) -> object:
    """TOML knows no spans: a number and its unit; nothing stays nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and (match := _SPAN.fullmatch(value)):
        return timedelta(**{"days" if match[2] == "d" else "hours": int(match[1])})
    raise ValueError(SPAN_ALLOWED)


def _to_path(value: object, info: ValidationInfo) -> object:
    """Make a path of a string, counted from the configuration file's folder; nothing stays nothing."""
    if value is None or value == "":
        return None
    if not isinstance(value, str | Path):
        return value
    context: Mapping[str, Any] = info.context or {}
    return Path(context.get("folder", Path())) / value


def _to_existing_file(path: Path | None) -> Path | None:
    if path is not None:
        try:
            path.open("rb").close()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a path"
            message = f"file {path} cannot be read: {reason}"
            raise problem(message) from None
    return path


def _check_env_name(value: str) -> str:
    if value and not _ENV_NAME.fullmatch(value):
        message = "the name of an environment variable (letters, digits and _), not the secret itself"
        raise ValueError(message)
    return value


Span = Annotated[timedelta | None, BeforeValidator(_to_span)]
"""A span of days or hours, such as `90d`; None for nothing and for an empty text."""

OptionalPath = Annotated[Path | None, BeforeValidator(_to_path)]
"""A path; None for nothing and for an empty text."""

ExistingFile = Annotated[OptionalPath, AfterValidator(_to_existing_file)]
"""The path of a file that can be read now; None as above."""

EnvName = Annotated[str, AfterValidator(_check_env_name)]
"""The name of an environment variable; nothing for none."""


def look_up(reference: str | Path, info: ValidationInfo) -> str | None:
    """Find out whether a secret is there.

    Args:
        reference: The name of an environment variable, or the path of a file. One line break at the file's end is not part of the secret.
        info: The validation's, with its context.

    Returns:
        The secret, never empty, for a check of its form; None without an environment to look in.

    Raises:
        PydanticCustomError: There is no such variable or file, or it is empty. No secret is in it.
    """
    context: Mapping[str, Any] = info.context or {}
    if "environ" not in context:
        return None
    try:
        return read_secret(reference, context["environ"])
    except LookupError as error:
        raise problem(str(error)) from None


def read_secret(reference: str | Path, environ: Mapping[str, str] = os.environ) -> str:
    """What a reference leads to, now.

    Args:
        reference: As for `look_up`.
        environ: Where variables are looked up.

    Returns:
        The secret, never empty.

    Raises:
        LookupError: There is no such variable or file, or it is empty. No secret is in it.
    """
    if isinstance(reference, Path):
        value, missing = _read(reference), f"file {reference} is empty"
    else:
        value, missing = environ.get(reference, ""), f"environment variable {reference} is not set or is empty"
    if not value:
        raise LookupError(missing)
    return value


def _read(path: Path) -> str:
    # `from None`: a decoding error carries the file's bytes. `utf-8-sig`: some editors write a mark.
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"file {path} cannot be read: {error.strerror or type(error).__name__}"
        raise LookupError(message) from None
    except ValueError:
        message = f"file {path} cannot be read: its path or its content is not UTF-8 text"
        raise LookupError(message) from None
    return text.removesuffix("\n").removesuffix("\r")
