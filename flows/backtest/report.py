"""What a backtest tells: for people, and as JSON."""

from datetime import datetime
from typing import Any, Final, TextIO

import orjson

from flows.backtest.compare import MUTE, Difference
from flows.backtest.results import Results, RuleResult, matched_fields
from flows.backtest.run import Backtest
from flows.terminal.screen import Screen
from okta_source.detections.alerts import timestamp
from okta_source.detections.sigma.rule import LEVELS

__all__ = ["as_json", "print_report"]

_LOUDEST: Final = 5
_BAR_COLUMNS: Final = 24
_MOST_DAYS: Final = 14
_MOST_TOLD: Final = 10
_STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "blue", "informational": "dim"}


def as_json(run: Backtest, results: Results, budget: float | None, difference: Difference | None, seconds: float) -> bytes:
    """Everything as one JSON object."""
    days = run.span.days
    told: dict[str, Any] = {
        "tenants": run.by_tenant,
        "since": _moment(run.span.first),
        "until": _moment(run.span.last),
        "days": round(days, 3),
        "events": run.events,
        "events_before": run.events_before,
        "copies": run.counts.copies,
        "alert_lines": run.counts.alerts,
        "files": len(run.files),
        "seconds": round(seconds, 3),
        "stopped": run.stopped,
        "unreadable": {"bad_lines": run.counts.bad_lines, "without_original": run.counts.mute_lines, "problems": run.counts.problems},
        "alerts": sum(result.alerts for result in results.by_id.values()),
        "rules": [result.to_json(days, budget, results.rules) for result in _sorted(results)],
    }
    if budget is not None:
        told["budget"] = budget
        told["within_budget"] = not results.over_budget(days, budget)
    if difference is not None:
        unread = difference.unread
        told["against"] = {
            "name": difference.name,
            "gained": [one.to_json() for one in difference.gained],
            "lost": [one.to_json() for one in difference.lost],
            "unreadable": {"bad_lines": unread.bad_lines, "without_original": unread.mute_lines, "problems": unread.problems},
        }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS, default=str)


def print_report(
    run: Backtest, results: Results, budget: float | None, difference: Difference | None, seconds: float, screen: Screen, out: TextIO
) -> None:
    """Everything for people."""
    days = run.span.days
    shown = screen.writing.shown
    found = [result for result in _sorted(results) if result.alerts]
    for result in found:
        _print_rule(result, days, budget, results, screen, out)
    silent = sum(1 for result in results.by_id.values() if not result.alerts)
    if silent:
        out.write(f"{silent} {'rule' if silent == 1 else 'rules'} without an alert\n")
    if difference is not None:
        _print_difference(difference, screen, out)
    total = sum(result.alerts for result in found)
    span = f"{run.span.first:%Y-%m-%d %H:%M} to {run.span.last:%Y-%m-%d %H:%M} UTC" if run.span.first and run.span.last else "no time"
    stopped = "; stopped before the end, so all of this is of a part" if run.stopped else ""
    before = f" (and {run.events_before:,} before them, which only fill windows)" if run.events_before else ""
    tenants = sum(1 for count in run.by_tenant.values() if count)
    read = f"{run.events:,} events{before}, {tenants} tenants, {len(run.files)} files"
    out.write(f"{total:,} alerts of {read}, {span}, {seconds:.1f} s{stopped}\n")
    if run.counts.copies:
        out.write(f"{run.counts.copies:,} lines are copies of events that another file gave\n")
    if run.counts.alerts:
        out.write(f"{run.counts.alerts:,} lines hold alerts, which rules are not run over\n")
    if run.counts.mute_lines:
        out.write(f"{run.counts.mute_lines:,} lines don't keep Okta's own event and could not be read back: {MUTE}\n")
    if run.counts.bad_lines:
        out.write(f"{run.counts.bad_lines:,} lines hold no event\n")
    out.writelines(f"{shown(problem)}\n" for problem in run.counts.problems)
    if budget is not None:
        over = results.over_budget(days, budget)
        names = ", ".join(result.active.rule.about.name for result in over)
        out.write(f"over the budget of {budget:g} alerts a day: {names}\n" if over else f"within the budget of {budget:g} alerts a day\n")


def _print_rule(result: RuleResult, days: float, budget: float | None, results: Results, screen: Screen, out: TextIO) -> None:
    about = result.active.rule.about
    shown = screen.writing.shown
    a_day = result.alerts / days
    verdict = "" if budget is None else " (within the budget)" if a_day <= budget else f" (over the budget of {budget:g})"
    level = screen.paint(about.level, _STYLES[about.level])
    out.write(f"{screen.paint(shown(about.title), 'bold')} [{shown(about.name)}, {level}]\n")
    out.write(f"  {result.alerts:,} alerts, {a_day:,.1f} a day{verdict}\n")
    days_of_alerts = sorted(result.days.items())
    if earlier := days_of_alerts[:-_MOST_DAYS]:
        out.write(
            f"  before these {_MOST_DAYS} days: {sum(count for _, count in earlier):,} on {len(earlier):,} days, from {earlier[0][0]} on\n"
        )
    shown_days = days_of_alerts[-_MOST_DAYS:]
    most = max(count for _, count in shown_days)
    out.writelines(f"  {day}  {screen.writing.bar * max(1, round(count / most * _BAR_COLUMNS))} {count:,}\n" for day, count in shown_days)
    for (tenant, group), count in result.groups.most_common(_LOUDEST):
        if group:
            out.write(f"  {count / result.alerts:4.0%}  {shown(tenant)}: {shown(group)} ({count:,})\n")
    for alert in result.examples:
        fields = ", ".join(f"{name}={value}" for name, value in matched_fields(alert, results.rules).items())
        span = f" of {alert.count} events since {timestamp(alert.first_ms)}" if alert.count > 1 else ""
        out.write(f"  e.g. {timestamp(alert.published_ms)} {shown(alert.tenant)}{span}: {shown(fields)}\n")
    out.write("\n")


def _print_difference(difference: Difference, screen: Screen, out: TextIO) -> None:
    shown, unread = screen.writing.shown, difference.unread
    out.write(f"against {shown(difference.name)}: {len(difference.gained):,} alerts gained, {len(difference.lost):,} lost\n")
    for sign, alerts in (("+", difference.gained), ("-", difference.lost)):
        out.writelines(
            f"  {sign} {timestamp(told.published_ms)} {shown(told.title)} {told.tenant} {shown(told.group.decode())}\n"
            for told in alerts[:_MOST_TOLD]
        )
        if len(alerts) > _MOST_TOLD:
            out.write(f"  {sign} and {len(alerts) - _MOST_TOLD:,} more\n")
    if unread.mute_lines:
        out.write(f"  {unread.mute_lines:,} lines there don't keep the alert itself and could not be compared: {MUTE}\n")
    if unread.bad_lines:
        out.write(f"  {unread.bad_lines:,} lines there hold no alert\n")
    out.writelines(f"  {shown(problem)}\n" for problem in unread.problems)


def _sorted(results: Results) -> list[RuleResult]:
    """The gravest first, then the loudest."""
    return sorted(results.by_id.values(), key=lambda result: (-LEVELS.index(result.active.rule.about.level), -result.alerts))


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
