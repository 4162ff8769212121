"""Adds a table to a configuration file: what is in it stays byte for byte, and nothing is written that a run would refuse for it."""

import contextlib
import os
import tempfile
from pathlib import Path

from okta_source.check.configuration import read_entries
from okta_source.config.file import parse_config, tenant_names
from okta_source.config.problems import ConfigurationError, quoted
from okta_source.init.entry import Entry, first_sink, new_file

__all__ = ["AppendError", "append_entry", "read_names"]


class AppendError(Exception):
    """The file stays as it is. The message names it and says why."""


def read_names(name: str) -> list[str]:
    """The names of the tenants that are in a file already; none where there is no file.

    Args:
        name: The file.

    Raises:
        AppendError: It can't be read.
        okta_source.config.problems.ConfigurationError: It is no TOML.
    """
    before = _before(name)
    found = tenant_names(parse_config(name, Path(name).absolute(), before).raw) if before is not None else []
    return [known for known in found if isinstance(known, str)]


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
    path = Path(name).absolute()
    before = _before(name)
    if before is None:
        data = new_file(entry).encode()
    else:
        known = parse_config(name, path, before)
        if entry.name in tenant_names(known.raw):
            msg = f"{name} has a tenant {quoted(entry.name)} already; choose another name"
            raise AppendError(msg)
        data = _joined(before, entry, with_sink=not known.raw.get("sinks"))
    _check(name, path, data, entry)
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


def _joined(before: bytes, entry: Entry, *, with_sink: bool) -> bytes:
    line_break = "\r\n" if b"\r\n" in before else "\n"
    text = entry.toml() + (f"\n{first_sink()}" if with_sink else "")
    gap = "" if not before else "\n" if before.endswith(b"\n") else "\n\n"
    return before + (gap + text).replace("\n", line_break).encode()


def _check(name: str, path: Path, data: bytes, entry: Entry) -> None:
    """See the new file as a run would, but for the secrets, which need not be there yet."""
    try:
        mine = list(read_entries(parse_config(name, path, data), {}))[-1]
    except ConfigurationError:
        # `tenants = [ … ]` on one line can't be continued, nor can `sinks = { … }`.
        msg = f"{name} can't be added to as it is written; put this into it by hand:\n\n{entry.toml()}"
        raise AppendError(msg) from None
    if mine.configuration.status == "failed":
        msg = f"{name} stays as it is, since a run would refuse the entry:\n{mine.configuration.detail}"
        raise AppendError(msg)


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
