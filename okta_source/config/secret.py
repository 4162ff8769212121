"""Secrets: values that cannot print, and the references by which a configuration names them.

A configuration file never holds a secret, only a reference to one: an environment variable or a file. A
reference is safe to print and to store. What it resolves to is a `Secret`, which shows itself as `***` wherever
text is made of it and refuses to be pickled, so that it reaches no log, state store or other process.
"""

import hmac
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, Self

__all__ = ["MASK", "Secret", "SecretError", "SecretRef"]

MASK: Final = "***"
"""What every secret looks like in text."""


class SecretError(Exception):
    """A reference leads to no usable secret. The message names the reference and never holds a value."""


class Secret:
    """A value that is handed out by `reveal` alone.

    It has no `__dict__`, so `vars` finds nothing, and it copies as itself, so `dataclasses.asdict` keeps it
    covered. Two secrets compare in constant time and have no hash.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value in the clear: only for the moment at which it is put to use."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        # The specification is ignored on purpose: "{:.2}" must not show less of the mask, nor fail.
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_to_bytes(self._value), _to_bytes(other._value))

    __hash__ = None  # type: ignore[assignment]  # a hash would let a value be guessed at from outside

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        message = "a Secret cannot be pickled: it would leave this process in the clear"
        raise TypeError(message)


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is to be found: in an environment variable or in a file, exactly one of them.

    Attributes:
        env: The environment variable's name, or nothing.
        file: The file's path, or nothing. One line break at its end does not belong to the secret.
    """

    env: str = ""
    file: Path | None = None

    def __post_init__(self) -> None:
        if bool(self.env) == (self.file is not None):
            message = "a secret is referred to by an environment variable or by a file, exactly one of them"
            raise ValueError(message)

    def __str__(self) -> str:
        return f"environment variable {self.env}" if self.file is None else f"file {self.file}"

    def resolve(self, environ: Mapping[str, str]) -> Secret:
        """Look the secret up.

        Args:
            environ: The environment to look in when the reference is a variable.

        Returns:
            The secret, which is never empty.

        Raises:
            SecretError: There is no such variable or file, or it is empty.
        """
        value = environ.get(self.env, "") if self.file is None else _read(self.file)
        if not value:
            what = "is not set or is empty" if self.file is None else "is empty"
            message = f"{self} {what}"
            raise SecretError(message)
        return Secret(value)

    def read(self) -> Secret:
        """Look the secret up in this process's environment, again at each call.

        A token file that was replaced since the last call gives its new content: that is how a token is
        rotated without a restart.

        Raises:
            SecretError: As for `resolve`.
        """
        return self.resolve(os.environ)

    def is_open_to_others(self) -> bool:
        """Whether the file's mode lets its group or everybody read it; false where there is no file."""
        if self.file is None:
            return False
        try:
            mode = self.file.stat().st_mode
        except OSError:
            return False
        return bool(mode & (stat.S_IRGRP | stat.S_IROTH))


def _to_bytes(value: str) -> bytes:
    # A variable that is not UTF-8 reaches Python with lone surrogates, which plain UTF-8 refuses.
    return value.encode("utf-8", "surrogatepass")


def _read(path: Path) -> str:
    # `from None`: a decoding error carries the file's bytes. `utf-8-sig`: some editors write a mark.
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"file {path} cannot be read: {error.strerror or type(error).__name__}"
        raise SecretError(message) from None
    except ValueError:
        message = f"file {path} cannot be read: its path or its content is not UTF-8 text"
        raise SecretError(message) from None
    return text.removesuffix("\n").removesuffix("\r")
