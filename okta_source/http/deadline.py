"""An answer that has to be there as a whole within a time-out: status, headers, interim answers, body and trailers."""

import contextlib
import io
import socket
import time
from typing import Any

__all__ = ["within"]


def within(sock: socket.socket, file: Any) -> Any:
    """What is read from `file`, made of `sock`, has to come within the socket's time-out from now on."""
    timeout_seconds = sock.gettimeout()
    return file if timeout_seconds is None else io.BufferedReader(_UntilDeadline(file.detach(), sock, timeout_seconds))


class _UntilDeadline(io.RawIOBase):
    """What is left of the time-out is the time-out of the next read: a socket's own counts from byte to byte, and a trickle never ends."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, timeout_seconds: float) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left_seconds = self._deadline - time.monotonic()
        if left_seconds <= 0.0:
            msg = "the answer took too long"
            raise TimeoutError(msg)
        self._sock.settimeout(left_seconds)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):  # closed already
                self._sock.settimeout(self._timeout_seconds)
            self._raw.close()
        super().close()
