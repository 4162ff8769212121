"""The files in which Bytewax keeps its state: whether they are there, making them, opening them."""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bytewax.recovery import init_db_dir

__all__ = ["StateUnusable", "holds_stores", "make_directory", "make_stores", "open_store", "store_names", "stores_in"]

_BUSY_SECONDS = 30.0


class StateUnusable(Exception):  # noqa: N818 (it names what is the case, like StopIteration)
    """The state directory can't be used; the message says what to do."""


def holds_stores(directory: Path) -> bool:
    """Whether somebody has made it a state directory."""
    return any(stores_in(directory))


def make_directory(directory: Path) -> None:
    """Make the folder where it isn't there.

    Raises:
        StateUnusable: It can't be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unmakeable(directory, error) from None


def make_stores(directory: Path, count: int) -> None:
    """Make a folder a state directory, as `python -m bytewax.recovery` does.

    Args:
        directory: The folder, without stores.
        count: How many stores. That is how many processes can write snapshots at once, not how many may use them.

    Raises:
        StateUnusable: It can't be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=directory) as new:
            init_db_dir(new, count)  # type: ignore[no-untyped-call]
            for store in stores_in(Path(new)):
                store.rename(directory / store.name)
    except OSError as error:
        raise _unmakeable(directory, error) from None


def _unmakeable(directory: Path, error: OSError) -> StateUnusable:
    return StateUnusable(
        f"The state directory {directory} can't be made: {error.strerror}. It has to be a folder that the flow's user may write to."
    )


def store_names(directory: Path) -> list[str]:
    """The names of the stores that are here."""
    return [store.name for store in stores_in(directory)]


def stores_in(directory: Path) -> Iterator[Path]:
    """The stores that are here, by their names."""
    yield from sorted(directory.glob("part-*.sqlite3"))


def open_store(store: Path) -> sqlite3.Connection:
    """Open one; to be closed by whoever asks."""
    return sqlite3.connect(store, timeout=_BUSY_SECONDS)
