"""More connections than may be open: who has shown no secret makes room, and who has is not thrown out for a stranger."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.netutil import bind_sockets

from okta_source.hooks import server as server_module
from okta_source.hooks.admission import decide
from okta_source.hooks.committer import Committer
from okta_source.hooks.segments import Retention
from okta_source.hooks.server import HookServer
from okta_source.hooks.spool_writer import SpoolWriter

MOST = 8
GOOD = b"POST /hooks/acme HTTP/1.1\r\nAuthorization: right\r\nContent-Length: 4\r\n\r\n"
BAD = GOOD.replace(b"right", b"wrong")


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that keeps no more than eight connections open, and has patience with a busy machine."""
    for name in ("HEADER_SECONDS", "BODY_SECONDS", "COMMIT_SECONDS", "_PATIENCE_SECONDS"):
        monkeypatch.setattr(server_module, name, 60.0)
    (tmp_path / "acme").mkdir()
    loop = asyncio.new_event_loop()
    sockets = bind_sockets(0, "127.0.0.1", family=socket.AF_INET, backlog=128)
    made: list[HookServer] = []

    async def begin() -> None:
        committer = Committer(SpoolWriter(tmp_path, ["acme"], Retention(3600.0, 1 << 30)), asyncio.get_running_loop())
        server = HookServer(
            decide=lambda method, target, headers: decide(
                method, target, headers, prefix="/hooks", is_admitted=lambda _, given: given.get("Authorization") == "right"
            ),
            tenants=["acme"],
            committer=committer,
            most_connections=MOST,
        )
        server.add_sockets(sockets)
        made.append(server)

    async def end() -> None:
        await made[0].finish(1.0)
        made[0].committer.close(5.0)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    yield sockets[0].getsockname()[1]
    asyncio.run_coroutine_threadsafe(end(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def connected(port: int, data: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(data)
    return connection


def answer(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1000)[9:12]
    except ConnectionResetError:
        return b"reset"


def delivered(port: int) -> bytes:
    with connected(port, GOOD + b"body") as connection:
        return answer(connection)


def test_who_sends_no_head_makes_room_the_oldest_first(port: int) -> None:
    slow = [connected(port, b"POST /hooks/acme HTTP/1.1\r\nX: ") for _ in range(3 * MOST)]
    assert delivered(port) == b"200"
    assert answer(slow[0]) in (b"503", b"reset")
    for connection in slow:
        connection.close()


def test_who_was_refused_and_still_sends_makes_room(port: int) -> None:
    refused = [connected(port, BAD + b"bo") for _ in range(MOST)]
    assert [answer(connection) for connection in refused] == [b"401"] * MOST
    assert delivered(port) == b"200"
    for connection in refused:
        connection.close()


def test_deliveries_under_way_are_kept_and_a_stranger_is_told_to_come_again(port: int) -> None:
    under_way = [connected(port, GOOD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")) for _ in range(MOST)]
    assert [answer(connection) for connection in under_way] == [b"100"] * MOST
    with connected(port, GOOD + b"body") as late:
        assert answer(late) == b"503"
    for connection in under_way:
        connection.sendall(b"body")
    assert [answer(connection) for connection in under_way] == [b"200"] * MOST
    for connection in under_way:
        connection.close()
