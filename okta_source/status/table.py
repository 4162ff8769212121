"""The fleet as tables, in as many columns as there is room for."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from okta_source.polling.limits import reserved_requests
from okta_source.polling.printable import printable
from okta_source.status.fleet import STATES, Fleet, SinkStatus, State, TenantStatus
from okta_source.status.words import count, duration, rate

__all__ = ["print_fleet"]

_Row = TypeVar("_Row")
_STYLES: dict[State, str] = {"Failing": "bold red", "Stale": "bold yellow", "Starting": "blue", "Active": "green"}


@dataclass(frozen=True)
class _Column(Generic[_Row]):
    """A column: its heading, what stands in it, and from which width of the terminal on it is shown."""

    heading: str
    text: Callable[[_Row], Text]
    from_width: int = 0
    numeric: bool = True


def print_fleet(fleet: Fleet, out: Console) -> None:
    """Print the tenants, the worst first, the sinks, and how many tenants are how.

    Args:
        fleet: What was found.
        out: Where to.
    """
    if fleet.tenants:
        out.print(_table(_tenant_columns(fleet), fleet.tenants, out.width))
    if fleet.sinks:
        out.print()
        out.print(_table(_sink_columns(fleet), fleet.sinks, out.width))
    out.print()
    for hint in _hints(fleet):
        out.print(Text(hint))
    numbers = Counter(it.state for it in fleet.tenants)
    told = [Text.assemble((f"{numbers[state]} {state.lower()}", _STYLES[state])) for state in STATES if numbers[state]]
    noun = "tenant" if len(fleet.tenants) == 1 else "tenants"
    out.print(Text.assemble(f"{len(fleet.tenants):,} {noun}", ": " if told else "", Text(", ").join(told)))


def _hints(fleet: Fleet) -> Iterator[str]:
    """What to do about what is not well."""
    if ill := fleet.ill_tenants:
        yield f"what to change: bytewax-okta check{f' --tenant {printable(ill[0])}' if len(ill) == 1 else ''}"
    if any(sink.dead_letters for sink in fleet.sinks):
        yield "dead letters: bytewax-okta replay"


def _table(columns: Sequence[_Column[_Row]], rows: Sequence[_Row], width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = [column for column in columns if width >= column.from_width]
    for column in shown:
        table.add_column(column.heading, justify="right" if column.numeric else "left", no_wrap=column.numeric, overflow="fold")
    for row in rows:
        table.add_row(*(column.text(row) for column in shown))
    return table


def _tenant_columns(fleet: Fleet) -> Sequence[_Column[TenantStatus]]:
    has_rates = any(it.events_per_second is not None for it in fleet.tenants)
    columns = [
        _Column[TenantStatus]("Tenant", lambda it: Text(printable(_name(it))), numeric=False),
        _Column[TenantStatus]("State", lambda it: Text(it.state, style=_STYLES[it.state]), numeric=False),
        _Column[TenantStatus]("Reason", lambda it: Text(printable(_reason(it, fleet.at))), numeric=False),
        _Column[TenantStatus]("Lag", lambda it: Text(duration(it.lag_seconds))),
        _Column[TenantStatus]("Last event", lambda it: Text(_ago(it.last_event, fleet.at)), 70),
        _Column[TenantStatus]("Events", lambda it: Text(count(it.events_received)), 80),
    ]
    if has_rates:
        columns.append(_Column("Now", lambda it: Text(rate(it.events_per_second)), 80))
    return [
        *columns,
        _Column("Rate limit left", lambda it: Text(_budget(it)), 110),
        _Column("Reserve", lambda it: Text(_reserve(it)), 110),
        _Column("Duplicates", lambda it: Text(count(it.events_duplicate)), 130),
        _Column("Malformed", lambda it: Text(count(it.events_malformed), style="yellow" if it.events_malformed else ""), 130),
    ]


def _sink_columns(fleet: Fleet) -> Sequence[_Column[SinkStatus]]:
    has_rates = any(it.events_per_second is not None for it in fleet.sinks)
    columns = [
        _Column[SinkStatus]("Sink", lambda it: Text(printable(it.sink)), numeric=False),
        _Column[SinkStatus]("Type", lambda it: Text(printable(it.type)), 70, numeric=False),
        _Column[SinkStatus]("Delivered", lambda it: Text(count(it.delivered + it.duplicate))),
    ]
    if has_rates:
        columns.append(_Column("Now", lambda it: Text(rate(it.events_per_second)), 80))
    return [
        *columns,
        _Column("Dead letters", lambda it: Text(count(it.dead_letters), style="yellow" if it.dead_letters else "")),
        _Column("Retries", lambda it: Text(count(it.retries)), 60),
        _Column("Open breakers", lambda it: Text(count(it.breakers_open), style="bold red" if it.breakers_open else "")),
        _Column("Outbox", lambda it: Text(_outbox(it, fleet.at), style="yellow" if it.outbox_oldest else ""), 100),
        _Column("Last success", lambda it: Text(_ago(it.last_success, fleet.at)), 80),
    ]


def _name(it: TenantStatus) -> str:
    return it.tenant if it.display_name == it.tenant else f"{it.display_name} ({it.tenant})"


def _reason(it: TenantStatus, now: float) -> str:
    if it.state == "Failing":
        reason = f"{it.error_type or 'unknown'} ({it.stage or 'poll'})"
        return reason if it.next_poll is None else f"{reason}, next try {_due(it.next_poll, now)}"
    if it.state == "Stale":
        return "no success yet" if it.last_success is None else f"last success {duration(now - it.last_success)} ago"
    if it.state == "Starting" and it.next_poll is not None:
        return f"first poll {_due(it.next_poll, now)}"
    if it.lag_seconds:
        is_parked = it.next_poll is not None and it.next_poll - now >= 1.0
        ends = f", done in about {duration(it.drain_ends - now)}" if it.drain_ends is not None and it.drain_ends > now else ""
        return f"draining{ends}" + (f", next page {_due(it.next_poll or now, now)}" if is_parked else "")
    return ""


def _due(moment: float, now: float) -> str:
    return f"in {duration(moment - now)}" if moment - now >= 0.05 else "now"


def _ago(moment: float | None, now: float) -> str:
    return duration(None) if moment is None else f"{duration(now - moment)} ago"


def _outbox(it: SinkStatus, now: float) -> str:
    if it.outbox_bytes is None or it.outbox_oldest is None:
        return count(it.outbox_bytes)
    return f"{it.outbox_bytes / 1e6:,.3g} MB, {duration(now - it.outbox_oldest)}"


def _budget(it: TenantStatus) -> str:
    return count(None) if it.rate_limit is None else f"{count(it.rate_remaining)} of {count(it.rate_limit)}"


def _reserve(it: TenantStatus) -> str:
    if it.rate_limit is None or it.rate_reserve is None:
        return count(None)
    return count(reserved_requests(int(it.rate_limit), it.rate_reserve))
