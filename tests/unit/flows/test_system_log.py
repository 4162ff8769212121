"""The steps of the main flow: their ids are part of the saved state."""

from pathlib import Path
from typing import Any

import pytest
from bytewax.dataflow import Dataflow

from flows.configuration.settings import load
from flows.pipeline import delivery
from flows.system_log import build_flow, prepare_run
from okta_source.fetching.control import RunControl
from sinks.dead_letters.sink import DeadLetterFile

CONFIG = """
[pipeline]
retired = ["former"]

[[tenants]]
name = "globex"
org_url = "globex"
auth = { method = "ssws", token_env = "TOKEN" }

[[tenants]]
name = "acme"
org_url = "acme"
auth = { method = "ssws", token_env = "TOKEN" }

[sinks.archive]
type = "file"
path = "out/{tenant}.ndjson"

[sinks.search]
type = "elasticsearch"
hosts = ["localhost:9200"]
target = "okta"
severity_at_least = "DEBUG"

[sinks.hook]
type = "webhook"
url = "https://siem.example.com/"
tenants = ["acme"]

[sinks.alerts]
type = "file"
path = "alerts/{tenant}.ndjson"
categories = ["security"]
"""


def flow(tmp_path: Path, control: RunControl) -> Dataflow:
    file = tmp_path / "okta.toml"
    file.write_text(CONFIG)
    return build_flow(load(file, {"TOKEN": "00abc"}), control, None)


def test_step_ids(tmp_path: Path) -> None:
    assert [step.step_id for step in flow(tmp_path, RunControl()).substeps] == [
        f"system_log.{step}"
        for step in (
            "okta", "okta_malformed", "enrich", "key_by_tenant",
            "sink_archive",
            "sink_search",
            "route_hook", "sink_hook",
            "route_alerts", "sink_alerts",
            "reject", "dead_letters",
            "stop", "stop_everywhere", "stop_received",
        )
    ]  # fmt: skip


def test_problems_of_rules_are_told_with_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tune_process", "configure_logging"):
        monkeypatch.setattr(f"flows.system_log.{name}", lambda: None)
    (tmp_path / "mine.yml").write_text("title: mine\nlogsource: {product: okta}\ndetection: {sel: {severity: WARN}, condition: self}\n")
    file = tmp_path / "okta.toml"
    file.write_text(f'[detections]\nrules = ["mine.yml"]\n{CONFIG}\n[sinks.more]\ntype = "fiel"\n')
    with pytest.raises(SystemExit) as ended:
        prepare_run(str(file), until_drained=True)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "okta.toml: sinks.more" in told
    assert "mine.yml" in told
    assert "self" in told


def test_sinks_get_all_partitions_one_set_of_letters_one_outbox_and_the_runs_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, tuple[list[str], dict[str, Any]]] = {}
    build_sink = delivery.build_sink

    def spy(name: str, config: Any, partition_names: Any, **keys: Any) -> Any:
        given[name] = list(partition_names), keys
        return build_sink(name, config, partition_names, **keys)

    monkeypatch.setattr(delivery, "build_sink", spy)
    control = RunControl(clock=lambda: 100.0)
    flow(tmp_path, control)
    assert list(given) == ["archive", "search", "hook", "alerts"]
    assert [names for names, _ in given.values()] == [["acme", "former", "globex"]] * 4
    assert len({id(keys["letters"]) for _, keys in given.values()}) == 1
    assert isinstance(given["hook"][1]["letters"], DeadLetterFile)
    assert {keys["outbox_dir"] for _, keys in given.values()} == {tmp_path / "data/outbox"}
    assert all(keys["control"] is control for _, keys in given.values())
