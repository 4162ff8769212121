"""Alerts of a run are read in every format that keeps them, and what can't be read is counted."""

import gzip
import json
from pathlib import Path

import pytest

from flows.backtest.live import alert_files, read_alerts
from flows.pipeline.formats.alerts import alert_to_ecs, alert_to_ocsf
from okta_source.detections.alerts import Alert, AlertedRule

EVENT = b'"uuid":"u1","published":"2026-11-29T12:00:00.000Z","eventType":"a.b","displayMessage":"\\ud800"}'


def alert(number: int) -> bytes:
    rule = AlertedRule("r1", "found", "Found", "high", (), "", "v")
    told = Alert(f"a{number}", "acme", rule, "event", {"b": number, "a": None}, 1_000 * number, 1, 0, 0, (), {}, EVENT)
    return b'{"_okta_event_type":"alert","_okta_tenant":"acme","_okta_org":"acme.okta.com",' + told.members()


def found(path: Path) -> list[tuple[str, str, str, str, bytes, int]]:
    told, unread = read_alerts(alert_files(path))
    assert (unread.mute_lines, unread.bad_lines, unread.problems) == (0, 0, [])
    return [(one.uuid, one.tenant, one.rule, one.title, one.group, one.published_ms) for one in told]


@pytest.mark.parametrize("form", ["raw", "ecs", "ocsf"])
def test_alerts_of_every_format(tmp_path: Path, form: str) -> None:
    plain = [alert(number).replace(b"\\ud800", b"x") for number in range(3)]
    lines = {
        "raw": [*plain[:2], alert(2)],  # half a surrogate pair, which Okta sends
        "ecs": [alert_to_ecs(line) for line in plain],
        "ocsf": [alert_to_ocsf(line, version="1.3.0", raw_data=True) for line in plain],
    }[form]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "acme.ndjson.gz").write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    assert found(tmp_path) == [(f"a{n}", "acme", "r1", "Found", b'{"a":null,"b":%d}' % n, 1_000 * n) for n in range(3)]


def test_events_beside_them_are_passed_over_and_each_alert_is_there_once(tmp_path: Path) -> None:
    event = b'{"_okta_event_type":"systemLog","_okta_tenant":"acme",' + EVENT
    foreign = json.dumps({"@timestamp": "2026-11-29T12:00:00Z", "event": {"original": "{" + EVENT.decode()}}).encode()
    (tmp_path / "1.ndjson").write_bytes(b"".join(line + b"\n" for line in (event, alert(1), foreign, b"", alert(1))))
    (tmp_path / "2.ndjson").write_bytes(alert(1) + b"\n")
    assert [uuid for uuid, *_ in found(tmp_path)] == ["a1"]


def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    plain = alert(1).replace(b"\\ud800", b"x")
    mute = [alert_to_ecs(plain, event_original=False), alert_to_ocsf(plain, version="1.3.0")]
    bad = [b"no json", b"[]", plain.replace(b'"rule":', b'"rules":'), plain.replace(b'00.000Z"', b'00.000"')[:60]]
    (tmp_path / "a.ndjson").write_bytes(b"".join(line + b"\n" for line in (*mute, *bad, plain)))
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(plain + b"\n") + b"no member of gzip")
    (tmp_path / "rules.yml").write_text("title: no alerts")
    told, unread = read_alerts(alert_files(tmp_path))
    assert [one.uuid for one in told] == ["a1"]
    assert (unread.mute_lines, unread.bad_lines) == (2, 4)
    assert len(unread.problems) == 1
    assert alert_files(tmp_path / "rules.yml") == []
