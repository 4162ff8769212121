"""What stands in front of a server and looks into the bodies of requests."""

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Firewall"]

_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"


class _Handler(Protocol):
    connection: socket.socket
    close_connection: bool

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None: ...

    def reset(self) -> None: ...


@dataclass
class Firewall:
    """Lets no request through in which these bytes stand.

    Attributes:
        needle: The bytes.
        how: Whether it answers with a page, resets the connection, ends it with an alert of TLS, or says nothing at all.
        page: The page.
        seconds: For how long it says nothing.
    """

    needle: bytes
    how: Literal["403-html", "502-html", "hang", "reset", "alert"]
    page: bytes = b""
    seconds: float = 10.0

    def stops(self, handler: _Handler, body: bytes) -> bool:
        """Deal with a request; returns whether it was stopped."""
        if self.needle not in body:
            return False
        if self.how.endswith("-html"):
            handler.answer(int(self.how[:3]), {"Content-Type": "text/html"}, self.page)
        elif self.how == "reset":
            handler.reset()
        elif self.how == "alert":
            socket.socket.sendall(handler.connection, _ALERT)  # past TLS, where that is spoken
            handler.close_connection = True
        else:
            threading.Event().wait(self.seconds)
            handler.reset()
        return True
