"""`bytewax-okta run`: makes the state directory where there is none, has Bytewax run the main flow in this process, and says how it ended.

It is what `python -m bytewax.run flows.system_log -r STATE -s 10 -b 0` is, with options for what Bytewax takes from the environment. Exit
codes are those of every run, see `flows.runtime.lifecycle`.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from glob import escape, iglob
from pathlib import Path
from typing import Final

from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from flows.configuration.settings import CONFIG_VARIABLE, DEFAULT_PATH, Settings
from flows.runtime.invocation import become_run, in_cluster
from flows.runtime.lifecycle import EXIT_CONFIGURATION
from flows.runtime.logs import configure_logging, progress_line, warn_of
from flows.runtime.metrics_endpoint import DEFAULT_PORT, ENABLED, PORT
from flows.runtime.owner import hold_for_life
from flows.runtime.place import journal_folder
from flows.runtime.recovery import flows_in
from flows.runtime.stores import holds_stores, make_directory, make_stores
from flows.runtime.voice import Voice, last_written
from flows.system_log import prepare_run
from okta_source.output import run_command, shape_help
from sinks.config import FileSinkConfig

__all__ = ["main", "make_parser"]

_STATE: Final = "state"
_LARGEST_PORT: Final = 65535


def main(argv: Sequence[str] | None = None, environ: MutableMapping[str, str] = os.environ) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.
        environ: The environment, in which Bytewax is told where metrics are served.

    Returns:
        The exit code.

    Raises:
        SystemExit: With code 2, see `flows.system_log.prepare_run`.
    """
    arguments = make_parser(environ).parse_args(argv)
    configure_logging()
    if in_cluster([], environ):
        sys.stderr.write(
            "The environment makes this one of several processes (BYTEWAX_ADDRESSES, BYTEWAX_HOSTFILE_PATH), and `run` is one alone: unset "
            "them; or take `bytewax-okta cluster`, or `python -m bytewax.run flows.system_log` for each.\n"
        )
        return EXIT_CONFIGURATION
    if arguments.metrics_port is not None:
        environ.update({ENABLED: "1", PORT: str(arguments.metrics_port)})
    state: Path = arguments.state.absolute()
    become_run(["-r", str(state)])
    written = last_written(state)
    run = prepare_run(arguments.config, until_drained=arguments.until_drained, make_state=_make_state)
    now = datetime.now(UTC)
    voice = Voice(
        tenants=run.names,
        since={tenant.name: tenant.start_from.since(now).timestamp() for tenant in run.settings.tenants},
        sinks={name: sink.type for name, sink in run.settings.sinks.items()},
        state=state,
        metrics=f"http://127.0.0.1:{environ.get(PORT, DEFAULT_PORT)}/metrics" if ENABLED in environ else "",
        resumed_at=written if flows_in(state) else None,
        quiet=arguments.quiet,
        last_line=progress_line(),
    )
    if not flows_in(state):
        warn_of(_files_unknown_to(state, run.settings))
    voice.start()
    try:
        cli_main(  # type: ignore[no-untyped-call]
            run.flow,
            epoch_interval=timedelta(seconds=arguments.snapshot_interval),
            recovery_config=RecoveryConfig(state, timedelta(seconds=arguments.backup_interval)),  # type: ignore[no-untyped-call]
        )
    finally:
        voice.end()
    return run.conclude()


def _make_state(directory: Path) -> None:
    """Make the state directory where there is none; from then on it is this process's.

    Raises:
        StateUnusable: It can't be made, or another run has it.
    """
    if holds_stores(directory):
        return
    make_directory(directory)
    hold_for_life(directory)
    if not holds_stores(directory):
        make_stores(directory, 1)


def _files_unknown_to(state: Path, settings: Settings) -> Iterator[str]:
    """What should be known before a first start: files of an earlier run, in which its events would stand once more."""
    if any(journal_folder(state).glob("*")):
        return  # a first run that was killed: its files are cut back
    for name, sink in settings.sinks.items():
        if not isinstance(sink, FileSinkConfig):
            continue
        pattern = escape(sink.path).replace("{tenant}", "*").replace("{date}", "????-??-??").replace("{hour}", "??")
        found = next((path for path in iglob(f"{pattern}*") if Path(path).is_file()), None)  # noqa: PTH207  # an absolute one
        if found:
            yield (
                f"sinks.{name}: there are files of an earlier run already ({found} …), and the state directory {state} is new: events "
                "since start_from will stand in them twice. If the state was lost, restore it from a backup; or move the files away."
            )


def make_parser(environ: Mapping[str, str] = os.environ) -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.run", description="Bring every organisation's events into the configured sinks, for ever: the main flow."
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    add(
        "--state",
        type=Path,
        metavar="DIR",
        default=Path(environ.get("BYTEWAX_RECOVERY_DIRECTORY") or _STATE),
        help=f"the state directory, made where there is none (default: $BYTEWAX_RECOVERY_DIRECTORY, else {_STATE})",
    )
    add("--until-drained", action="store_true", help="end once every tenant is drained and outboxes are empty, for cron")
    add(
        "--metrics-port",
        type=_port,
        metavar="PORT",
        help=f"serve metrics there, for Prometheus and `status` (default: none, or with ${ENABLED}: ${PORT}, else 3030)",
    )
    add("--quiet", action="store_true", help="say nothing of what goes well")
    # A text as default goes through the type as well.
    add(
        "--snapshot-interval",
        type=_seconds,
        metavar="SECONDS",
        default=environ.get("BYTEWAX_SNAPSHOT_INTERVAL", "10"),
        help="from one snapshot to the next: so much is fetched again after a crash (default: $BYTEWAX_SNAPSHOT_INTERVAL, else 10)",
    )
    add(
        "--backup-interval",
        type=_seconds,
        metavar="SECONDS",
        default=environ.get("BYTEWAX_RECOVERY_BACKUP_INTERVAL", "0"),
        help="how long snapshots are kept that newer ones replace (default: $BYTEWAX_RECOVERY_BACKUP_INTERVAL, else 0)",
    )
    shape_help(
        parser,
        {
            0: "stopped by SIGINT or SIGTERM, or every tenant drained and every event delivered",
            1: "until drained: not every tenant is, or events became dead letters or wait in an outbox; or Bytewax failed",
            2: "the configuration or the state directory is wrong, or the port for metrics is in use: no request was made",
            3: "a sink can't go on: the next run sends again what is missing",
        },
        ["python -m flows.run", "python -m flows.run --config /etc/okta/okta.toml --state /var/lib/okta/state --metrics-port 3030"],
    )
    return parser


def _port(text: str) -> int:
    return _whole_number(text, 1, _LARGEST_PORT)


def _seconds(text: str) -> int:
    return _whole_number(text, 0, 86400)


def _whole_number(text: str, least: int, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not least <= number <= most:
        message = f"{text!r} is not allowed; allowed: {least} to {most}"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    sys.exit(run_command(main))
