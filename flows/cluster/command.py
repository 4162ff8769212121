"""The command: looks at everything first, starts the processes, and says how they ended.

| exit | meaning |
|---|---|
| 0 | stopped by SIGINT or SIGTERM, to this process or to one of the cluster; or every tenant is drained |
| 1 | a process died or failed: the others were ended, and the next start resumes; or tenants could not be drained |
| 2 | the configuration, an argument, a port or the state directory is wrong: told once, nothing was started |
| 3 | a sink can't go on, see `flows.runtime.lifecycle` |
"""

import argparse
import logging
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from flows.cluster.companion import Companion
from flows.cluster.ending import Ending
from flows.cluster.plan import METRICS_ENABLED, METRICS_PORT, Cluster, listening_ports, members, ports, ports_that_clash, receiver
from flows.cluster.ports import why_unavailable
from flows.cluster.processes import run
from flows.configuration.settings import CONFIG_VARIABLE, DEFAULT_PATH, ConfigurationError, Settings, load
from flows.runtime.invocation import Seat
from flows.runtime.lifecycle import EXIT_CONFIGURATION
from flows.runtime.logs import configure_logging
from flows.runtime.owner import LAUNCHER, hold
from flows.runtime.state_directory import MAIN_FLOW, WAY_OUT, examine_state
from flows.runtime.stores import StateUnusable, holds_stores, make_directory, make_stores
from okta_source.hooks.settings import load as load_receiver
from okta_source.output import shape_help
from sinks.config import SinkConfig

__all__ = ["main", "make_parser"]

_LOG = logging.getLogger(__name__)
_DEFAULT_METRICS_PORT = 3030


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.
        environ: The environment, which the processes inherit.

    Returns:
        The exit code.
    """
    arguments = make_parser(environ).parse_args(argv)
    configure_logging()
    try:
        settings = load(arguments.config, environ)
        cluster = _asked_for(arguments, settings, environ)
        problems = [*ports_that_clash(cluster)] or [*_unavailable(cluster)]
        if not problems:
            return _run(cluster, settings.sinks, environ)
    except (ConfigurationError, StateUnusable) as error:
        problems = [str(error)]
    sys.stderr.write("\n".join(problems) + "\n")
    return EXIT_CONFIGURATION


def _run(cluster: Cluster, sinks: Mapping[str, SinkConfig], environ: Mapping[str, str]) -> int:
    ending = Ending(cluster.size, keeps_state=cluster.state is not None, until_drained=cluster.until_drained)
    with ExitStack() as stack:
        if cluster.state is None:
            _LOG.warning("without --state nothing is remembered: each start begins at start_from")
        else:
            _prepare_state(cluster, cluster.state, sinks, stack)
        hooks = receiver(cluster, environ)
        beside = Companion(hooks, sys.stderr.buffer) if hooks else None
        run(members(cluster, environ), ending, sys.stderr.buffer, listening_ports(cluster), beside)
    conclusion = ending.conclusion()
    _LOG.log(logging.CRITICAL if conclusion.code else logging.INFO, "%s", conclusion.message)
    return conclusion.code


def _asked_for(arguments: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> Cluster:
    if arguments.hooks:
        load_receiver(settings.path, environ)  # what is wrong with it is told now, and not by a process that starts again and again
    return Cluster(
        size=arguments.processes,
        config=settings.path,
        state=Path(arguments.state).absolute() if arguments.state else None,
        snapshot_interval_seconds=arguments.snapshot_interval,
        backup_interval_seconds=arguments.backup_interval,
        port_base=arguments.port_base,
        metrics_port=arguments.metrics_port,
        until_drained=arguments.until_drained,
        token=secrets.token_hex(8),
        hooks=arguments.hooks,
        hooks_address=settings.hooks.address,
        hooks_metrics_port=arguments.hooks_metrics_port,
    )


def _unavailable(cluster: Cluster) -> Iterator[str]:
    for port in ports(cluster):
        reason = why_unavailable(port.host, port.number)
        if reason:
            fix = f"end what listens there, or choose another {port.option}"
            yield f"port {port.number} for {port.purpose} {reason}: {fix}"


def _prepare_state(cluster: Cluster, directory: Path, sinks: Mapping[str, SinkConfig], stack: ExitStack) -> None:
    """Make the state directory where there is none, with as many stores as processes, and hold it for them to join."""
    make_directory(directory)
    stack.enter_context(hold(directory, Seat(cluster.token, LAUNCHER, cluster.size)))
    if not holds_stores(directory):
        make_stores(directory, cluster.size)
        _LOG.info("made the state directory %s", directory)
    examine_state(directory, MAIN_FLOW, sinks, alone=True, way_out=WAY_OUT)


def make_parser(environ: Mapping[str, str] = os.environ) -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.cluster",
        description="Run the main flow as several processes on this machine: start, watch and stop them together.",
    )
    parser.add_argument(
        "-n", "--processes", metavar="N", type=_positive, required=True, help="how many; as many as there are cores to spare"
    )
    # A text as default goes through the type as well.
    parser.add_argument(
        "--state",
        metavar="DIR",
        default=environ.get("BYTEWAX_RECOVERY_DIRECTORY"),
        help="the state directory, made if it isn't there; any number of processes may resume from it "
        "(default: $BYTEWAX_RECOVERY_DIRECTORY)",
    )
    parser.add_argument("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    parser.add_argument(
        "--snapshot-interval",
        metavar="SECONDS",
        type=_seconds,
        default=environ.get("BYTEWAX_SNAPSHOT_INTERVAL", "10"),
        help="from one snapshot to the next (default: $BYTEWAX_SNAPSHOT_INTERVAL, else 10)",
    )
    parser.add_argument(
        "--backup-interval",
        metavar="SECONDS",
        type=_seconds,
        default=environ.get("BYTEWAX_RECOVERY_BACKUP_INTERVAL", "0"),
        help="how long snapshots are kept that newer ones replace (default: $BYTEWAX_RECOVERY_BACKUP_INTERVAL, else 0)",
    )
    parser.add_argument(
        "--port-base",
        metavar="PORT",
        type=_positive,
        default=2101,
        help="process K listens for the others on 127.0.0.1, at this port plus K (default: %(default)s)",
    )
    parser.add_argument(
        "--metrics-port",
        metavar="PORT",
        type=_positive,
        default=environ.get(METRICS_PORT, str(_DEFAULT_METRICS_PORT)) if METRICS_ENABLED in environ else None,
        help=f"process K serves its metrics at this port plus K (default: none, or with ${METRICS_ENABLED}: ${METRICS_PORT}, "
        f"else {_DEFAULT_METRICS_PORT})",
    )
    parser.add_argument("--hooks", action="store_true", help="run the receiver of hooks beside it, and start it again whenever it ends")
    parser.add_argument(
        "--hooks-metrics-port", metavar="PORT", type=_positive, help="where the receiver serves its metrics (default: none)"
    )
    parser.add_argument("--until-drained", action="store_true", help="end once every tenant is drained and outboxes are empty, for cron")
    shape_help(
        parser,
        {
            0: "stopped, or every tenant drained",
            1: "a process died or failed, or not every tenant could be drained: start it again",
            2: "the configuration, an argument, a port or the state directory is wrong: nothing was started",
            3: "a sink can't go on",
        },
        [
            "python -m flows.cluster -n 2 --state state",
            "python -m flows.cluster -n 4 --state /var/lib/okta/state --config /etc/okta/okta.toml --metrics-port 3030",
        ],
    )
    return parser


def _positive(text: str) -> int:
    return _whole_number(text, 1)


def _seconds(text: str) -> int:
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        message = f"{text!r} is not allowed; allowed: whole numbers from {least} on"
        raise argparse.ArgumentTypeError(message)
    return number
