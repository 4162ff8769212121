"""The source as operators of somebody's own dataflow, over the simulator."""

import pickle
from pathlib import Path

import bytewax.operators as op
import orjson
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main

import okta_source.operators as okta
from flows.runtime import own_flow
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
