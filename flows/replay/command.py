"""`python -m flows.replay`: sends dead letters again, by the same way on which they failed, and leaves only what fails again.

| exit | meaning |
|---|---|
| 0 | nothing is left of what was to be sent (or `--dry-run`) |
| 1 | something is left: it failed again, was no dead letter, or could not be written or read |
| 2 | the configuration or an argument is wrong; nothing was sent |
| 130, 143 | stopped by SIGINT, SIGTERM: what was delivered so far is removed, the rest stays; a second signal ends it at once |

At least once, as idempotent as the sink. Safe beside a running flow, which a replay neither waits for nor holds up; safe to interrupt, to
kill and to repeat. Run it as the user of the flow, since letters are files that only their owner reads.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from flows.configuration.settings import CONFIG_VARIABLE, DEFAULT_PATH, ConfigurationError, Settings, load
from flows.pipeline.destinations import label_keys
from flows.replay.report import already_there, count_lines, listing, run_with_progress, summary
from flows.replay.sink import Sender, SinkReplay
from flows.replay.stop import Stop
from flows.replay.tally import Tally
from flows.runtime.lifecycle import EXIT_CONFIGURATION
from flows.runtime.logs import configure_logging
from okta_source.config.start_from import START_FROM_ALLOWED, StartFrom
from okta_source.output import shape_help
from sinks.config import RESERVED_NAMES, ElasticsearchSinkConfig, FileSinkConfig, WebhookSinkConfig
from sinks.config.targets import make_target, policy_of
from sinks.dead_letters.claims import ReplayUnderWay
from sinks.dead_letters.files import letter_files
from sinks.dead_letters.sink import DeadLetterFile
from sinks.delivery.patient import PatientWriter
from sinks.delivery.writer import Letters
from sinks.errors import SecretUnavailable, SinkStopped

__all__ = ["main", "make_parser"]

EXIT_LEFT = 1
_PATIENCE_SECONDS = 60.0
"""How long a target is tried that nothing gets through to."""
_SINCE_ALLOWED = START_FROM_ALLOWED.removeprefix("now, ")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    arguments = make_parser().parse_args(argv)
    # The width of a file or a pipe is nobody's: tables there are as wide as they need to be, up to this.
    out = Console(width=None if sys.stdout.isatty() else 200)
    err = Console(stderr=True)
    configure_logging()
    try:
        settings = load(arguments.config)
        names = _names(settings, arguments.sink)
    except (ConfigurationError, _UnknownSinkError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    for warning in settings.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    since = _moment(arguments.since) if arguments.since else None
    directory = settings.pipeline.dead_letter_dir
    try:
        if arguments.sink is None:
            _mention_others(settings, directory, err)
        folders = {name: directory / name for name in names if letter_files(directory / name)}
        if folders and arguments.dry_run:
            out.print(listing(folders, since))
    except OSError as error:
        sys.stderr.write(f"{error}; letters are read by their owner only: run this as the user of the flow\n")
        return EXIT_LEFT
    if not folders:
        out.print("no dead letters to send")
    if arguments.dry_run or not folders:
        return 0
    run = _Run(settings, since, arguments.one_by_one, err)
    with run.stop.on_signals():
        for name, folder in folders.items():
            if not run.stop.requested:
                run.send(name, folder)
    return run.end(out)


@dataclass
class _Run:
    """One call of the command."""

    settings: Settings
    since: datetime | None
    one_by_one: bool
    err: Console
    stop: Stop = field(default_factory=Stop)
    tallies: dict[str, Tally] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    troubles: int = 0

    def send(self, name: str, folder: Path) -> None:
        """Send a sink's letters; what goes wrong is told and concerns no other sink."""
        config = self.settings.sinks[name]
        if isinstance(config, FileSinkConfig):
            # A file sink stops the run instead of writing letters, so these were put there by hand, or the sink's type was changed.
            self._trouble(f"sink {name}: a file sink is sent no letters, since only the flow knows its files; {folder} stays as it is")
            return
        letters = DeadLetterFile(self.settings.pipeline.dead_letter_dir)
        replay = SinkReplay(name, folder, letters, lambda form, back: self._writer(name, config, form, back), self.stop, self.since)
        self.tallies[name] = replay.tally
        try:
            with already_there(name, self.duplicates):
                run_with_progress(name, replay, folder, self.err)
        except ReplayUnderWay as error:
            del self.tallies[name]
            self._trouble(f"sink {name}: its letters are being sent again by another process at this moment (lock {error})")
        except SinkStopped as error:
            self._trouble(
                f"sink {name}: letters that failed again can't be written to {error.path}: {error.reason}. "
                f"Nothing is lost: they stay where they were. What to do: {error.fix}, then replay again."
            )
        except SecretUnavailable as error:
            self._trouble(f"sink {name}: {error}; its letters stay where they are")
        except OSError as error:
            self._trouble(f"sink {name}: {error}. Nothing is lost: put that right and replay again.")

    def end(self, out: Console) -> int:
        """Say what became of it all; returns the exit code."""
        if self.tallies:
            out.print(summary(self.tallies, self.duplicates))
        if self.stop.requested:
            name = signal.Signals(self.stop.number).name
            self.err.print(f"stopped by {name}: what was delivered is removed, the rest is where it was", highlight=False, soft_wrap=True)
            return 128 + self.stop.number
        return 0 if not self.troubles and all(tally.nothing_left for tally in self.tallies.values()) else EXIT_LEFT

    def _writer(self, name: str, config: ElasticsearchSinkConfig | WebhookSinkConfig, document_format: str, letters: Letters) -> Sender:
        # What fails again is wanted back as letters, whatever it does to a flow, and soon: somebody waits for it.
        patience_seconds = min(config.retry_for_seconds, _PATIENCE_SECONDS)
        policy = replace(policy_of(config), on_exhausted="dead_letter", retry_for_seconds=patience_seconds)
        if self.one_by_one:
            policy = replace(policy, batch_events=1)
        target = make_target(name, config, document_format, label_keys(self.settings.tenants))
        return PatientWriter(name, target, policy, letters, document_format=document_format, stop_deadline=self.stop.deadline)

    def _trouble(self, text: str) -> None:
        self.troubles += 1
        self.err.print(text, markup=False, highlight=False, soft_wrap=True)


class _UnknownSinkError(Exception):
    pass


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.replay", description="Send dead letters again; leave only what fails again. Safe beside a running flow."
    )
    parser.add_argument("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    parser.add_argument("--sink", metavar="NAME", help="only the letters of this sink")
    parser.add_argument("--since", metavar="WHEN", type=_since, help=f"only letters whose last attempt was then or later: {_SINCE_ALLOWED}")
    parser.add_argument(
        "--one-by-one",
        action="store_true",
        help="send each event in a request of its own: finds the one for which a receiver refuses a whole batch (slow)",
    )
    parser.add_argument("--dry-run", action="store_true", help="list what there is, send nothing")
    shape_help(
        parser,
        {
            0: "nothing is left",
            1: "something failed again, and stays with the new reason",
            2: "the configuration or an argument is wrong",
            130: "stopped by SIGINT",
            143: "stopped by SIGTERM",
        },
        ["python -m flows.replay --dry-run", "python -m flows.replay --sink search --since 24h"],
    )
    return parser


def _since(text: str) -> StartFrom:
    try:
        if text != "now":
            return StartFrom.parse(text)
    except ValueError:
        pass
    message = f"{text!r} is not allowed; allowed: {_SINCE_ALLOWED}"
    raise argparse.ArgumentTypeError(message)


def _moment(since: StartFrom) -> datetime:
    """Not `since.since`, which goes no further back than Okta does."""
    if since.instant is not None:
        return since.instant
    try:
        return datetime.now(UTC) - (since.look_back or timedelta())
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _names(settings: Settings, wanted: str | None) -> list[str]:
    if wanted is None:
        return list(settings.sinks)
    if wanted in settings.sinks:
        return [wanted]
    there = ", ".join(settings.sinks)
    if wanted in RESERVED_NAMES:
        message = f"--sink {wanted}: what Okta sent that is no event can be sent to no sink; sinks of {settings.path}: {there}"
    else:
        message = f"--sink {wanted}: there is no such sink in {settings.path}; there are: {there}"
    raise _UnknownSinkError(message)


def _mention_others(settings: Settings, directory: Path, err: Console) -> None:
    """Say what else is there and can't be sent; it has no part in the exit code."""
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []:
        if folder.name in settings.sinks or not letter_files(folder):
            continue
        count = count_lines(folder)
        if folder.name in RESERVED_NAMES:
            text = f"{count:,} letters of the source itself in {folder}: what Okta sent that is no event, for you to look at"
        else:
            text = f"{count:,} letters in {folder} can't be sent: the configuration has no sink {folder.name}"
        err.print(text, markup=False, highlight=False, soft_wrap=True)
