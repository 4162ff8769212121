"""What was made once of bytes that come again and again."""

from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["Remembered"]

T = TypeVar("T")

_MOST: Final = 8192
_LONGEST_KEY_BYTES: Final = 4096


class Remembered(dict[bytes, T]):
    """Bytes → what is made of them, made when first asked for; a look-up in C where it is known.

    Bounded, since the bytes come from the wire: what is full begins anew, and long keys are not kept. At worst 8192 entries with keys of
    4 KB; a busy organisation's have 100 to 600 bytes.

    Args:
        make: Makes it.
        most: How many are remembered.
    """

    def __init__(self, make: Callable[[bytes], T], most: int = _MOST) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, key: bytes) -> T:
        made = self._make(key)
        if len(key) <= _LONGEST_KEY_BYTES:
            if len(self) >= self._most:
                self.clear()
            self[key] = made
        return made
