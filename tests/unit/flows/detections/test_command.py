"""`python -m flows.detections`: list, lint, explain."""

import json
from pathlib import Path

import pytest

from flows.detections.command import main
from tests.unit.okta_source.detections.correlation.running import FAILED, correlation
from tests.unit.okta_source.detections.making import rule_text

COUNTED = correlation("value_count", "failed", group_by="[client.ipAddress]", condition="{field: actor.id, gte: 3, lt: 9}", level="high")
SPARE = rule_text("sel: {actor.id|expand: '%clients%'}, not_these: {severity|neq: [a, b], client.ipAddress|cidr: 10.0.0.0/8}",
                  "sel or not not_these") + "name: spare\nenabled: false\nfalsepositives: [tests]\nresponse: Call them.\n"  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "all.yml").write_text("\n---\n".join([FAILED, COUNTED, SPARE]))
    (tmp_path / "okta.toml").write_text('[detections]\nmanaged = false\nrules = ["rules"]\nlists = { clients = ["0oa1", "0oa2"] }\n')
    return tmp_path


def test_list(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["high", "found", "values", "yes", "-", "Found"]
    assert lines[-1] == "3 rules; 1 more are off"
    assert main(["list", "--all", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["failed"]["alerts"] is False
    assert rows["spare"]["alerts"] == "off"


def test_lint(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint"]) == 0
    assert capsys.readouterr().out == "5 rules, 0 problems\n"
    wrong = FAILED.replace("user.mfa.factor.reset_all", "user.lifecycle.suspended")
    (place / "rules" / "all.yml").write_text(wrong + "---\n" + COUNTED.replace("[failed]", "[faild]"))
    assert main(["lint", "rules"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("unknown event type `user.lifecycle.suspended`: did you mean `user.lifecycle.suspend`? (warning)")
    assert lines[1].endswith("correlation.rules: there is no rule faild; did you mean failed?")
    assert lines[2] == "4 rules, 2 problems"


def test_lint_looks_at_what_the_configuration_chooses(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run refuses, lint tells."""
    (place / "okta.toml").write_text('[detections]\nmanaged = true\nenable = ["sign_in_outside_allowed_countries", "push_bombin"]\n')
    assert main(["lint"]) == 1
    out = capsys.readouterr().out
    assert "there is no list allowed_countries; add to [detections.lists]" in out
    assert (
        'okta.toml: detections.enable[1]: "push_bombin" is not allowed; did you mean push_bombing? allowed: ids and names of rules' in out
    )
    assert main(["list"]) == 2
    assert capsys.readouterr().err.splitlines() == out.splitlines()[:-1]


def test_lint_of_files_knows_the_managed_rules(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrowing = "title: F\nlogsource: {product: okta}\nfilter: {rules: [sign_in_failed], sel: {actor.type: User}, condition: not sel}\n"
    (place / "rules" / "all.yml").write_text(narrowing + "---\n" + correlation("temporal", "password_spray, mfa_reset"))
    assert main(["lint", "rules"]) == 1  # this configuration leaves them out
    assert "there is no rule sign_in_failed" in capsys.readouterr().out
    for table in ("[detections]\n", ""):
        (place / "okta.toml").write_text(table)
        assert main(["lint", "rules"]) == 0
        assert capsys.readouterr().out == "2 rules, 0 problems\n"
        assert main(["explain", "rules/all.yml"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("Found\n")
        assert "fulfilled by matches of at least 2 of the rules Failed sign-ins of many users from one address, " in out
        assert main(["list", "--rules", "rules"]) == 0
        assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["name", "found", "rules;"]


def test_explain(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "found"]) == 0
    out = capsys.readouterr().out
    assert (
        "fulfilled by at least 3 and less than 9 different values of actor.id in matches of Sign-in failed of the same client.ipAddress "
        in out
    )
    assert "event types: user.session.start\n" in out
    assert "outcome.result is 'FAILURE'" in out
    assert main(["explain", "spare"]) == 0
    out = capsys.readouterr().out
    assert "event types: any, so every event is decoded for it" in out
    assert "lists: clients (2 values)" in out
    assert "not: severity is 'a' or 'b'" in out
    assert "client.ipAddress is an address in '10.0.0.0/8'" in out
    assert "what to do: Call them." in out
    assert main(["explain", "rules/all.yml"]) == 0
    assert capsys.readouterr().out.count("what to do") == 0


def test_explain_tells_fields_from_texts_and_names_flags(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = [
        "actor.alternateId|fieldref|startswith: actor.displayName",
        "actor.id|fieldref|cased: [target.user.id, client.id]",
        "displayMessage|re|i: '^x'",
        "severity|re|dotall|multiline: 'y'",
        "actor.type|startswith: actor.displayName",
    ]
    searches = f"sel: {{{', '.join(tests)}}}, words: [eve], patterns: {{'|re': 'z$'}}"
    (place / "rules" / "all.yml").write_text(rule_text(searches, "1 of them") + "name: e\n")
    assert main(["explain", "e"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for line in (
        "actor.alternateId starts with the field actor.displayName",
        "actor.id is the same as the field target.user.id or client.id (upper and lower case differ)",
        "displayMessage matches the regular expression '^x' (upper and lower case are the same)",
        "severity matches the regular expression 'y' (^ and $ are the ends of each line, . stands for line breaks too)",
        "actor.type starts with 'actor.displayName'",
        "any text of the event contains 'eve'",
        "any text of the event matches the regular expression 'z$'",
    ):
        assert line in lines


def test_what_cannot_be_used(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "fund"]) == 2
    assert "there is no rule fund; did you mean found?" in capsys.readouterr().err
    assert main(["lint", "nowhere"]) == 2
    assert "nowhere: there are no rules" in capsys.readouterr().err
    assert main(["--config", "gone.toml", "list"]) == 2
    assert "gone.toml" in capsys.readouterr().err
