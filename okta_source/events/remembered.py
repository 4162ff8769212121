"""What was made once of values that come again and again. Pure."""

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

__all__ = ["Remembered"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_MOST: Final = 8192
_LONGEST: Final = 4096


class Remembered(dict[Key, Value], Generic[Key, Value]):
    """A value from the wire → what is made of it, made when first asked for; a look-up in C where it is known.

    Bounded, since whoever sends events chooses the values: what is full begins anew, and long keys are not kept. By default at worst 8192
    entries with keys of 4 KB; a busy organisation's have 100 to 600 bytes.

    Args:
        make: Makes it.
        most: How many are remembered.
        longest: How long a key may be, in bytes or characters; of a tuple, each of its texts.
    """

    def __init__(self, make: Callable[[Key], Value], most: int = _MOST, longest: int = _LONGEST) -> None:
        super().__init__()
        self._make = make
        self._most = most
        self._longest = longest

    def __missing__(self, key: Key) -> Value:
        made = self._make(key)
        parts = key if isinstance(key, tuple) else (key,)
        if all(len(part) <= self._longest for part in parts if isinstance(part, bytes | str)):
            if len(self) >= self._most:
                self.clear()
            self[key] = made
        return made
