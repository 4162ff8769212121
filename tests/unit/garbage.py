"""Whether objects go when nobody needs them any more, without the garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["leaves_none_of"]


@contextmanager
def leaves_none_of(*kinds: type) -> Iterator[None]:
    """Assert that no instance of these classes that was made within lives on; nothing else may make some at the same time."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        before = {id(found) for found in _instances(kinds)}
        yield
        left = [type(found).__name__ for found in _instances(kinds) if id(found) not in before]
    finally:
        if was_enabled:
            gc.enable()
    assert not left, f"{len(left)} objects hold each other: {sorted(set(left))}"


def _instances(kinds: tuple[type, ...]) -> list[object]:
    # By type(), since isinstance() would ask each object, some of which answer by importing.
    return [found for found in gc.get_objects() if issubclass(type(found), kinds)]
