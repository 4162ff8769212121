"""The source as operators of somebody's own dataflow, over the simulator."""

import pickle
from pathlib import Path

import bytewax.operators as op
import orjson
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main

import okta_source.operators as okta
import sinks.operators as out
from flows.runtime import own_flow
from okta_source.detections.problems import RulesError
from okta_source.simulator import Organisation, Simulator
from tests.unit.docs.pages import ROOT, blocks


def config(name: str, url: str, **keys: object) -> okta.TenantConfig:
    return okta.TenantConfig(name=name, org_url=url, start_from="7d", auth=okta.SswsAuth(token_env="OKTA_TOKEN"), **keys)  # type: ignore[arg-type]


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Organisation:
    monkeypatch.setenv("OKTA_TOKEN", "00acme")
    return Organisation("acme", seed=7, events=1_200, token="00acme")


def test_every_event_with_its_head_and_okta_s_own_bytes(acme: Organisation) -> None:
    seen: list[okta.Event] = []
    with Simulator([acme]) as simulator:
        flow = Dataflow("mine")
        tenants = [config("acme", simulator.url("acme"))]
        polled = okta.input("okta", flow, tenants=tenants, retired=["former"], control=okta.RunControl(until_drained=True))
        assert polled.tenants == ("acme", "former")
        op.output("out", okta.events("events", polled.oks), TestingSink(seen))
        op.output("err", polled.errs, TestingSink([]))
        run_main(flow)
    assert [event.raw for event in seen] == acme.persisted()
    first = seen[0]
    assert first.json() == orjson.loads(first.raw)
    assert (first.tenant, first.uuid, first.event_type) == ("acme", first.json()["uuid"], first.json()["eventType"])
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301  # our own
    assert {event.action for event in seen} >= {"sign_in", None}
    assert "authentication" in {event.category for event in seen}


def test_tags_stand_in_front_of_a_page_that_can_cross_processes(acme: Organisation) -> None:
    pages: list[okta.Tagged] = []
    with Simulator([acme]) as simulator:
        flow = Dataflow("mine")
        tenants = [config("acme", simulator.url("acme"), labels={"customer": "Acme"})]
        polled = okta.input("okta", flow, tenants=tenants, control=okta.RunControl(until_drained=True))
        op.output("out", okta.enrich("enrich", polled.oks, tenants), TestingSink(pages))
        run_main(flow)
    copied = [pickle.loads(pickle.dumps(page)) for page in pages]  # noqa: S301  # our own
    documents = [prefix + body for page in copied for prefix, body in zip(page.prefixes, page.bodies, strict=True)]
    assert len(documents) == 1_200
    for document, event in zip(documents, acme.persisted(), strict=True):
        assert document.endswith(event[1:])
        assert orjson.loads(document)["_okta_labels"] == {"customer": "Acme"}


OWN_RULE = """
title: A failure
id: 3e1d4a53-9a55-4d6a-a0f4-7f9f3c1b2a10
name: failed
status: test
level: medium
logsource: {product: okta}
detection:
  failed: {outcome.result: FAILURE}
  condition: failed
"""


def test_alerts_of_rules_of_one_s_own_go_where_events_go(acme: Organisation, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/mine.yml").write_text(OWN_RULE)
    rules = okta.DetectionsConfig(managed=False, rules=[tmp_path / "rules"])  # type: ignore[arg-type]  # as in the file, a list
    pages: list[okta.AlertPage] = []
    with Simulator([acme]) as simulator:
        flow = Dataflow("mine")
        tenants = [config("acme", simulator.url("acme"), labels={"customer": "Acme"})]
        polled = okta.input("okta", flow, tenants=tenants, control=okta.RunControl(until_drained=True))
        alerts = okta.detect("detect", polled.oks, tenants, rules)
        out.file("alerts", alerts, out.FileSinkConfig(path=str(tmp_path / "{tenant}.ndjson")), tenants=polled.tenants)
        op.output("out", alerts, TestingSink(pages))
        run_main(flow)
    failed = [event for event in map(orjson.loads, acme.persisted()) if event["outcome"]["result"] == "FAILURE"]
    found = [head.alert for page in pickle.loads(pickle.dumps(pages)) for head in page.heads]  # noqa: S301  # our own
    assert [alert.events[0]["uuid"] for alert in found] == [event["uuid"] for event in failed] != []
    assert {(alert.rule.name, alert.rule.level) for alert in found} == {("failed", "medium")}
    documents = [orjson.loads(line) for line in (tmp_path / "acme.ndjson").read_bytes().splitlines()]
    assert [document["event"] for document in documents] == failed
    assert {(document["_okta_event_type"], document["_okta_labels"]["customer"]) for document in documents} == {("alert", "Acme")}


def test_a_rule_that_is_none_says_so(tmp_path: Path) -> None:
    flow = Dataflow("mine")
    tenants = [config("acme", "acme")]
    polled = okta.input("okta", flow, tenants=tenants)
    okta.detect("detect", polled.oks, tenants)  # the managed ones
    (tmp_path / "mine.yml").write_text(OWN_RULE.replace("condition: failed", "condition: fialed"))
    with pytest.raises(RulesError, match="fialed"):
        okta.detect("again", polled.oks, tenants, okta.DetectionsConfig(rules=(tmp_path / "mine.yml",)))


def test_names_must_be_there_and_differ() -> None:
    flow = Dataflow("mine")
    with pytest.raises(ValueError, match="none given"):
        okta.input("okta", flow, tenants=[])
    with pytest.raises(ValueError, match="acme, acme"):
        okta.input("okta", flow, tenants=[config("acme", "acme"), config("acme", "other")])


def test_settings_are_checked_where_they_are_built() -> None:
    with pytest.raises(ValueError, match="poll_interval_seconds"):
        config("acme", "acme", poll_interval_seconds=0)


def test_the_readmes_example_counts_failed_sign_ins(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (example,) = [block.text for block in blocks(ROOT / "README.md") if block.options.get("file") == "failed_sign_ins.py"]
    assert len([line for line in example.splitlines() if line.strip()]) <= 22
    monkeypatch.setenv("ACME_OKTA_TOKEN", "00acme")
    monkeypatch.chdir(tmp_path)
    expected: dict[str, int] = {}
    for event in map(orjson.loads, acme.persisted()):
        if event["eventType"].startswith(("user.session.start", "user.authentication.auth")) and event["outcome"]["result"] == "FAILURE":
            expected[event["actor"]["alternateId"]] = expected.get(event["actor"]["alternateId"], 0) + 1
    with Simulator([acme]) as simulator:
        names: dict[str, object] = {}
        exec(example.replace("https://acme.okta.com", simulator.url("acme")), names)  # noqa: S102  # the README's own
        assert isinstance(names["run"], own_flow.Run)
        run_main(names["flow"])
    counted: dict[str, int] = {}
    for line in capsys.readouterr().out.splitlines():
        user, _, count = line.rpartition(": ")
        counted[user] = counted.get(user, 0) + int(count)
    assert expected
    assert counted == expected
