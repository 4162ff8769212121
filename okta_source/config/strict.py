"""What every settings model is built of: strictness, paths, references to secrets, and errors whose whole text is given.

Two things come from the validation context, a mapping that the reader of the file passes in: `folder`, from which relative paths count,
and `environ`, in which secret references are looked up at once. Without a context, paths stay as they are and no secret is looked up.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic_core import PydanticCustomError

from okta_source.config.api_token import CredentialProblem, usable_credential
from okta_source.config.secret import SecretError, SecretRef

__all__ = [
    "EnvName",
    "ExistingFile",
    "OptionalPath",
    "Strict",
    "check_credential",
    "check_one_reference",
    "header_name",
    "look_up",
    "problem",
    "to_path",
    "to_tuple",
]

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


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


def header_name(value: str) -> str:
    """Check the name of an HTTP header (a token, RFC 9110).

    Raises:
        ValueError: It is none.
    """
    if not _HEADER_NAME.fullmatch(value):
        message = "the name of an HTTP header, such as Authorization"
        raise ValueError(message)
    return value


def to_path(value: object, info: ValidationInfo) -> object:
    """Make a path of a string, counted from the configuration file's folder; nothing stays nothing."""
    if value is None or value == "":
        return None
    if not isinstance(value, str | Path):
        return value
    context: Mapping[str, Any] = info.context or {}
    return Path(context.get("folder", Path())) / value


def to_tuple(value: object) -> object:
    """TOML knows lists only, and a frozen model wants tuples."""
    return tuple(value) if isinstance(value, list) else value


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


OptionalPath = Annotated[Path | None, BeforeValidator(to_path)]
ExistingFile = Annotated[OptionalPath, AfterValidator(_to_existing_file)]
EnvName = Annotated[str, AfterValidator(_check_env_name)]


def look_up(reference: SecretRef, info: ValidationInfo) -> str | None:
    """Return what a reference leads to, or nothing without an environment to look in.

    Raises:
        PydanticCustomError: It leads to nothing.
    """
    context: Mapping[str, Any] = info.context or {}
    if "environ" not in context:
        return None
    try:
        return reference.resolve(context["environ"]).reveal()
    except SecretError as error:
        raise problem(str(error)) from None


def check_credential(reference: SecretRef, info: ValidationInfo, kind: str, scheme: str = "", *, is_oktas: bool = True) -> None:
    """Refuse a credential that can't be one, where there is an environment to look in.

    Args:
        reference: Where it is.
        info: The validation's context.
        kind: What it is to be, for the message: `Okta token` or `client secret`.
        scheme: What may stand in front of it, such as `SSWS`.
        is_oktas: Whether it goes to Okta itself, see `usable_credential`.

    Raises:
        PydanticCustomError: It isn't there, or is none; its value is not in the message.
    """
    text = look_up(reference, info)
    if text is None:
        return
    try:
        usable_credential(text, kind, scheme, is_oktas=is_oktas)
    except CredentialProblem as error:
        message = f"{reference} {error}"
        raise problem(message) from None


def check_one_reference(env: str, info: ValidationInfo, file_key: str) -> SecretRef | None:
    """Of a pair of keys, a path and a variable's name, exactly one is to be given.

    Args:
        env: The variable's name, from the field that is being validated: the second one of the pair.
        info: Its validation.
        file_key: The first one's name.

    Returns:
        The reference to the variable; nothing where the file is given, or is wrong itself, which is reported already.

    Raises:
        PydanticCustomError: Neither is given, or both are.
    """
    if file_key not in info.data:
        return None
    if bool(env) == (info.data[file_key] is not None):
        found = f"given beside {file_key}" if env else "missing"
        message = f"{found}; needed: exactly one of {info.field_name} (a variable's name) and {file_key} (a path)"
        raise problem(message)
    return SecretRef(env=env) if env else None
