"""`python -m flows.audit.mend`: takes out of file archives what is there twice, where a backfill or a repair has put it. Asks Okta nothing.

| exit | meaning |
|---|---|
| 0 | nothing is there twice any more, as far as it lay beside the flow's own files |
| 1 | a file had to be left as it is: the line says why |
| 2 | the configuration or an option is wrong |
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from flows.audit.thinning import thin
from flows.configuration.settings import CONFIG_VARIABLE, DEFAULT_PATH, ConfigurationError, Settings, load
from flows.pipeline.destinations import BESIDE
from flows.reading.keys import HOUR_SECONDS
from flows.runtime.lifecycle import EXIT_CONFIGURATION
from okta_source.config.start_from import START_FROM_ALLOWED, StartFrom
from sinks.config import FileSinkConfig
from sinks.file.archive_files import ArchiveFiles

__all__ = ["main"]

_DEFAULT_SINCE: Final = "91d"
_EXIT_LEFT: Final = 1


class _WrongOption(Exception):  # noqa: N818 (it names what is the case)
    """An option makes no sense; the message says which."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        settings = load(arguments.config)
        sinks = _sinks(settings, arguments.sink)
        tenants = _tenants(settings, arguments.tenant)
        since = _since(arguments.since, datetime.now(UTC))
    except (ConfigurationError, _WrongOption) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    code = copies = 0
    for own, beside in _windows(sinks, tenants, since):
        try:
            for thinned in thin(own, beside, dry_run=arguments.dry_run):
                word = "left as it is" if thinned.left else "would be taken out" if arguments.dry_run else "taken out"
                sys.stdout.write(f"{thinned.path}: {thinned.copies:,} copies {word}{': ' + thinned.left if thinned.left else ''}\n")
                copies += 0 if thinned.left else thinned.copies
                code = _EXIT_LEFT if thinned.left else code
        except OSError as error:
            sys.stderr.write(f"{error.filename}: {error.strerror}\n")
            code = _EXIT_LEFT
    verb = "would be taken out" if arguments.dry_run else "were taken out"
    sys.stdout.write(f"{copies:,} copies {verb}; the flow's own files are never touched\n")
    return code


def _windows(sinks: Sequence[FileSinkConfig], tenants: Sequence[str], since: datetime) -> Iterator[tuple[list[str], list[str]]]:
    """The files of each window of time, the flow's own and those beside; none twice, such as one that holds all days."""
    told: set[tuple[str, ...]] = set()
    first, last = int(since.timestamp()) // HOUR_SECONDS, int(datetime.now(UTC).timestamp()) // HOUR_SECONDS
    for sink in sinks:
        alone = ArchiveFiles(sink.path, sink.compression, ())
        everything = ArchiveFiles(sink.path, sink.compression, BESIDE)
        for tenant in tenants:
            hour = first
            while hour <= last:
                window = everything.window(hour)
                own = alone.existing(tenant, window)
                beside = [path for path in everything.existing(tenant, window) if path not in own]
                if beside and (*own, *beside) not in told:
                    told.add((*own, *beside))
                    yield own, beside
                hour = window.stop


def _sinks(settings: Settings, wanted: Sequence[str] | None) -> list[FileSinkConfig]:
    files = {name: sink for name, sink in settings.sinks.items() if isinstance(sink, FileSinkConfig)}
    for name in wanted or ():
        if name not in files:
            message = f"sink: there is no file sink {name!r} in {settings.path}; there are: {', '.join(files) or 'none'}"
            raise _WrongOption(message)
    return [sink for name, sink in files.items() if not wanted or name in wanted]


def _tenants(settings: Settings, wanted: Sequence[str] | None) -> list[str]:
    names = [tenant.name for tenant in settings.tenants]
    for name in wanted or ():
        if name not in names:
            message = f"tenant: there is no tenant {name!r} in {settings.path}; there are: {', '.join(names)}"
            raise _WrongOption(message)
    return [name for name in names if not wanted or name in wanted]


def _since(text: str, now: datetime) -> datetime:
    try:
        moment = StartFrom.parse(text)
        return moment.instant if moment.instant is not None else now - (moment.look_back or timedelta())
    except (ValueError, OverflowError):
        message = f"since: {text!r} is not allowed; allowed: {START_FROM_ALLOWED}"
        raise _WrongOption(message) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.audit.mend",
        description="Take out of the files that backfills and repairs have put beside a flow's own what those hold already.",
    )
    parser.add_argument("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    parser.add_argument("--sink", metavar="NAME", action="append", help="only this file sink; may be given several times")
    parser.add_argument("--tenant", metavar="NAME", action="append", help="only this tenant; may be given several times")
    parser.add_argument("--since", metavar="WHEN", default=_DEFAULT_SINCE, help="from which day on (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be taken out, change nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
