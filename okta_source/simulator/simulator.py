"""The server: every organisation on a port of its own, all of them in one background thread."""

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Self, TypeVar

from okta_source.simulator.organisation import Organisation
from okta_source.simulator.protocol import Connection

_Result = TypeVar("_Result")
_BACKLOG = 512
# A task, its transport, the protocol of that: asyncio takes a round of the loop for each, and one to close it.
_ROUNDS_OF_AN_ACCEPT = 5
_WAIT_SECONDS = 30.0


class Simulator:
    """A set of Okta organisations that answer on this machine.

    Use it as a context manager, or call `start` and `stop`. Organisations keep their events and counters from one start
    to the next, and their ports too.

    Args:
        organisations: Whom to serve; names must differ.
        host: Address to listen on.
        port: Port of the first organisation, the others follow; 0 takes free ports.
        ssl_context: Serve https with this server-side context.

    Raises:
        ValueError: Two organisations have the same name.
    """

    def __init__(
        self,
        organisations: Sequence[Organisation],
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._organisations = {organisation.name: organisation for organisation in organisations}
        if len(self._organisations) != len(organisations):
            message = "two organisations of a simulator have the same name"
            raise ValueError(message)
        self._host = host
        self._ports = {name: port + number if port else 0 for number, name in enumerate(self._organisations)}
        self._ssl_context = ssl_context
        self._scheme = "https" if ssl_context else "http"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: dict[str, set[Connection]] = {name: set() for name in self._organisations}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def __getitem__(self, name: str) -> Organisation:
        return self._organisations[name]

    def __iter__(self) -> Iterator[Organisation]:
        return iter(self._organisations.values())

    def url(self, name: str) -> str:
        """The organisation's URL, without a slash at the end; its port is known once the simulator was started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self._ports[name]}"

    def start(self) -> None:
        """Listen on all ports; returns when they accept connections.

        Raises:
            OSError: A port is taken.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="okta-simulator", daemon=True)
        self._thread.start()
        try:
            for name, organisation in self._organisations.items():
                organisation.start()
                self._run(self._listen(name))
                organisation.start_hooks(self.url(name))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close every connection and port, and end the thread. Does nothing when it isn't running."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        for organisation in self:
            organisation.stop_hooks()
        for name in list(self._servers):
            self.down(name)
        self._run(self._settle())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_WAIT_SECONDS)
        loop.close()
        self._loop = self._thread = None

    def down(self, name: str) -> None:
        """Refuse connections to one organisation and drop those that are open, until `up`."""
        self._run(self._close(name))

    def up(self, name: str) -> None:
        """Listen again, on the same port."""
        self._run(self._listen(name))

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        if self._loop is None:
            work.close()
            message = "the simulator isn't running"
            raise RuntimeError(message)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_SECONDS)

    async def _listen(self, name: str) -> None:
        if name in self._servers:
            return
        loop = asyncio.get_running_loop()
        respond = self._organisations[name].respond
        connections = self._connections[name]
        server = await loop.create_server(
            lambda: Connection(loop, respond, connections, self._scheme),
            self._host,
            self._ports[name],
            backlog=_BACKLOG,
            ssl=self._ssl_context,
        )
        self._servers[name] = server
        self._ports[name] = server.sockets[0].getsockname()[1]

    async def _close(self, name: str) -> None:
        server = self._servers.pop(name, None)
        if server is None:
            return
        # Nothing more is accepted, but what has been goes on its way: a server that is closed already would drop it without closing it.
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        # Aborted transports tell their protocols in the loop's next round; leaving earlier would leak their sockets. One that was accepted
        # just before becomes known some rounds later.
        rounds = 0
        while self._connections[name] or rounds < _ROUNDS_OF_AN_ACCEPT:
            for connection in list(self._connections[name]):
                connection.abort()
            await asyncio.sleep(0)
            rounds += 1
        server.close()
        await server.wait_closed()

    async def _settle(self) -> None:
        """End what is left, such as a TLS handshake that nobody will finish, and let its sockets close."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for _ in range(_ROUNDS_OF_AN_ACCEPT):
            await asyncio.sleep(0)
