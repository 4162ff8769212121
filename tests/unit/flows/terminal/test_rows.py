"""Rows fit, and say who did what to whom."""

import json
from typing import Any

import pytest

from flows.terminal.rows import Rows
from flows.terminal.screen import Screen
from flows.terminal.text import Writing, width_of

EVENT: dict[str, Any] = {
    "_okta_event_type": "systemLog",
    "_okta_tenant": "acme",
    "_okta_action": "mfa_reset",
    "uuid": "1",
    "published": "2026-11-20T08:01:02.345Z",
    "eventType": "user.mfa.factor.reset_all_of_a_very_long_event_type",
    "severity": "WARN",
    "outcome": {"result": "DENY"},
    "actor": {"alternateId": "unknown", "displayName": "Zoë Müller \x1b[31m 日本語の名前"},
    "client": {"ipAddress": "2001:db8:85a3::8a2e:370:7334", "geographicalContext": {"country": "United Kingdom"}},
    "target": [{"type": "User", "alternateId": "ada@acme.example"}, {"type": "Rule", "alternateId": "unknown", "displayName": "Catch-all"}],
}
LINE = json.dumps(EVENT).encode()
ALERT = {**EVENT, "_okta_event_type": "alert", "rule": {"title": "Spraying", "level": "high"}, "count": 12, "event": EVENT}


def rows(
    width: int | None, *, coloured: bool = False, ascii_only: bool = False, alerts: bool = False, tenants: tuple[str, ...] = ()
) -> Rows:
    return Rows(Screen(width, coloured, width is not None, Writing(ascii_only=ascii_only)), tenants, alerts=alerts)


@pytest.mark.parametrize("width", [60, 80, 99, 100, 119, 120, 135, 136, 150, 200, 300])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("alerts", [True, False])
def test_rows_fit(width: int, ascii_only: bool, alerts: bool) -> None:
    shown = rows(width, ascii_only=ascii_only, alerts=alerts, tenants=("acme", "a-tenant-with-a-long-name"))
    row = shown.row(json.dumps(ALERT).encode() if alerts else LINE)
    assert width_of(row) <= width
    assert width_of(shown.heading) <= width
    assert "\x1b" not in row
    assert row.isascii() or not ascii_only


def test_more_room_shows_more() -> None:
    assert rows(80, tenants=("acme",)).heading.split() == ["published", "event", "type", "outcome", "actor"]
    wide = rows(220, tenants=("acme", "globex"))
    assert wide.heading.replace("client IP", "client").split() == [
        "published", "tenant", "event", "type", "action", "outcome", "actor", "client", "country", "target",
    ]  # fmt: skip
    assert "2026-11-20 08:01:02.345 acme" in wide.row(LINE)
    assert "ada@acme.example, Catch-all" in wide.row(LINE)
    assert "Zoë Müller" in wide.row(LINE), "an alternateId that says unknown says nothing"


def test_a_pipe_gets_it_whole() -> None:
    row = rows(None).row(LINE)
    assert "user.mfa.factor.reset_all_of_a_very_long_event_type" in row
    assert "2001:db8:85a3::8a2e:370:7334" in row
    assert row.endswith("ada@acme.example, Catch-all")


def test_colours_tell_severity_and_outcome() -> None:
    row = rows(120, coloured=True).row(LINE)
    assert "\x1b[33muser.mfa" in row
    assert "\x1b[31mDENY" in row
    assert "\x1b[31m " not in row.replace("\x1b[31mDENY", ""), "the event's own escape is shown, not obeyed"


def test_an_alert() -> None:
    row = rows(140, alerts=True, tenants=("acme",)).row(json.dumps(ALERT).encode())
    assert row.split()[2:4] == ["high", "Spraying"]
    assert " 12 " in row


def test_a_line_that_is_no_event_is_shown_as_it_is() -> None:
    assert rows(80).row(b"no \x1b event") == "no \\x1b event"
