"""A tenant's report for people: a table of the steps, and below it what to do."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from okta_source.check.report import Status, TenantReport, Verdict
from okta_source.polling.printable import printable

__all__ = ["print_report", "print_steps", "print_summary"]

_SHOWN: dict[Status, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failed": ("FAILED", "bold red"),
    "not_reached": ("-", "dim"),
}


def print_report(report: TenantReport, out: Console) -> None:
    """Print a report.

    Args:
        report: What was found.
        out: Where to.
    """
    title = report.tenant or "configuration"
    print_steps(f"{title} ({report.label})" if report.label else title, report.verdicts(), out)


def print_steps(title: str, verdicts: Iterable[tuple[str, Verdict]], out: Console) -> None:
    """Print steps and their verdicts.

    Args:
        title: Whose they are.
        verdicts: The steps, in order.
        out: Where to.
    """
    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=None,
        show_header=False,
        pad_edge=False,
    )
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    fixes = []
    for step, verdict in verdicts:
        word, style = _SHOWN[verdict.status]
        detail = Text(_shown_lines(verdict.detail), style="dim" if verdict.status == "not_reached" else "")
        table.add_row(Text(step), Text(word, style=style), detail)
        if verdict.fix:
            fixes.append((step, style, verdict.fix))
    out.print(table)
    for step, style, fix in fixes:
        out.print(Text.assemble(("\n→ ", style), (f"{step}: ", "bold"), _shown_lines(fix)))
    out.print()


def print_summary(reports: Sequence[TenantReport], out: Console) -> None:
    """Print how many tenants are fine, where there are several.

    Args:
        reports: All of them.
        out: Where to.
    """
    if len(reports) > 1:
        bad = [report.tenant or "configuration" for report in reports if not report.ok]
        fine = len(reports) - len(bad)
        out.print(Text(f"{fine} of {len(reports)} tenants are fine" + (f"; not: {', '.join(bad)}" if bad else "")))


def _shown_lines(text: str) -> str:
    """Each line of it without what could steer a terminal: servers and proxies write parts of it."""
    return "\n".join(map(printable, text.split("\n")))
