"""`python -m flows.backtest`, from its arguments to what it prints and how it exits."""

import json
from pathlib import Path

import pytest

from flows.backtest.command import main
from flows.pipeline.formats.alerts import alert_to_ecs, alert_to_ocsf
from tests.unit.okta_source.detections.correlation.running import FAILED, correlation, event

COUNTED = correlation("event_count", "failed", "5m", group_by="[actor.alternateId]", condition="{gte: 3}", level="high")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two days of failing sign-ins, six an hour, of two users, and rules for them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "acme").mkdir(parents=True)
    days: dict[str, list[bytes]] = {}
    for hour in range(30):
        for number in range(6):
            one = event(hour * 3600 + number * 20, user=["ada", "bob"][hour % 2], uuid=f"{hour}-{number}")
            tags = {
                "_okta_event_type": "systemLog",
                "_okta_tenant": "acme",
                "_okta_org": "acme.okta.com",
                "_okta_ingested_at": one["published"],
            }
            days.setdefault(one["published"][:10], []).append(json.dumps(tags | one).encode())
    for day, lines in days.items():
        (tmp_path / "data" / "acme" / f"{day}.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))
    (tmp_path / "rules.yml").write_text(FAILED + "---\n" + COUNTED)
    (tmp_path / "okta.toml").write_text(
        '[[tenants]]\nname = "acme"\n[detections]\nmanaged = false\nrules = ["rules.yml"]\n'
        '[sinks.archive]\ntype = "file"\npath = "data/{tenant}/{date}.ndjson"\n'
    )
    return tmp_path


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) in (0, 1)
    return json.loads(capsys.readouterr().out)


def test_a_report_for_people(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--budget", "10"]) == 1
    out = capsys.readouterr().out
    assert "Found [found, high]\n  30 alerts, 24.8 a day (over the budget of 10)\n" in out
    assert "  2026-11-29  " in out
    assert "   50%  acme: actor.alternateId=ada (15)\n" in out
    assert "e.g. 2026-11-29T12:00:40.000Z acme of 3 events since 2026-11-29T12:00:00.000Z: actor.alternateId=ada, " in out
    assert "2 rules without an alert\n" in out
    assert "30 alerts of 180 events, 1 tenants, 2 files, 2026-11-29 12:00 to 2026-11-30 17:01 UTC" in out
    assert main(["--budget", "100"]) == 0
    assert "within the budget of 100 alerts a day\n" in capsys.readouterr().out


def test_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ask(capsys, "--budget", "10")
    assert (told["events"], told["files"], told["tenants"], told["stopped"]) == (180, 2, {"acme": 180}, False)
    found = next(rule for rule in told["rules"] if rule["name"] == "found")
    assert (found["alerts"], found["kind"], found["within_budget"]) == (30, "event_count", False)
    assert found["days"] == {"2026-11-29": 12, "2026-11-30": 18}
    assert found["groups"][0] == {"tenant": "acme", "group": "actor.alternateId=ada", "alerts": 15, "share": 0.5}
    assert found["examples"][0]["fields"]["outcome.result"] == "FAILURE"


def test_a_span_and_what_must_be_read_before_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The alert of 13:00 is complete at 13:00:40; its window begins before the span.
    told = ask(capsys, "--since", "2026-11-29T13:00:30Z", "--until", "2026-11-29T14:00:00Z")
    assert told["alerts"] == 1
    assert ask(capsys, "--since", "2026-11-29T13:01:00Z", "--until", "2026-11-29T14:00:00Z")["alerts"] == 0


def test_what_only_fills_windows_does_not_thin_the_rate(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first_seen = correlation(
        "first_seen", "failed", "30d", group_by="[actor.alternateId]", condition="{field: client.ipAddress}", name="new", title="New"
    )
    (place / "both.yml").write_text(FAILED + "---\n" + COUNTED + "---\n" + first_seen)
    alone, both = (ask(capsys, "--rules", name, "--since", "2026-11-30T10:00:00Z", "--budget", "7") for name in ("rules.yml", "both.yml"))
    assert (alone["events"], alone["events_before"], alone["tenants"]) == (48, 0, {"acme": 48})
    assert (both["events"], both["events_before"], both["tenants"]) == (48, 132, {"acme": 48})
    assert alone["since"] == both["since"] == "2026-11-30T10:00:00+00:00"
    assert [(told["days"], told["within_budget"]) for told in (alone, both)] == [(1.0, False)] * 2
    main(["--rules", "both.yml", "--since", "2026-11-30T10:00:00Z"])
    assert "8 alerts of 48 events (and 132 before them, which only fill windows), 1 tenants" in capsys.readouterr().out


def test_an_episode_that_goes_on_is_not_told_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Two bursts of a user within 130 minutes, again and again: one episode each from the second burst to the end.
    (place / "long.yml").write_text(FAILED + "---\n" + COUNTED.replace("gte: 3", "gte: 12").replace("5m", "130m"))
    assert ask(capsys, "--rules", "long.yml", "--alerts", "live.ndjson")["alerts"] == 2
    told = ask(capsys, "--rules", "long.yml", "--since", "2026-11-30T10:00:10Z", "--against", "live.ndjson")
    assert (told["alerts"], told["against"]["gained"], told["against"]["lost"]) == (0, [], [])


def test_other_rules_beside(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "strict.yml").write_text(FAILED + "---\n" + COUNTED.replace("gte: 3", "gte: 2"))
    (place / "lax.yml").write_text(FAILED + "---\n" + COUNTED.replace("gte: 3", "gte: 7"))
    same = ask(capsys, "--rules", "strict.yml", "--against", "rules.yml")["against"]
    assert (same["gained"], same["lost"]) == ([], [])  # the same trouble, told an event earlier
    other = ask(capsys, "--rules", "rules.yml", "--against", "lax.yml")["against"]
    assert (len(other["gained"]), other["lost"]) == (30, [])
    other = ask(capsys, "--rules", "lax.yml", "--against", "rules.yml")["against"]
    assert (other["gained"], len(other["lost"])) == ([], 30)
    assert other["lost"][0]["group"] == {"actor.alternateId": "ada"}


def test_alerts_as_the_flow_writes_them_and_beside_them(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(capsys, "--alerts", "out.ndjson")
    lines = (place / "out.ndjson").read_bytes().splitlines()
    first = json.loads(lines[0])
    assert (first["_okta_event_type"], first["_okta_tenant"], first["_okta_org"]) == ("alert", "acme", "acme.okta.com")
    assert first["event"]["uuid"] == "0-2"
    (place / "live.ndjson").write_bytes(b"".join(line + b"\n" for line in lines[1:]))
    against = ask(capsys, "--against", "live.ndjson")["against"]
    assert (len(against["gained"]), against["lost"]) == (1, [])


EVERY = "title: Every\nname: every\nlogsource: {product: okta}\ndetection: {s: {eventType: user.session.start}, condition: s}\n"
ABSENT = correlation("absence", "failed, reset", "1h", group_by="[actor.alternateId]", name="absent", title="Absent")


def test_the_other_side_is_asked_for_the_same_rules_and_time(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "more.yml").write_text("---\n".join([FAILED, COUNTED, EVERY, ABSENT]))
    ask(capsys, "--rules", "more.yml", "--alerts", "live.ndjson")
    middle = ["--since", "2026-11-29T20:00:00Z", "--until", "2026-11-30T04:00:30Z"]
    for chosen in ([], ["--rule", "found"], ["--rule", "every", "--rule", "absent"], middle, ["--rule", "every", *middle]):
        for other in ("more.yml", "live.ndjson"):
            told = ask(capsys, "--rules", "more.yml", "--against", other, *chosen)
            assert told["alerts"]
            assert (told["against"]["gained"], told["against"]["lost"]) == ([], []), (chosen, other)


def test_a_chosen_rule_that_the_other_side_has_not_or_calls_otherwise(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = "00000000-0000-4000-8000-000000000001"
    (place / "new.yml").write_text(FAILED + "---\n" + COUNTED + f"id: {one}\n---\n" + EVERY)
    (place / "old.yml").write_text(FAILED + "---\n" + COUNTED.replace("name: found", "name: former") + f"id: {one}\n")
    same = ask(capsys, "--rules", "new.yml", "--rule", "found", "--against", "old.yml")["against"]
    assert (same["gained"], same["lost"]) == ([], [])
    new = ask(capsys, "--rules", "new.yml", "--rule", "every", "--against", "old.yml")["against"]
    assert (len(new["gained"]), new["lost"]) == (180, [])


def test_alerts_of_a_run_in_another_format(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(capsys, "--alerts", "out.ndjson")
    lines = (place / "out.ndjson").read_bytes().splitlines()
    for name, documents in (
        ("kept", [alert_to_ecs(line) for line in lines]),
        ("half", [*(alert_to_ecs(line) for line in lines[:20]), *(alert_to_ecs(line, event_original=False) for line in lines[20:])]),
        ("mute", [alert_to_ocsf(line, version="1.3.0") for line in lines]),
    ):
        (place / f"{name}.ndjson").write_bytes(b"".join(line + b"\n" for line in documents))
    kept = ask(capsys, "--against", "kept.ndjson")["against"]
    assert (kept["gained"], kept["lost"], kept["unreadable"]["without_original"]) == ([], [], 0)
    half = ask(capsys, "--against", "half.ndjson")["against"]
    assert (len(half["gained"]), half["lost"], half["unreadable"]["without_original"]) == (10, [], 10)
    assert main(["--against", "mute.ndjson"]) == 2
    assert "--against mute.ndjson: no alert there can be read: 30 lines don't keep the alert itself" in capsys.readouterr().err


def test_one_rule_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ask(capsys, "--rule", "failed")
    assert [(rule["name"], rule["alerts"]) for rule in told["rules"]] == [("failed", 180)]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--since", "yesterday"], "'yesterday' is not a time"),
        (["--since", "2026-11-30", "--until", "2026-11-29"], "--since is not before --until"),
        (["--tenant", "acmee"], "--tenant acmee: there is no such tenant; there are: acme"),
        (["--rules", "nowhere"], "nowhere: there are no rules"),
        (["--rule", "fund"], "there is no rule fund; did you mean found?"),
        (["--config", "gone.toml"], "gone.toml"),
        (["--path", "nowhere", "--budget", "5"], "there is no event; 0 files were read; nowhere: there is no such file"),
        (["--path", "data", "--tenant", "nope"], "there is no event of nope; there are events of: acme"),
        (["--since", "2099-01-01"], "there is no event; 0 files were read"),
        (["--since", "2026-11-30T18:00:00Z"], "there is no event; 1 files were read; 108 events outside of --since and --until"),
        (["--since", "2026-11-30T17:05:00Z"], "there is no event; 1 files were read; 6 events before --since"),
        (["--until", "2026-11-29T11:00:00Z"], "there is no event; 1 files were read; 72 events outside of --since and --until"),
        (["--rules", "configured", "managed"], "configured stands alone: it means all that [detections] names"),
        (["--alerts", "no/such/folder/x"], "no/such/folder/x: No such file or directory"),
    ],
)
def test_what_cannot_be_used(place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str) -> None:
    assert main(arguments) == 2
    assert problem in capsys.readouterr().err


def test_who_has_no_event_beside_others_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--path", "data", "--tenant", "nope", "--tenant", "acme", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["tenants"] == {"acme": 180, "nope": 0}
    assert told.err == "warning: --tenant nope: there is no event of that tenant\n"
