"""Bytewax's web server, which serves the metrics, made ready before Bytewax starts it.

What Bytewax 0.21.1 does by itself: it serves where `BYTEWAX_DATAFLOW_API_ENABLED` is set, be it to 0, on every interface. If it can't bind
its port, only the server's own thread panics, and the flow goes on with nobody watching. It writes `dataflow.json` into the working
directory, and does not start where that can't be written.
"""

import logging
import os
import re
import socket
import tempfile
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

import bytewax._metrics
from prometheus_client import REGISTRY

from flows.runtime.exposition import exposition
from flows.runtime.invocation import process_number
from okta_source import __version__
from okta_source.metrics import tell_pipeline

__all__ = ["DEFAULT_PORT", "ENABLED", "PORT", "MetricsUnavailable", "prepare_metrics", "process_id"]

_LOG = logging.getLogger(__name__)

ENABLED = "BYTEWAX_DATAFLOW_API_ENABLED"
PORT = "BYTEWAX_DATAFLOW_API_PORT"
CACHE_PATH = "BYTEWAX_DATAFLOW_API_CACHE_PATH"
DEFAULT_PORT = 3030
_LARGEST_PORT = 65535
_MEANT_AS_OFF = frozenset({"", "0", "false", "no", "off"})


class MetricsUnavailable(Exception):  # noqa: N818 (it names what is the case, like StopIteration)
    """Metrics are wanted and can't be served; the message says what to do."""


def prepare_metrics(argv: Sequence[str] | None = None, environ: MutableMapping[str, str] = os.environ) -> None:
    """Say who this process is, and where metrics are wanted, make sure that Bytewax will be able to serve them.

    For a process that `bytewax.run` is about to run a flow in.

    Args:
        argv: The command line without the program's name; by default this process's.
        environ: The environment. Where nobody has said where `dataflow.json` is to be written, that is set here.

    Raises:
        MetricsUnavailable: The port can't be had, or `dataflow.json` not be written.
    """
    tell_pipeline(__version__, process_id(argv, environ))
    if ENABLED not in environ:
        return
    if environ[ENABLED].strip().lower() in _MEANT_AS_OFF:
        _LOG.warning("%s=%s: Bytewax serves metrics wherever this variable is set; unset it to serve none", ENABLED, environ[ENABLED])
    _check_port(_port(environ))
    if CACHE_PATH in environ:
        _check_folder(Path(environ[CACHE_PATH]))
    else:
        environ[CACHE_PATH] = str(_own_folder())
    # A registry of many tenants in less time than the library takes; what it says is the same.
    bytewax._metrics.generate_python_metrics = lambda: exposition(REGISTRY)  # noqa: SLF001


def process_id(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Which process of its cluster this is, found as `bytewax.run` finds it; "0" where it is alone.

    Args:
        argv: The command line without the program's name; by default this process's.
        environ: The environment.
    """
    return process_number(argv, environ) or "0"


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get(PORT, str(DEFAULT_PORT))
    # Bytewax takes what Rust takes for a 16-bit number, and would choose a port that nobody knows for 0.
    if re.fullmatch(r"\+?[0-9]+", text, re.ASCII) is None or not 0 < int(text) <= _LARGEST_PORT:
        msg = f"{PORT}: {text!r} is no port for the metrics; allowed: 1 to {_LARGEST_PORT}"
        raise MetricsUnavailable(msg)
    return int(text)


def _check_port(port: int) -> None:
    """Bind the port as Bytewax will in a moment, and let it go."""
    with socket.socket() as probe:
        # As Rust's listener does, or a port that was in use until just now would look busy for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104  # Bytewax can't be told another interface
            probe.listen()
        except OSError as error:
            msg = (
                f"Port {port} can't be had for the metrics ({error.strerror}). Choose one that is free with {PORT}; "
                f"each process of a cluster needs one of its own on its host. Or unset {ENABLED} to serve no metrics."
            )
            raise MetricsUnavailable(msg) from None


def _check_folder(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        msg = (
            f"{CACHE_PATH}: {folder} ({error.strerror}) must be a folder that this process may write to: Bytewax keeps dataflow.json there."
        )
        raise MetricsUnavailable(msg) from None


def _own_folder() -> Path:
    """A folder of this user's own for temporary files, the same for every run, so that none is left behind each time."""
    try:
        folder = Path(tempfile.gettempdir()) / f"bytewax-okta-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077:
            # Somebody else has made it, or a link (whose mode is 0777), and could lead us astray.
            return Path(tempfile.mkdtemp(prefix="bytewax-okta-"))
    except OSError as error:
        msg = f"Bytewax wants to write dataflow.json, and there is no place for it ({error.strerror}): name a folder with {CACHE_PATH}."
        raise MetricsUnavailable(msg) from None
    return folder
