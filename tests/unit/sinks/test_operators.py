"""The outputs as operators of somebody's own dataflow."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import bytewax.operators as op
import orjson
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main

import sinks.operators as out
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import FakeSearch


@dataclass
class Head:
    uuid: str
    published: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    event_type: str = "user.session.start"


@dataclass
class Tagged:
    """What `okta_source.operators.enrich` makes, without that package."""

    tenant: str
    heads: list[Head]
    prefixes: list[bytes]
    bodies: list[bytes]


def page(tenant: str, *uuids: str) -> Tagged:
    bodies = [b'"uuid":"%s"}' % uuid.encode() for uuid in uuids]
    return Tagged(tenant, [Head(uuid) for uuid in uuids], [b'{"_okta_tenant":"%s",' % tenant.encode()] * len(uuids), bodies)


PAGES = [page("acme", "a1", "a2"), page("globex", "g1"), page("acme", "a3")]
DOCUMENTS = [{"_okta_tenant": "acme", "uuid": uuid} for uuid in ("a1", "a2", "a3")]


def test_files_hold_every_document_once_across_a_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    init_db_dir(state, 1)
    pages = [*PAGES, TestingSource.ABORT(), page("acme", "a4")]

    def flow() -> Dataflow:
        mine = Dataflow("mine")
        config = out.FileSinkConfig(path="out/{tenant}/{date}.ndjson")
        out.file("archive", op.input("in", mine, TestingSource(pages)), config, tenants=["acme", "globex"], state_dir=state)
        return mine

    for _ in range(2):
        run_main(flow(), epoch_interval=None, recovery_config=RecoveryConfig(str(state)))
    lines = (tmp_path / "out" / "acme" / "2026-03-01.ndjson").read_bytes().splitlines()
    assert [orjson.loads(line)["uuid"] for line in lines] == ["a1", "a2", "a3", "a4"]
    assert (state / "files" / "archive.acme.ndjson").exists()


def test_a_webhook_gets_every_document_in_order(tmp_path: Path) -> None:
    with Receiver() as receiver:
        flow = Dataflow("mine")
        config = out.WebhookSinkConfig(url=receiver.url, encoding="ndjson")
        out.webhook(
            "hook", op.input("in", flow, TestingSource(PAGES)), config, tenants=["acme", "globex"], dead_letter_dir=tmp_path / "dead"
        )
        run_main(flow)
        sent = receiver.events
    assert [document for document in sent if document["_okta_tenant"] == "acme"] == DOCUMENTS
    assert len(sent) == 4
    assert not (tmp_path / "dead").exists()
    assert not list((tmp_path / "outbox").rglob("*.ndjson"))


def test_a_search_server_gets_every_document_under_its_uuid(tmp_path: Path) -> None:
    with FakeSearch() as search:
        flow = Dataflow("mine")
        config = out.ElasticsearchSinkConfig(hosts=(search.url,), target="okta-{tenant}")
        out.elasticsearch(
            "search", op.input("in", flow, TestingSource(PAGES)), config, tenants=["acme", "globex"], dead_letter_dir=tmp_path / "dead"
        )
        run_main(flow)
        assert {name: sorted(found) for name, found in search.indices.items()} == {"okta-acme": ["a1", "a2", "a3"], "okta-globex": ["g1"]}


def test_what_a_receiver_refuses_is_a_dead_letter_of_the_step(tmp_path: Path) -> None:
    with Receiver(poison=lambda event: event["uuid"] == "a1") as receiver:
        flow = Dataflow("mine")
        config = out.WebhookSinkConfig(url=receiver.url)
        out.webhook("hook", op.input("in", flow, TestingSource(PAGES[:1])), config, tenants=["acme"], dead_letter_dir=tmp_path / "dead")
        run_main(flow)
    (letters,) = (tmp_path / "dead/hook").glob("*.ndjson")
    assert [orjson.loads(line)["uuid"] for line in letters.read_bytes().splitlines()] == ["a1"]
