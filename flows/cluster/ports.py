"""Whether a port is free: asked before anything is started, since a process that finds out later has already joined."""

import errno
import socket

__all__ = ["why_unavailable"]

_REASONS = {errno.EADDRINUSE: "is in use", errno.EACCES: "needs privileges that this user lacks"}


def why_unavailable(host: str, port: int) -> str:
    """Try to listen on a port, for a moment.

    Args:
        host: The address.
        port: The port.

    Returns:
        What is the matter, such as `is in use`; nothing when it is free.
    """
    with socket.socket() as probe:
        # As the processes themselves will do: what a closed connection has left behind is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return _REASONS.get(error.errno or 0, f"can't be used ({error.strerror})")
    return ""
