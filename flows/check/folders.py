"""What a folder, its disk and a file's name say before anything is written: nothing here writes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from okta_source.check.report import Verdict, failed, ok, warning
from sinks.durable import open_own
from sinks.errors import advice

__all__ = ["judge_disk", "judge_file", "judge_rights", "nearest"]

_FULL_BYTES: Final = 64 * 1024 * 1024
_NEARLY_FULL_BYTES: Final = 1024 * 1024 * 1024
_UNITS: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def nearest(path: Path) -> Path:
    """The path itself, or the nearest part of it that is there: what is missing behind it would be made."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def judge_file(path: Path) -> Verdict:
    """Whether what stands where a file will be is one of ours, or nothing.

    Args:
        path: The file.
    """
    there = nearest(path)
    if there != path:
        if there.is_dir():
            return ok(f"{path} will be made")
        what = "a link that leads nowhere" if there.is_symlink() else "a file"
        return failed(f"{path}: a part of the path, {there}, is {what}", "Move it away, or change the sink's path.")
    try:
        os.close(open_own(path, os.O_WRONLY | os.O_APPEND))
    except OSError as error:
        reason, fix = advice(error)
        return failed(f"{path}: {reason}", f"{fix[0].upper()}{fix[1:]}.")
    return ok(f"{path} is there, and is appended to")


def judge_rights(folder: Path, what: str, access: Callable[[Path], bool] | None = None) -> Verdict:
    """Whether files can be made in a folder, which itself may have to be made.

    Args:
        folder: The folder.
        what: What stands in it, for messages.
        access: Whether this process may make files in a folder; by default the operating system is asked.
    """
    there = nearest(folder)
    if not there.is_dir():
        return failed(f"{there} is no folder, so that {what} can't stand in {folder}", "Move it away, or change the path.")
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return failed(f"{there} is on a file system that is mounted read-only", "Mount it writable, or move the path to another disk.")
    if not (access or _may_write)(there):
        return failed(
            f"uid {os.geteuid()} may not make files in {there}",
            f"Give the folder to the user that runs the pipeline (chown), or let that user write there (chmod u+wx {there}).",
        )
    return ok(f"{folder}{'' if there == folder else f' can be made in {there}'}")


def judge_disk(folder: Path, free_bytes: Callable[[Path], int] | None = None) -> Verdict:
    """Whether there is space where a folder is or will be.

    Args:
        folder: The folder.
        free_bytes: What is free there; by default the operating system is asked.
    """
    there = nearest(folder)
    free = (free_bytes or _free_bytes)(there)
    detail = f"{_size(free)} free at {there}"
    if free < _FULL_BYTES:
        return failed(f"The disk is full: {detail}", "Free some space, or move the path to a larger disk; a run ends with exit 3 there.")
    if os.statvfs(there).f_files and not os.statvfs(there).f_favail:
        return failed(f"The disk has no inode left at {there}", "Delete files, or move the path to a disk with more inodes.")
    if free < _NEARLY_FULL_BYTES:
        return warning(f"little space: {detail}", "Free some space, or have old files removed (`keep`): 1,000,000 events are about 2 GB.")
    return ok(detail)


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _size(count: int) -> str:
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
