"""The command as a whole: tenants and sinks together, what people see, and how it ends."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.check.command import main
from flows.system_log import get_flow
from okta_source.config.problems import ConfigurationError
from okta_source.detections.problems import RulesError
from okta_source.simulator import Organisation, Simulator
from tests.unit.flows.check.conftest import SECRETS

Write = Callable[[str], None]
SINK = '[sinks.archive]\ntype = "file"\npath = "out/{tenant}/{date}.ndjson"\n'


@pytest.fixture
def tenants() -> Iterator[str]:
    with Simulator([Organisation("acme", token=SECRETS["TEST_OKTA_TOKEN"])]) as okta:
        url = okta.url("acme")
        yield f'[[tenants]]\nname = "acme"\norg_url = "{url}"\nauth = {{ method = "ssws", token_env = "TEST_OKTA_TOKEN" }}\n'


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)
    return lambda text: (tmp_path / "okta.toml").write_text(text) and None


def test_tenants_and_sinks_are_told_one_after_the_other(write: Write, tenants: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(tenants + SINK + '[sinks.siem]\ntype = "webhook"\nurl = "https://siem.invalid/x"\n')
    assert main([]) == 1
    printed = capsys.readouterr().out
    assert printed.index("acme") < printed.index("sink archive (file)") < printed.index("sink siem (webhook)")
    assert "→ dns: Check the sink's url" in printed
    assert printed.rstrip().endswith("1 of 2 sinks are fine; not: siem")
    assert SECRETS["TEST_OKTA_TOKEN"] not in printed


def test_json_holds_both(write: Write, tenants: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(tenants + SINK)
    assert main(["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["tenants", "sinks"]
    assert [(entry["tenant"], entry["ok"]) for entry in document["tenants"]] == [("acme", True)]
    assert [(entry["sink"], entry["ok"]) for entry in document["sinks"]] == [("archive", True)]


def test_a_sink_that_is_wrong_keeps_every_organisation_from_being_asked(
    write: Write, tenants: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tenants + SINK + '[sinks.bad]\ntype = "file"\n')
    assert main(["--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    steps = {step["step"]: step for step in document["tenants"][0]["steps"]}
    assert steps["configuration"]["status"] == "ok"
    assert steps["dns"]["detail"] == "no request is made while the configuration of a sink is wrong"
    assert "path" in document["sinks"][1]["steps"][0]["detail"]


@pytest.mark.parametrize(
    ("text", "detail"),
    [("[pipeline]\nformat = 'xml'\n", "pipeline.format"), ("[hooks]\nprot = 1\n", "hooks.prot"), ("[oter]\n", "oter")],
)
def test_what_a_run_refuses_elsewhere_in_the_file_is_told(
    write: Write, tenants: str, capsys: pytest.CaptureFixture[str], text: str, detail: str
) -> None:
    write(tenants + SINK + text)
    assert main(["--json", "--sink", "archive"]) == 2
    [archive, rest] = json.loads(capsys.readouterr().out)["sinks"]
    assert (archive["sink"], rest["sink"]) == ("archive", "")
    assert detail in rest["steps"][0]["detail"]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('rules = ["rule.yml"]', "rule.yml: rule \"R\": level: 'hihg' is no level; did you mean high? allowed: informational, low, medium, "
         "high, critical"),
        ('disable = ["push_bombin"]', 'okta.toml: detections.disable[0]: "push_bombin" is not allowed; did you mean push_bombing? allowed: '
         "ids and names of rules"),
        ("managd = true", "okta.toml: detections.managd: unknown key; did you mean managed? allowed: disable, enable, level_at_least, "
         "lists, managed, prime, rules"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("other", ["", '[sinks.bad]\ntype = "file"\n'])
def test_what_a_run_refuses_of_rules_is_told_in_its_words(
    write: Write, tenants: str, capsys: pytest.CaptureFixture[str], table: str, problem: str, other: str, tmp_path: Path
) -> None:
    (tmp_path / "rule.yml").write_text(
        "title: R\nlevel: hihg\nlogsource: {product: okta}\ndetection: {s: {eventType: user.session.start}, condition: s}\n"
    )
    write(f"{tenants}[detections]\n{table}\n{SINK}{other}")
    assert main(["--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert {step["step"]: step for step in document["tenants"][0]["steps"]}["dns"]["status"] == "not_reached"
    rest = document["sinks"][-1]
    assert rest["sink"] == ""
    assert rest["steps"][0]["detail"].removeprefix(f"{tmp_path}/") == problem
    if not other:
        with pytest.raises((ConfigurationError, RulesError), match=re.escape(problem)):
            get_flow("okta.toml")


@pytest.mark.parametrize(
    ("text", "arguments", "detail"),
    [
        ("", [], "sinks"),
        (SINK, ["--sink", "nowhere"], 'there is no sink "nowhere" in okta.toml; there are: archive'),
    ],
)
def test_a_sink_that_is_not_there(
    write: Write, tenants: str, capsys: pytest.CaptureFixture[str], text: str, arguments: list[str], detail: str
) -> None:
    write(tenants + text)
    assert main(["--json", *arguments]) == 2
    [sink] = json.loads(capsys.readouterr().out)["sinks"]
    assert detail in sink["steps"][0]["detail"]


def test_a_file_that_is_not_there(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--config", "missing.toml"]) == 2
    document = json.loads(capsys.readouterr().out)
    for entry in (*document["tenants"], *document["sinks"]):
        assert "there is no such file" in entry["steps"][0]["detail"]


def test_a_defect_of_one_sinks_check_spares_the_others(
    write: Write, tenants: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tenants + SINK + '[sinks.siem]\ntype = "webhook"\nurl = "https://siem.invalid/x"\n')
    monkeypatch.setattr("flows.check.command.check_file_sink", lambda *_: 1 / 0)
    assert main(["--json"]) == 1
    archive, siem = json.loads(capsys.readouterr().out)["sinks"]
    assert "check itself failed: ZeroDivisionError" in archive["steps"][0]["detail"]
    assert any(step["status"] == "failed" for step in siem["steps"] if step["step"] == "dns")


def test_full_disk_under_the_outbox_is_told_by_sinks_that_send(
    write: Write, tenants: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tenants + '[sinks.siem]\ntype = "webhook"\nurl = "https://siem.invalid/x"\n')
    monkeypatch.setattr("flows.check.folders._free_bytes", lambda _: 0)
    assert main(["--json", "--sink", "siem"]) == 1
    [siem] = json.loads(capsys.readouterr().out)["sinks"]
    steps = {step["step"]: step for step in siem["steps"]}
    assert steps["outbox"]["status"] == "failed"
    assert "The disk is full" in steps["outbox"]["detail"]
