"""`python -m okta_source hooks`: receives event hooks and EventBridge deliveries until SIGINT or SIGTERM.

| exit | meaning |
|---|---|
| 0 | stopped by a signal; every delivery that was answered 200 is in the spool |
| 2 | the configuration, a secret, a port or the spool's folder is wrong: told once, nothing was received |
"""

import argparse
import asyncio
import logging
import os
import sys
from datetime import UTC, datetime

from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH
from okta_source.config.problems import ConfigurationError
from okta_source.config.secret import SecretError
from okta_source.hooks.event_types import ELIGIBLE, FEW
from okta_source.hooks.receiver import CannotListenError, listen, pairs, serve
from okta_source.hooks.secrets import HookSecrets
from okta_source.hooks.settings import load
from okta_source.hooks.spool_writer import SpoolError, prepare_spool
from okta_source.output import shape_help

_WRONG = 2
_HIGHEST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shape_help(
        parser,
        {
            0: "stopped by a signal; every delivery that was answered 200 is in the spool",
            2: "the configuration, a secret, a port or the spool's folder is wrong: nothing was received",
        },
        ["python -m okta_source hooks --metrics-port 3031", "python -m okta_source hooks --event-types few"],
    )
    parser.add_argument("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    parser.add_argument(
        "--metrics-port", metavar="PORT", type=_port, help="serve /metrics and /healthz at this port (default: none; 0: a free one)"
    )
    parser.add_argument("--metrics-host", metavar="HOST", default="0.0.0.0", help="and at this address (default: %(default)s)")  # noqa: S104  # as Bytewax's own

    parser.add_argument(
        "--event-types",
        choices=("all", "few"),
        help="print the event types to register a hook for, one a line, and end: all that are eligible, or a few that say early what an "
        "attacker does",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    if arguments.event_types:
        names = sorted(ELIGIBLE) if arguments.event_types == "all" else FEW
        sys.stdout.write("\n".join(names) + "\n")
        return 0
    _configure_logging()
    try:
        settings = load(arguments.config)
        secrets = HookSecrets(pairs(settings), os.environ)
        for warning in settings.warnings:
            sys.stderr.write(f"warning: {warning}\n")
        sockets = listen(*settings.hooks.address, "hooks.listen")
        metrics_sockets = (
            listen(arguments.metrics_host, arguments.metrics_port, "--metrics-port") if arguments.metrics_port is not None else []
        )
        lock = prepare_spool(settings.hooks.spool_dir, list(settings.tenants))
    except (ConfigurationError, SecretError, CannotListenError, SpoolError) as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG
    try:
        asyncio.run(serve(settings, secrets, sockets, metrics_sockets))
    finally:
        os.close(lock)
    logging.shutdown()
    sys.stderr.flush()
    # A thread whose disk hangs would be waited for.
    os._exit(0)


class _UtcFormatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _configure_logging() -> None:
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_UtcFormatter("%(asctime)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # Strangers' malformed requests, one line each.
    logging.getLogger("tornado").setLevel(logging.ERROR)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        message = f"{text!r} is no port; allowed: 0 to {_HIGHEST_PORT}"
        raise argparse.ArgumentTypeError(message)
    return int(text)
