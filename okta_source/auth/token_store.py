"""The file that holds a refresh token: written by `authorize`, and by whoever uses the token, since Okta may give another one each time.

A file of JSON with a version, mode 0600, replaced as a whole and on disk before the token in it is used; a file that holds nothing but a
refresh token is understood too. A lock beside it (`<file>.lock`) is held from reading the token until its successor is written: a flow,
`check` and `authorize` may use one file at the same time, on one machine.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from okta_source.config.secret import Secret

__all__ = ["StoredToken", "TokenStore", "TokenStoreError"]

_VERSION = 1
_BARE_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
_LARGEST_BYTES = 64 * 1024
_LOCK_TIMEOUT_SECONDS = 30.0
_LOCK_NAP_SECONDS = 0.05


class TokenStoreError(Exception):
    """The store can't be used. Names the file and never holds what is in it."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What a store holds.

    Attributes:
        refresh_token: The newest one.
        client_id: Whose token it is; empty where that was not written down.
        dpop_key: The private key, PEM, that the token is bound to, where `authorize` or the first use has made one.
    """

    refresh_token: Secret
    client_id: str = ""
    dpop_key: Secret | None = None


class TokenStore:
    """One tenant's file.

    Args:
        path: Where it is. Neither it nor its folder need be there before the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def lock(self, timeout_seconds: float = _LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
        """Keep every other user of this file out, in this process and in others, by waiting for them first.

        Args:
            timeout_seconds: How long to wait.

        Raises:
            TokenStoreError: The lock can't be made, or somebody else has held it all the time.
        """
        target = self._target()
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = f"token store {self.path} cannot be locked: {error.strerror}"
            raise TokenStoreError(msg) from None
        try:
            self._wait_for(descriptor, timeout_seconds)
            yield
        finally:
            os.close(descriptor)  # which unlocks

    def read(self) -> StoredToken | None:
        """Read the store, or nothing where it is absent or empty.

        Raises:
            TokenStoreError: It can't be read, or holds something else.
        """
        try:
            with self.path.open("rb") as file:
                text = file.read(_LARGEST_BYTES).decode("utf-8").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"token store {self.path} cannot be read: {error.strerror}"
            raise TokenStoreError(msg) from None
        except UnicodeDecodeError:
            text = "\0"
        if not text:
            return None
        found = _parse(text)
        if found is None:
            msg = f"token store {self.path} holds something else than a refresh token"
            raise TokenStoreError(msg)
        return found

    def write(self, refresh_token: Secret, *, client_id: str = "", dpop_key: Secret | None = None) -> None:
        """Replace the store; when this returns, its content survives a crash. To be called under the lock.

        Args:
            refresh_token: The newest one.
            client_id: Whose it is.
            dpop_key: The private key, PEM, that it is bound to, where no other file holds it.

        Raises:
            TokenStoreError: It can't be written; the file is as it was.
        """
        content: dict[str, Any] = {"version": _VERSION, "refresh_token": refresh_token.reveal()}
        if client_id:
            content["client_id"] = client_id
        if dpop_key:
            content["dpop_key"] = dpop_key.reveal()
        target = self._target()
        # One name for all, since only one writes at a time: what a crash leaves behind is overwritten by the next write.
        new = target.with_name(f"{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file)
                file.write("\n")
                file.flush()
                os.fsync(descriptor)
            new.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            msg = f"token store {self.path} cannot be written: {error.strerror}"
            raise TokenStoreError(msg) from None

    def _target(self) -> Path:
        """The file itself, where the path is a link: replaced where it is, and locked by one name."""
        return Path(os.path.realpath(self.path))

    def _wait_for(self, descriptor: int, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    msg = f"token store {self.path} has been locked by another process for {timeout_seconds:g} s"
                    raise TokenStoreError(msg) from None
            except OSError as error:
                msg = f"token store {self.path} cannot be locked: {error.strerror}"
                raise TokenStoreError(msg) from None
            else:
                return
            time.sleep(_LOCK_NAP_SECONDS)  # a fetch thread, or a command; never a worker


def _parse(text: str) -> StoredToken | None:
    if not text.startswith("{"):
        return StoredToken(Secret(text)) if _BARE_TOKEN.fullmatch(text) else None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    token, client_id, key = found.get("refresh_token"), found.get("client_id", ""), found.get("dpop_key")
    if found.get("version") != _VERSION or not _is_token(token) or not isinstance(client_id, str) or not isinstance(key, str | None):
        return None
    return StoredToken(Secret(token), client_id, Secret(key) if key else None)


def _is_token(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable() and " " not in value


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
