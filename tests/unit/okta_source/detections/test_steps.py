"""The steps of the flow: pages in, documents of alerts out."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from flows.pipeline.alerts import alert_documents
from flows.pipeline.routing import AlertRouter
from okta_source.config.tenant import TenantConfig
from okta_source.detections.documents import AlertHead
from okta_source.detections.library import load_rules
from okta_source.detections.metrics import DetectionMetrics
from okta_source.detections.rules import RuleSet
from okta_source.detections.steps import CorrelateLogic, MatchStep, detect
from okta_source.detections.table import DetectionsConfig
from okta_source.polling.event import Batch, slice_page
from sinks.config import FileSinkConfig
from tests.unit.okta_source.detections.correlation.running import FAILED, Event, correlation, event
from tests.unit.okta_source.detections.making import rule_set, rule_text

COUNTED = correlation("event_count", "failed", group_by="[actor.alternateId]", condition="{gte: 2}", level="high")
CONFIG = DetectionsConfig(managed=False)


def batch(*events: Event, tenant: str = "acme") -> Batch:
    page = slice_page(json.dumps(events).encode())
    return Batch(tenant, "poll", datetime(2026, 11, 29, tzinfo=UTC), page.heads, page.bodies)


def tenants(*names: str) -> dict[str, TenantConfig]:
    return {
        name: TenantConfig.model_validate(
            {"name": name, "org_url": name, "labels": {"customer": "A"}, "auth": {"method": "ssws", "token_env": "T"}},
            context={"environ": {"T": "x"}, "folder": Path()},
        )
        for name in names
    }


def test_alerts_as_documents() -> None:
    found: list[Any] = []
    flow = Dataflow("test")
    pages = op.input("pages", flow, TestingSource([batch(event(0)), batch(event(1), tenant="gone"), batch(event(1), event(2, "reset"))]))
    op.output("out", alert_documents(detect(pages, rule_set(FAILED, COUNTED), CONFIG), tenants("acme")), TestingSink(found))
    run_main(flow)
    [(tenant, documents)] = found
    assert tenant == documents.tenant == "acme"
    assert [head.level for head in documents.heads] == ["high", "medium"]
    lines = documents.ndjson().splitlines()
    first = json.loads(lines[0])
    assert list(first)[:4] == ["_okta_event_type", "_okta_tenant", "_okta_org", "_okta_labels"]
    assert (first["_okta_event_type"], first["_okta_org"], first["_okta_labels"]) == ("alert", "acme.okta.com", {"customer": "A"})
    assert first["event"] == event(1)
    assert first["uuid"] == documents.heads[0].uuid
    assert documents.heads[0].published.isoformat() == "2026-11-29T12:00:01+00:00"


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    rules = rule_set(FAILED, COUNTED)
    metrics = DetectionMetrics(rules)
    match = MatchStep(rules, CONFIG, metrics)
    logic = CorrelateLogic(rules, metrics, None)
    assert logic.snapshot() == b""
    assert list(logic.on_batch([match(batch(event(0)))[1]])[0]) == []
    resumed = CorrelateLogic(rules, metrics, logic.snapshot())
    assert resumed.snapshot() == logic.snapshot()
    [[alert]] = resumed.on_batch([match(batch(event(1)))[1]])[0]
    assert alert.count == 2


def test_what_a_backtest_has_learned_is_known_on_the_first_day() -> None:
    first_seen = correlation("first_seen", "failed", "30d", condition="{field: client.ipAddress}", warm_up="0s")
    rules = rule_set(FAILED, first_seen, COUNTED.replace("name: found", "name: counted"))
    metrics = DetectionMetrics(rules)
    match = MatchStep(rules, CONFIG, metrics)

    def alerts(logic: CorrelateLogic, one: Event) -> list[str]:
        return [alert.rule.name for alerts in logic.on_batch([match(batch(one))[1]])[0] for alert in alerts]

    earlier = CorrelateLogic(rules, metrics, None)
    assert alerts(earlier, event(0)) == ["found"]
    primed = CorrelateLogic(rules, metrics, None, {"acme": earlier.snapshot()})
    assert alerts(primed, event(1)) == []  # the address is known, and the count is another run's
    assert alerts(primed, event(2, ip="192.0.2.9")) == ["found", "counted"]
    resumed = CorrelateLogic(rules, metrics, CorrelateLogic(rules, metrics, None).snapshot(), {"acme": earlier.snapshot()})
    assert alerts(resumed, event(1)) == []


def test_half_of_a_surrogate_pair_ends_no_run() -> None:
    rules = rule_set(FAILED, correlation("value_count", "odd", group_by="[actor.alternateId]", condition="{field: "
     "client.ipAddress, gte: 1}"),
                     rule_text("sel: {severity: WARN}") + "name: odd\n")  # fmt: skip
    step = MatchStep(rules, CONFIG, DetectionMetrics(rules))
    odd = b'"uuid":"\\ud83d","severity":"WARN","actor":{"alternateId":"a\\ud83d"},"client":{"ipAddress":"\\udc00"}}'
    head = SimpleNamespace(uuid="\ud83d", published=datetime(2026, 11, 29, tzinfo=UTC), event_type="a.\ud83d")
    matches = step(Batch("acme", "poll", head.published, [head], [odd]))[1]
    logic = CorrelateLogic(rules, DetectionMetrics(rules), None)
    [[alert]] = logic.on_batch([matches])[0]
    assert alert.group == {"actor.alternateId": "a?"}
    assert alert.members().decode().endswith(odd.decode() + "}")
    assert logic.snapshot()


@pytest.fixture
def listed(tmp_path: Path) -> tuple[RuleSet, DetectionsConfig, Path]:
    (tmp_path / "rule.yml").write_text(rule_text("sel: {actor.alternateId|expand: '%who%'}"))
    file = tmp_path / "who.txt"
    file.write_text("ada\n")
    config = CONFIG.model_copy(update={"rules": (tmp_path / "rule.yml",), "lists": {"who": file}})
    return load_rules(config)[0], config, file


def test_a_list_is_read_again_when_it_changes(listed, caplog: pytest.LogCaptureFixture) -> None:
    rules, config, file = listed
    now = 0.0
    step = MatchStep(rules, config, DetectionMetrics(rules), now=lambda: now)

    def matched(user: str) -> bool:
        return bool(step(batch(event(0, user=user)))[1].matches)

    assert (matched("ada"), matched("bob")) == (True, False)
    file.write_text("bob\neve\n")
    assert matched("ada")  # it isn't looked at for each page
    now = 10.0
    assert (matched("ada"), matched("bob")) == (False, True)
    file.unlink()
    now = 20.0
    with caplog.at_level(logging.WARNING):
        assert matched("bob")
    assert "the old one stays in force" in caplog.text
    file.write_text("ada\n")
    now = 30.0
    assert matched("ada")


def test_a_list_that_is_read_again_brings_no_rules_along(listed) -> None:
    """Matches travel by their rules' numbers, so that rules count as they were when the correlator got them."""
    rules, config, file = listed
    now = 0.0
    step = MatchStep(rules, config, DetectionMetrics(rules), now=lambda: now)
    [rule_file] = config.rules
    rule_file.with_name("another.yml").write_text(rule_text("sel: {severity: '*'}"))
    rule_file.write_text(rule_text("sel: {severity: '*', actor.alternateId|expand: '%who%'}") + "---\n" + rule_text("sel: {uuid: '*'}"))
    file.write_text("bob\n")
    now = 10.0
    assert [len(step(batch(event(0, user=user)))[1].matches) for user in ("ada", "bob")] == [0, 1]
    assert step(batch(event(1, user="bob")))[1].matches[0].rules == (0,)


def test_a_list_is_taken_though_a_rule_is_being_edited(listed, caplog: pytest.LogCaptureFixture) -> None:
    """A change that was seen while rules' files could not be read was lost for good."""
    rules, config, file = listed
    now = 0.0
    step = MatchStep(rules, config, DetectionMetrics(rules), now=lambda: now)
    config.rules[0].write_text("title: half of it\ndetection: [")
    file.write_text("ada\nbob\n")
    now = 10.0
    with caplog.at_level(logging.WARNING):
        assert step(batch(event(0, user="bob")))[1].matches
    assert caplog.text == ""


def test_a_list_that_cannot_be_used_is_tried_again_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "rule.yml").write_text(rule_text("sel: {client.ipAddress|cidr|expand: '%offices%'}"))
    file = tmp_path / "offices.txt"
    file.write_text("10.0.0.0/8\n")
    config = CONFIG.model_copy(update={"rules": (tmp_path / "rule.yml",), "lists": {"offices": file}})
    rules = load_rules(config)[0]
    now = 0.0
    step = MatchStep(rules, config, DetectionMetrics(rules), now=lambda: now)
    file.write_text("10.0.0.0/8\nthe Vienna office\n")
    with caplog.at_level(logging.WARNING):
        for later in (10.0, 20.0):
            now = later
            assert step(batch(event(0, ip="10.0.0.1")))[1].matches
    assert [record.getMessage() for record in caplog.records] == [
        'a list of [detections.lists] has changed and can\'t be used; the old one stays in force: offices in rule "A rule": '
        "client.ipAddress: 'the Vienna office' does not appear to be an IPv4 or IPv6 network"
    ]
    file.write_text("10.0.0.0/8\n192.0.2.0/24\n")
    now = 30.0
    assert step(batch(event(1, ip="192.0.2.1")))[1].matches


@pytest.mark.parametrize(
    ("keys", "levels"),
    [
        ({}, ["low", "critical"]),
        ({"level_at_least": "medium"}, ["critical"]),
        ({"tenants": ["acme"], "event_types": ["user.session.*"]}, ["low", "critical"]),
        ({"tenants": ["other"]}, None),
    ],
)
def test_a_sinks_filter_of_alerts(keys: dict[str, Any], levels: list[str] | None) -> None:
    config = FileSinkConfig.model_validate({"type": "file", "path": "x", "kinds": ["alerts"], **keys}, context={"folder": Path()})
    moment = datetime(2026, 11, 29, tzinfo=UTC)
    found: list[Any] = []
    flow = Dataflow("test")
    rules = rule_set(FAILED.replace("name: failed", "name: failed\nlevel: low").replace("name: reset", "name: reset\nlevel: critical"))
    pages = op.input("pages", flow, TestingSource([batch(event(0), event(1, "reset"))]))
    op.output("out", alert_documents(detect(pages, rules, CONFIG), tenants("acme")), TestingSink(found))
    run_main(flow)
    [item] = found
    routed = AlertRouter("x", config).keyed(item)
    assert (None if routed is None else [head.level for head in routed[1].heads]) == levels
    assert all(isinstance(head, AlertHead) and head.published > moment for head in item[1].heads)
