"""How one sees that a file has changed since it was read."""

from pathlib import Path

__all__ = ["Stamp", "stamp_of"]

Stamp = tuple[int, int, int]
"""Time of the last change in nanoseconds, size, and the file's number: a file put in another one's place has another one."""


def stamp_of(path: Path) -> Stamp:
    """The file's stamp; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino
