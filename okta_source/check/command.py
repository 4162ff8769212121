"""`python -m okta_source check`: can every organisation be collected from here, and if not, what is to be changed.

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
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.console import Console

from okta_source.check.configuration import Entry, Reading, not_asked, read_tenants
from okta_source.check.parallel import in_parallel
from okta_source.check.report import TenantReport, failed
from okta_source.check.rest import read_rest
from okta_source.check.table import print_report, print_summary
from okta_source.check.tenant import check_tenant
from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH
from okta_source.output import shape_help, write_utf8
from okta_source.polling.printable import printable

__all__ = ["PIPE_WIDTH", "add_arguments", "check_tenants", "run"]

PIPE_WIDTH: Final = 160
"""Of a table that goes to a file or a pipe, whose own width is nobody's."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shape_help(
        parser,
        {0: "no step failed; warnings are allowed", 1: "a step failed", 2: "the configuration is wrong: no request was made"},
        ["python -m okta_source check", "python -m okta_source check --tenant acme --json"],
    )
    parser.add_argument("--config", metavar="FILE", help=f"the configuration (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    parser.add_argument("--tenant", metavar="NAME", help="check this tenant alone (default: all)")
    parser.add_argument("--json", action="store_true", help="print the verdicts as one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Args:
        arguments: As declared.

    Returns:
        The exit status.
    """
    tenants = read_tenants(arguments.config, arguments.tenant, os.environ)
    rest, unseen = read_rest(arguments.config, os.environ)
    reading = Reading([*tenants.entries, *rest], tenants.hosts)
    out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    try:
        reports = check_tenants(reading, (lambda _: None) if arguments.json else (lambda report: print_report(report, out)))
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        write_utf8(json.dumps({"tenants": [report.plain() for report in reports]}, indent=2, ensure_ascii=False) + "\n")
    else:
        print_summary([report for report in reports if report.tenant], out)
    if unseen:
        print(printable(unseen), file=sys.stderr if arguments.json else sys.stdout)
    if reading.is_wrong:
        return 2
    return 0 if all(report.first_failure is None for report in reports) else 1


def check_tenants(reading: Reading, show: Callable[[TenantReport], None]) -> Sequence[TenantReport]:
    """Check the tenants of a file; where one of its tables is wrong, no request is made.

    Args:
        reading: What the file says of them.
        show: Is given each report, in the file's order, as soon as there is one.
    """
    if reading.is_wrong:
        return [_finished(not_asked(entry, reading.entries) if entry.tenant else entry.report, show) for entry in reading.entries]
    return in_parallel(lambda entry: _checked(entry, reading.hosts), reading.entries, show)


def _checked(entry: Entry, hosts: Mapping[str, Sequence[float]]) -> TenantReport:
    try:
        return check_tenant(entry, hosts)
    except Exception as error:  # noqa: BLE001  # the other tenants' verdicts are wanted all the same
        report = entry.report
        detail = f"check itself failed: {type(error).__name__}"
        report.found["configuration"] = failed(detail, "This is a defect of bytewax-okta: please report it with the versions in use.")
        return report


def _finished(report: TenantReport, show: Callable[[TenantReport], None]) -> TenantReport:
    show(report)
    return report
