"""Adds a table to a configuration file: what is in it stays byte for byte, and nothing is written that a run would refuse for it."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from okta_source.check.configuration import read_entries
from okta_source.config.file import ConfigFile, parse_config, tenant_names
from okta_source.config.problems import ConfigurationError, quoted
from okta_source.init.entry import Entry, first_sink, new_file

__all__ = ["AppendError", "append_entry", "append_text", "read_before", "read_names"]


class AppendError(Exception):
    """The file stays as it is. The message names it and says why."""


def read_before(name: str) -> ConfigFile | None:
    """A file as it is; None where there is none.

    Args:
        name: The file.

    Raises:
        AppendError: It can't be read.
        okta_source.config.problems.ConfigurationError: It is no TOML.
    """
    before = _before(name)
    return parse_config(name, Path(name).absolute(), before) if before is not None else None


def read_names(name: str) -> list[str]:
    """The names of the tenants that are in a file already; none where there is no file. Raises as `read_before` does."""
    file = read_before(name)
    return [known for known in tenant_names(file.raw) if isinstance(known, str)] if file else []


def append_entry(name: str, entry: Entry) -> bool:
    """Add a tenant.

    Args:
        name: The file, which need not be there.
        entry: The tenant.

    Returns:
        Whether the file is new.

    Raises:
        AppendError: The name is taken, the entry is no good, or the file can't be written.
        okta_source.config.problems.ConfigurationError: The file is no TOML.
    """

    def text(known: ConfigFile | None) -> str:
        if known is None:
            return new_file(entry)
        if entry.name in tenant_names(known.raw):
            msg = f"{name} has a tenant {quoted(entry.name)} already; choose another name"
            raise AppendError(msg)
        return entry.toml() + (f"\n{first_sink()}" if not known.raw.get("sinks") else "")

    def problem(file: ConfigFile) -> str:
        mine = list(read_entries(file, {}))[-1].configuration
        return mine.detail if mine.status == "failed" else ""

    return append_text(name, entry.toml(), text, problem)


def append_text(name: str, table: str, text: Callable[[ConfigFile | None], str], problem: Callable[[ConfigFile], str]) -> bool:
    """Add tables to a configuration file, or make it.

    Args:
        name: The file, which need not be there.
        table: The table, for a person who has to add it by hand.
        text: Gives what is to be added to the file as it is; to None, what a new one is to hold. May raise `AppendError`.
        problem: Why a run would refuse the file for what was added, secrets aside, which need not be there yet; empty where it would not.

    Returns:
        Whether the file is new.

    Raises:
        AppendError: What is added is no good, or the file can't be written.
        okta_source.config.problems.ConfigurationError: The file is no TOML.
    """
    path = Path(name).absolute()
    before = _before(name)
    data = text(None).encode() if before is None else _joined(before, text(parse_config(name, path, before)))
    try:
        why = problem(parse_config(name, path, data))
    except ConfigurationError:
        # `tenants = [ … ]` on one line can't be continued, nor can `sinks = { … }`.
        msg = f"{name} can't be added to as it is written; put this into it by hand:\n\n{table}"
        raise AppendError(msg) from None
    if why:
        msg = f"{name} stays as it is, since a run would refuse the entry:\n{why}"
        raise AppendError(msg)
    try:
        _replace(path, data)
    except OSError as error:
        msg = f"{name} cannot be written: {error.strerror or type(error).__name__}"
        raise AppendError(msg) from None
    return before is None


def _before(name: str) -> bytes | None:
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{name} cannot be read: {error.strerror or type(error).__name__}"
        raise AppendError(msg) from None


def _joined(before: bytes, text: str) -> bytes:
    line_break = "\r\n" if b"\r\n" in before else "\n"
    gap = "" if not before else "\n" if before.endswith(b"\n") else "\n\n"
    return before + (gap + text).replace("\n", line_break).encode()


def _replace(path: Path, data: bytes) -> None:
    """Put the new content in the file's place in one step; its mode stays, and a link stays a link."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, new = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
        Path(new).chmod(mode)
        Path(new).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(new).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
