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
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from rich.console import Console

from okta_source.check.configuration import Entry, not_asked, read_tenants
from okta_source.check.report import TenantReport, failed
from okta_source.check.table import print_report, print_summary
from okta_source.check.tenant import check_tenant
from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH
from okta_source.output import shape_help, write_utf8

_THREADS: Final = 8
_PIPE_WIDTH: Final = 160
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


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
    reading = read_tenants(arguments.config, arguments.tenant, os.environ)
    # The width of a file or a pipe is nobody's.
    out = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    show = (lambda _: None) if arguments.json else (lambda report: print_report(report, out))
    if reading.is_wrong:
        reports = [_finished(not_asked(entry, reading.entries) if entry.tenant else entry.report, show) for entry in reading.entries]
    else:
        try:
            reports = _in_parallel(lambda entry: _checked(entry, reading.hosts), reading.entries, show)
        except KeyboardInterrupt:
            return 130
    if arguments.json:
        write_utf8(json.dumps({"tenants": [report.plain() for report in reports]}, indent=2, ensure_ascii=False) + "\n")
    else:
        print_summary(reports, out)
    if reading.is_wrong:
        return 2
    return 0 if all(report.first_failure is None for report in reports) else 1


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


def _in_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item], show: Callable[[_Result], None]) -> list[_Result]:
    """Work on several items at once, and show each result as soon as all before it have been shown.

    The threads are daemons: an interrupt does not wait for a server that hangs.
    """
    results: list[_Result | None] = [None] * len(items)
    done = [threading.Event() for _ in items]
    waiting = iter(range(len(items)))
    lock = threading.Lock()

    def take() -> None:
        while True:
            with lock:
                index = next(waiting, None)
            if index is None:
                return
            results[index] = work(items[index])
            done[index].set()

    for _ in range(min(_THREADS, len(items))):
        threading.Thread(target=take, name="okta-check", daemon=True).start()
    finished: list[_Result] = []
    for index, event in enumerate(done):
        event.wait()
        result = results[index]
        if result is not None:
            show(result)
            finished.append(result)
    return finished
