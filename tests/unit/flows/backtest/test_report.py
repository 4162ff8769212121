"""What people are told."""

import io
from datetime import UTC, datetime

from flows.backtest.compare import Difference, Unread
from flows.backtest.report import print_report
from flows.backtest.results import Results
from flows.backtest.run import Backtest
from flows.terminal.screen import Screen
from flows.terminal.text import Writing
from okta_source.detections.alerts import Alert, AlertedRule
from tests.unit.okta_source.detections.correlation.running import FAILED
from tests.unit.okta_source.detections.making import rule_set

DAY_MS = 86_400_000
SCREEN = Screen(None, coloured=False, is_terminal=False, writing=Writing(ascii_only=True))


def report(alerts_a_day: list[int], difference: Difference | None = None) -> str:
    rules = rule_set(FAILED)
    about = rules.rules[0].rule.about
    rule = AlertedRule(about.id, about.name, about.title, about.level, (), "", "v")
    results = Results(rules)
    for day, count in enumerate(alerts_a_day):
        for number in range(count):
            results.take(Alert(f"{day}-{number}", "acme", rule, "event", {}, day * DAY_MS, 1, 0, 0, (), {}, b'"uuid":"u"}'))
    beginning = datetime.min.replace(tzinfo=UTC)
    out = io.StringIO()
    print_report(Backtest([], beginning, beginning, beginning), results, None, difference, 1.0, SCREEN, out)
    return out.getvalue()


def test_days_without_a_bar_are_told() -> None:
    bar = SCREEN.writing.bar
    out = report([9, 0, 8, *[1] * 13, 2])
    assert f"  before these 14 days: 17 on 2 days, from 1970-01-01 on\n  1970-01-04  {bar * 12} 1\n" in out
    assert out.count(f"{bar} ") == 14
    assert f"  1970-01-17  {bar * 24} 2\n" in out, "the longest bar is the longest of those that are shown"
    assert "before these" not in report([1] * 14)


def test_what_of_the_other_side_could_not_be_read_is_told() -> None:
    out = report([1], Difference("alerts", [], [], Unread(1_200, 3, ["a.gz: damaged"])))
    assert "against alerts: 0 alerts gained, 0 lost\n" in out
    assert "  1,200 lines there don't keep the alert itself and could not be compared: ocsf without raw_data, or ecs without" in out
    assert "  3 lines there hold no alert\n  a.gz: damaged\n" in out
