"""The file with the refresh token: whole or not at all, for its owner only, used by one at a time."""

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from okta_source.auth.token_store import StoredToken, TokenStore, TokenStoreError
from okta_source.config.secret import Secret


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "state" / "acme.token")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read(store: TokenStore) -> None:
    assert store.read() is None
    store.write(Secret("rt-1"))
    assert store.read() == StoredToken(Secret("rt-1"))
    store.write(Secret("rt-2"), client_id="0oa1", dpop_key=Secret("PEM"))
    assert store.read() == StoredToken(Secret("rt-2"), "0oa1", Secret("PEM"))
    assert json.loads(store.path.read_text()) == {"version": 1, "refresh_token": "rt-2", "client_id": "0oa1", "dpop_key": "PEM"}


def test_it_is_for_its_owner_only_whatever_was_there_before(store: TokenStore) -> None:
    before = os.umask(0)
    try:
        with store.lock():
            store.write(Secret("rt-1"))
        assert mode(store.path) == 0o600
        assert mode(store.path.parent) == 0o700
        assert mode(Path(f"{store.path}.lock")) == 0o600
        store.path.chmod(0o644)
        Path(f"{store.path}.new").write_text("left behind by a crash")
        store.write(Secret("rt-2"))
        assert mode(store.path) == 0o600
    finally:
        os.umask(before)
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["acme.token", "acme.token.lock"]


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_an_empty_store_is_no_token(store: TokenStore, content: str) -> None:
    store.path.parent.mkdir()
    store.path.write_text(content)
    assert store.read() is None


def test_a_file_with_nothing_but_a_token_is_understood(store: TokenStore) -> None:
    store.path.parent.mkdir()
    store.path.write_text("rt-0\n")
    assert store.read() == StoredToken(Secret("rt-0"))


@pytest.mark.parametrize(
    "content",
    [b"two words", b"{", b"[]", b"{}", b'{"version":2,"refresh_token":"rt"}', b'{"version":1,"refresh_token":""}', b"\xff\xfe",
     b'{"version":1,"refresh_token":"rt","client_id":5}', b'{"version":1,"refresh_token":"rt","dpop_key":{}}', b"{" + b"[" * 60_000],
)  # fmt: skip
def test_what_is_no_store_is_told_without_showing_it(store: TokenStore, content: bytes) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(content)
    with pytest.raises(TokenStoreError, match="something else than a refresh token") as caught:
        store.read()
    assert str(store.path) in str(caught.value)
    assert "two words" not in str(caught.value)


def test_a_store_that_can_not_be_used_names_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    below_a_file = TokenStore(tmp_path / "file" / "acme.token")
    with pytest.raises(TokenStoreError, match="cannot be written"):
        below_a_file.write(Secret("rt-1"))
    with pytest.raises(TokenStoreError, match="cannot be locked"), below_a_file.lock():
        pass
    with pytest.raises(TokenStoreError, match="cannot be read: Is a directory"):
        TokenStore(tmp_path).read()


def test_a_write_that_fails_leaves_the_store_as_it_was(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(Secret("rt-1"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TokenStoreError, match="No space left on device"):
        store.write(Secret("rt-2"))
    assert store.read() == StoredToken(Secret("rt-1"))


def test_a_token_is_on_disk_before_it_has_its_name(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(Secret("rt-1"))
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(json.loads(store.path.read_text())["refresh_token"])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store.write(Secret("rt-2"))
    assert synced == ["rt-1", "rt-2"]  # the new file, then the folder


def test_a_link_stays_a_link_and_has_one_lock(store: TokenStore, tmp_path: Path) -> None:
    store.write(Secret("rt-1"))
    link = tmp_path / "link.token"
    link.symlink_to(store.path)
    linked = TokenStore(link)
    with linked.lock(), pytest.raises(TokenStoreError, match="locked by another process"), store.lock(0.0):
        pass
    linked.write(Secret("rt-2"))
    assert link.is_symlink()
    assert store.read() == StoredToken(Secret("rt-2"))


def test_threads_take_turns(store: TokenStore) -> None:
    inside = threading.Semaphore(1)

    def use() -> None:
        with store.lock():
            assert inside.acquire(blocking=False)
            stored = store.read()
            count = int(stored.refresh_token.reveal()) if stored else 0
            store.write(Secret(str(count + 1)))
            inside.release()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = store.read()
    assert stored
    assert stored.refresh_token.reveal() == "8"


HOLDER = """
import sys
from pathlib import Path
from okta_source.auth.token_store import TokenStore
with TokenStore(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.readline()
"""


def test_processes_take_turns_and_a_killed_one_holds_nothing(store: TokenStore) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(TokenStoreError, match="has been locked by another process for 0 s"), store.lock(0.0):
            pass
        taken = threading.Event()

        def wait_for_it() -> None:
            with store.lock():
                taken.set()

        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        assert not taken.is_set()
        holder.kill()
        holder.wait()
        assert taken.wait(10)
        waiting.join()
    finally:
        holder.kill()
        holder.communicate()
