"""`python -m flows.search`: what it prints and how it ends."""

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from flows.search.command import main

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def event(number: int, at: datetime, tenant: str = "acme", **more: Any) -> dict[str, Any]:
    published = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "_okta_event_type": "systemLog", "_okta_tenant": tenant, "_okta_category": "authentication", "_okta_action": "sign_in",
        "uuid": f"{tenant}-{number}", "published": published, "eventType": "user.session.start", "severity": "INFO",
        "outcome": {"result": "FAILURE" if number % 3 == 0 else "SUCCESS"}, "client": {"ipAddress": f"203.0.113.{number % 4}"},
        "actor": {"alternateId": f"user{number % 5}@{tenant}.example"}, **more,
    }  # fmt: skip


def line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Two tenants, two days, plain and zstd, a backfill that has some of it once more, and an alert."""
    folder = tmp_path / "data"
    for tenant in ("acme", "globex"):
        (folder / tenant).mkdir(parents=True)
        first = [line(event(number, NOON + timedelta(minutes=number), tenant)) for number in range(20)]
        second = [line(event(number, NOON + timedelta(days=1, minutes=number), tenant)) for number in range(20, 30)]
        (folder / tenant / "2026-11-20.ndjson.zst").write_bytes(zstandard.ZstdCompressor().compress(b"".join(first)))
        (folder / tenant / "2026-11-20.backfill.ndjson").write_bytes(b"".join(first[5:10]))
        (folder / tenant / "2026-11-21.ndjson").write_bytes(b"".join(second) + b'{"half')
    alert = {"_okta_event_type": "alert", "_okta_tenant": "acme", "uuid": "alert-1", "published": "2026-11-20T12:00:00.000Z"}
    alert |= {"rule": {"id": "r", "title": "Spraying", "level": "high"}, "count": 5, "event": event(1, NOON)}
    (tmp_path / "alerts.ndjson").write_bytes(line(alert))
    tables = '[[tenants]]\nname = "acme"\n[[tenants]]\nname = "globex"\n'
    sinks = '[sinks.archive]\ntype = "file"\npath = "data/{tenant}/{date}.ndjson"\n'
    alerts = '[sinks.alerts]\ntype = "file"\npath = "alerts.ndjson"\nkinds = ["alerts"]\n'
    (tmp_path / "okta.toml").write_text(tables + sinks + alerts)
    return str(tmp_path / "okta.toml")


def run(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    sys.stdout.flush()
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def test_everything_once_newest_first(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, err = run(capfdbinary, "--config", config, "--json")
    found = [json.loads(text) for text in out.splitlines()]
    assert code == 0
    assert len(found) == 60
    assert [one["published"] for one in found] == sorted((one["published"] for one in found), reverse=True)
    assert out.encode().splitlines(keepends=True)[0] in {
        line(event(29, NOON + timedelta(days=1, minutes=29), t)) for t in ("acme", "globex")
    }
    assert "60 events found in 6 files of 2026-11-20 to 2026-11-21: 70 lines" in err
    assert "2 of them still being written" in err


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (['outcome.result eq "FAILURE"'], 20),
        (["--outcome", "failure", "--tenant", "acme"], 10),
        (["--user", "USER1@*"], 12),
        (["--ip", "203.0.113.2"], 14),
        (["--ip", "203.0.113.0/31"], 32),
        (["--event-type", "user.session.*", "--action", "sign_*", "--category", "authentication"], 60),
        (["--q", "user3 acme.example"], 0),
        (["--q", "user3@acme.example"], 6),
        (["--since", "2026-11-21"], 20),
        (["--since", "2026-11-20T12:05:00Z", "--until", "2026-11-20T12:07:00"], 4),
        (["--since", "1s"], 0),
        (["--limit", "7"], 7),
        (["--path", "{folder}/data/acme/2026-11-21.ndjson", "--no-config"], 10),
        (["--alerts"], 1),
        (["--alerts", 'rule.level eq "high" and eventType sw "user."'], 1),
        (["--alerts", "--user", "nobody"], 0),
    ],
)
def test_what_is_found(config: str, capfdbinary: pytest.CaptureFixture[bytes], arguments: list[str], count: int) -> None:
    where = [] if "--no-config" in arguments else ["--config", config]
    texts = [text.replace("{folder}", str(Path(config).parent)) for text in arguments if text != "--no-config"]
    code, out, _ = run(capfdbinary, *where, *texts, "--json")
    assert len(out.splitlines()) == count
    assert code == (0 if count else 1)


def test_the_table_of_a_pipe_is_plain_and_whole(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, _ = run(capfdbinary, "--config", config, "--limit", "2", "--tenant", "acme")
    assert code == 0
    heading, first, second = out.splitlines()
    assert heading.split() == ["published", "event", "type", "action", "outcome", "actor", "client", "IP", "country", "target"]
    assert first.split() == [
        "2026-11-21",
        "12:29:00.000",
        "user.session.start",
        "sign_in",
        "SUCCESS",
        "user4@acme.example",
        "203.0.113.1",
        "-",
        "-",
    ]
    assert "user3@acme.example" in second
    assert "\x1b" not in out


def test_csv(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, out, _ = run(capfdbinary, "--config", config, "--csv", 'outcome.result eq "FAILURE"')
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 20
    assert {row["outcome.result"] for row in rows} == {"FAILURE"}
    assert rows[0]["actor.alternateId"].startswith("user")


def test_counts_and_bars(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, out, err = run(capfdbinary, "--config", config, "--count-by", "_okta_tenant,outcome.result", "--json")
    counts = {(row["_okta_tenant"], row["outcome.result"]): row["count"] for row in map(json.loads, out.splitlines())}
    assert counts == {("acme", "SUCCESS"): 20, ("acme", "FAILURE"): 10, ("globex", "SUCCESS"): 20, ("globex", "FAILURE"): 10}
    assert "60 events found" in err
    _, out, _ = run(capfdbinary, "--config", config, "--count-by", "client.ipAddress", "--distinct", "actor.alternateId", "--limit", "2")
    heading, *rows = out.splitlines()
    assert heading.split() == ["client.ipAddress", "count", "different", "alternateId"]
    assert [row.split()[:3] for row in rows] == [["203.0.113.0", "16", "10"], ["203.0.113.1", "16", "10"]]
    assert all("█" in row for row in rows)
    code, out, err = run(capfdbinary, "--config", config, "--count-by", "client.device")
    assert (code, out) == (0, "")
    assert "60 of 60 have no client.device: not counted here" in err


def test_sql(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    query = "select tenant, count(*) as n, count(distinct actor) as actors from events where outcome = 'FAILURE' group by all order by all"
    code, out, _ = run(capfdbinary, "--config", config, "--sql", query, "--json")
    assert code == 0
    assert [json.loads(text) for text in out.splitlines()] == [{"tenant": name, "n": 10, "actors": 5} for name in ("acme", "globex")]
    code, out, _ = run(capfdbinary, "--config", config, "--sql", "select rule, ip, alert ->> '$.event.uuid' as event from alerts")
    assert out.splitlines() == ["rule      ip           event", "Spraying  203.0.113.1  acme-1"]
    code, out, _ = run(capfdbinary, "--config", config, "--sql", "select 1 from events where false", "--csv")
    assert (code, out) == (1, "1\r\n")


@pytest.mark.parametrize(
    "query",
    ["select * from read_csv('/etc/passwd')", "copy events to '/tmp/x'", "install httpfs", "set lock_configuration = false", "nonsense"],
)
def test_sql_reaches_nothing_but_the_events(config: str, capfdbinary: pytest.CaptureFixture[bytes], query: str) -> None:
    code, out, err = run(capfdbinary, "--config", config, "--sql", query)
    assert (code, out) == (2, "")
    assert err.startswith("search: --sql: ")


def test_sql_over_lines_that_duckdb_refuses(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "a.ndjson"
    front = b'{"_okta_event_type":"systemLog","published":"2026-11-20T12:00:00.000Z","uuid":'
    path.write_bytes(
        front + b'"1","displayMessage":"half \\ud83d"}\n' + front + b'"2","displayMessage":"bad \xff"}\n' + b"not json\n"
        + front + b'"3","displayMessage":"nul \\u0000 \\"q\\", \x01 \xf0\x9f\x9a\x80 \\ud83d\\ude80"}\n' + front + b'"4"'
    )  # fmt: skip
    code, out, _ = run(capfdbinary, "--path", str(path), "--sql", "select uuid, message from events order by uuid", "--json")
    assert code == 0
    assert [json.loads(text)["uuid"] for text in out.splitlines()] == ["1", "2"], "a control character in a text is no JSON"
    assert [json.loads(text)["message"] for text in out.splitlines()] == ["half \ufffd", "bad \ufffd"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["eventTyp pr"], "did you mean eventType?"),
        (["--tenant", "acmee"], "there is no such tenant; did you mean acme?; there are: acme, globex"),
        (["--ip", "300.1.1.1"], "neither an address nor a network"),
        (["--since", "yesterday"], "'yesterday' is not a time"),
        (["--since", "2026-11-21", "--until", "2026-11-20"], "--since is not before --until"),
        (["--count-by", "actor.alternatId"], "did you mean actor.alternateId?"),
        (["--distinct", "actor.id"], "--distinct needs --count-by"),
        (["--sink", "nowhere"], "has no file sink of that name"),
        (["--path", "x"], "--path stands in place of --config"),
    ],
)
def test_mistakes_in_what_a_search_is_given(
    config: str, capfdbinary: pytest.CaptureFixture[bytes], arguments: list[str], words: str
) -> None:
    code, out, err = run(capfdbinary, "--config", config, *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_any_field_and_an_unknown_event_type(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(capfdbinary, "--config", config, "newMember.x pr", "--any-field")[0] == 1
    _, _, err = run(capfdbinary, "--config", config, "--event-type", "user.session.strat")
    assert "warning: --event-type user.session.strat: not in Okta's catalogue; did you mean user.session.start?" in err


def test_what_a_format_does_not_keep_is_no_answer(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    path = Path(config)
    more = '[sinks.ocsf]\ntype = "file"\nformat = "ocsf"\npath = "ocsf.ndjson"\n'
    path.write_text(path.read_text() + more)
    code, out, err = run(capfdbinary, "--config", config, "--sink", "ocsf")
    assert (code, out) == (2, "")
    assert "sink ocsf writes ocsf without Okta's own event, which is what a filter is asked of: set raw_data = true" in err
    code, _, err = run(capfdbinary, "--config", config)
    assert code == 0
    assert "warning: sink ocsf writes ocsf without Okta's own event" in err
    path.write_text(path.read_text().replace(more, more + "raw_data = true\n"))
    assert run(capfdbinary, "--config", config, "--sink", "ocsf")[0] == 1
    (path.parent / "ocsf.ndjson").write_bytes(line({"class_uid": 3002, "unmapped": {}}))
    code, _, err = run(capfdbinary, "--config", config, "--sink", "ocsf")
    assert code == 2
    assert "1 line was written without Okta's own event and can't be searched" in err


def test_a_reader_that_has_gone_ends_it_in_peace(config: str) -> None:
    command = f"{sys.executable} -m flows.search --config {config} --json | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, check=False, env={**os.environ})
    assert len(done.stdout.splitlines()) == 1
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_nothing_is_changed(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = Path(config).parent
    before = Counter((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))
    run(capfdbinary, "--config", config)
    assert Counter((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*")) == before
