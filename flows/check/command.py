"""`python -m flows.check`: every organisation, and every place where its events go.

| exit | meaning |
|---|---|
| 0 | no step failed; warnings are allowed |
| 1 | a step failed |
| 2 | the configuration is wrong; no request was made |
| 130 | interrupted |
"""

import argparse
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.text import Text

from flows.check.configuration import Folders, SinkEntry, SinkReading, read_sinks
from flows.check.file_sink import check_file_sink
from flows.check.folders import judge_disk, judge_rights
from flows.check.marked import marked_documents
from flows.check.report import SinkReport
from flows.check.search_sink import check_search_sink
from flows.check.sending import send_to_file, send_to_search, send_to_webhook
from flows.check.webhook_sink import check_webhook_sink
from okta_source.check.command import PIPE_WIDTH, check_tenants
from okta_source.check.configuration import Entry, Reading, not_asked, read_tenants
from okta_source.check.parallel import in_parallel
from okta_source.check.report import TenantReport, Verdict, failed
from okta_source.check.table import print_report, print_steps, print_summary
from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH
from okta_source.config.tenant import TenantConfig
from okta_source.output import shape_help, write_utf8
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, SinkConfig

__all__ = ["main", "make_parser"]

EXIT_FINE, EXIT_FAILED, EXIT_CONFIGURATION, EXIT_INTERRUPTED = 0, 1, 2, 130
_DEFECT = "This is a defect of bytewax-okta: please report it with the versions in use."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    arguments = make_parser().parse_args(argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    every = read_tenants(arguments.config, None, os.environ)
    # Whoever names a sink alone wants no organisation to be asked.
    asks_tenants = arguments.tenant is not None or arguments.sink is None
    reading = read_tenants(arguments.config, arguments.tenant, os.environ) if asks_tenants else Reading([])
    told = every.is_wrong or any(entry.tenant is None for entry in every.entries)
    usable = [entry.tenant for entry in every.entries if entry.tenant]
    chosen = [tenant for tenant in usable if arguments.tenant in (None, tenant.name)]
    sinks = read_sinks(arguments.config, arguments.sink, usable, told=told)
    is_wrong = reading.is_wrong or sinks.is_wrong
    out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    tenants = _tenants(reading, is_wrong=is_wrong, show=_silent if arguments.json else partial(_show_tenant, out))
    show = _silent if arguments.json else partial(_show_sink, out)
    if is_wrong:
        reports = [_not_asked(entry, sends=arguments.send) for entry in sinks.entries]
        for report in reports:
            show(report)
    else:
        reports = in_parallel(lambda entry: _checked(entry, sinks, chosen, sends=arguments.send), sinks.entries, show)
    if arguments.json:
        document = {"tenants": [report.plain() for report in tenants], "sinks": [report.plain() for report in reports]}
        write_utf8(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        print_summary(tenants, out)
        _print_summary(reports, out)
    if is_wrong:
        return EXIT_CONFIGURATION
    failures = [*(report.first_failure for report in tenants), *(report.first_failure for report in reports)]
    return EXIT_FAILED if any(failures) else EXIT_FINE


def _tenants(reading: Reading, *, is_wrong: bool, show: Callable[[TenantReport], None]) -> Sequence[TenantReport]:
    if not is_wrong or reading.is_wrong:
        return check_tenants(reading, show)
    reports = [_tenant_not_asked(entry) for entry in reading.entries]
    for report in reports:
        show(report)
    return reports


def _tenant_not_asked(entry: Entry) -> TenantReport:
    report = not_asked(entry, [entry])
    report.reason = "no request is made while the configuration of a sink is wrong"
    return report


def _not_asked(entry: SinkEntry, *, sends: bool) -> SinkReport:
    report = entry.report(sends=sends)
    report.reason = "no request is made while the configuration is wrong"
    return report


def _checked(entry: SinkEntry, reading: SinkReading, tenants: Sequence[TenantConfig], *, sends: bool) -> SinkReport:
    report = entry.report(sends=sends)
    if entry.sink is None:
        return report
    try:
        for step, verdict in _steps(entry.name, entry.sink, reading, tenants, sends=sends):
            report.found[step] = verdict
    except Exception as error:  # noqa: BLE001  # the other sinks' verdicts are wanted all the same
        report.found["configuration"] = failed(f"check itself failed: {type(error).__name__}", _DEFECT)
    return report


def _steps(
    name: str, sink: SinkConfig, reading: SinkReading, tenants: Sequence[TenantConfig], *, sends: bool
) -> Iterator[tuple[str, Verdict]]:
    now = datetime.now(UTC)
    whose = [tenant for tenant in tenants if not sink.tenants or tenant.name in sink.tenants]
    well = True
    for step, verdict in _looked_at(name, sink, reading, whose, now, sends=sends):
        well = well and verdict.status != "failed"
        yield step, verdict
    if not sends or not well:
        return
    if not whose:
        yield (
            "send",
            failed("no tenant's table can be used, of which an event could be made", "Name one with --tenant that this sink takes."),
        )
        return
    identity = f"check-{uuid.uuid4()}"
    documents = marked_documents(name, sink, whose[0], identity, now, reading.ocsf_version)
    if isinstance(sink, FileSinkConfig):
        yield "send", send_to_file(name, sink, documents, identity, now)
    elif isinstance(sink, ElasticsearchSinkConfig):
        yield "send", send_to_search(name, sink, documents, now)
    else:
        yield "send", send_to_webhook(name, sink, documents)


def _looked_at(
    name: str, sink: SinkConfig, reading: SinkReading, whose: Sequence[TenantConfig], now: datetime, *, sends: bool
) -> Iterator[tuple[str, Verdict]]:
    if isinstance(sink, FileSinkConfig):
        yield from check_file_sink(sink, [tenant.name for tenant in whose], now)
        return
    yield "outbox", _folders(reading.folders)
    if isinstance(sink, ElasticsearchSinkConfig):
        if not whose:
            yield "target", failed("no tenant's table can be used, of which an index could be named", "Correct the tenants' tables first.")
            return
        documents = marked_documents(name, sink, whose[0], f"check-{uuid.uuid4()}", now, reading.ocsf_version)
        yield from check_search_sink(name, sink, documents, now)
    else:
        yield from check_webhook_sink(sink, sends=sends)


def _folders(folders: Folders) -> Verdict:
    """Where a run keeps what it has not delivered: the worst that there is to say."""
    verdicts = [
        judge(folder)
        for folder, what in ((folders.outbox, "what is still to be sent"), (folders.dead_letters, "dead letters"))
        for judge in (partial(judge_rights, what=what), judge_disk)
    ]
    order = ("failed", "warning", "ok")
    return min(verdicts, key=lambda verdict: order.index(verdict.status))


def _silent(_: object) -> None:
    pass


def _show_tenant(out: Console, report: TenantReport) -> None:
    print_report(report, out)


def _show_sink(out: Console, report: SinkReport) -> None:
    title = f"sink {report.sink}{f' ({report.kind})' if report.kind else ''}" if report.sink else "configuration"
    print_steps(title, report.verdicts(), out)


def _print_summary(reports: Sequence[SinkReport], out: Console) -> None:
    if len(reports) > 1:
        bad = [report.sink or "configuration" for report in reports if not report.ok]
        out.print(Text(f"{len(reports) - len(bad)} of {len(reports)} sinks are fine" + (f"; not: {', '.join(bad)}" if bad else "")))


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.check",
        description="Check the whole way, from every organisation's newest event to every sink: each step with a verdict and\n"
        "what to change. Sends no event and changes nothing, unless --send says so.",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    add("--tenant", metavar="NAME", help="check this tenant alone, and every sink (default: all)")
    add("--sink", metavar="NAME", help="check this sink alone; without --tenant, no organisation is asked (default: all)")
    add("--send", action="store_true", help="deliver one marked test event to each sink, find it where that can be done, and remove it")
    add("--json", action="store_true", help="print the verdicts as one JSON document")
    shape_help(
        parser,
        {
            EXIT_FINE: "no step failed; warnings are allowed",
            EXIT_FAILED: "a step failed",
            EXIT_CONFIGURATION: "the configuration is wrong: no request was made",
        },
        ["python -m flows.check", "python -m flows.check --sink search --send", "python -m flows.check --tenant acme --json"],
    )
    return parser
