"""Progress as it is shown: lines in a log, a bar on a terminal."""

import io
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from flows.backfill.progress import ProgressThread
from okta_source.history import Ledger, cut_by
from tests.e2e.harness import wait_for

START = datetime(2026, 8, 1, tzinfo=UTC)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[[Console, Callable[[], bool]], None]:
    monkeypatch.setattr("flows.backfill.progress._LINE_SECONDS", 0.01)
    monkeypatch.setattr("flows.backfill.progress._BAR_SECONDS", 0.01)

    def run(console: Console, until: Callable[[], bool]) -> None:
        slices = cut_by(["acme"], START, START + timedelta(hours=4), 1)
        ledger = Ledger(slices)
        ledger.done(slices[0])
        progress = ProgressThread(ledger, console)
        progress.start()
        try:
            wait_for(until, "progress", 10)
        finally:
            progress.stop()

    return run


def test_a_line_in_the_log_where_there_is_no_terminal(show: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    show(Console(file=io.StringIO()), lambda: len(caplog.messages) > 1)
    assert caplog.messages[0].startswith("backfill: 1 of 4 slices, 0 events, ")


def test_a_bar_on_a_terminal(show: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = io.StringIO()
    show(Console(file=text, force_terminal=True, width=140), lambda: "1 of 4 slices" in text.getvalue())
    assert caplog.messages == []
