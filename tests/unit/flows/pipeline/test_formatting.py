"""Which sinks share a mapper, what is counted, and which data stream a document says that it is of."""

import json
from typing import Any

import pytest
from prometheus_client import REGISTRY

from flows.pipeline.formats.ecs import EcsMapper
from flows.pipeline.formatting import Formats
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, SinkConfig
from sinks.documents import Documents
from tests.unit.flows.pipeline.formats.events import BARE, SIGN_IN, raw_documents


def file_sink(document_format: str, **keys: Any) -> SinkConfig:
    return FileSinkConfig(type="file", path="x", format=document_format, **keys)


def search_sink(target: str) -> SinkConfig:
    return ElasticsearchSinkConfig(type="elasticsearch", hosts=("http://localhost:9200",), target=target, format="ecs")


def documents_of(formats: Formats, name: str, page: Documents) -> list[dict[str, Any]]:
    formatter = formats.formatter(name)
    assert formatter is not None
    made = formatter(page)
    return [json.loads(made.document(index)) for index in range(len(made))]


def test_raw_sinks_need_no_step() -> None:
    formats = Formats({"one": file_sink("raw")}, "1.3.0")
    assert not formats.any
    assert formats.formatter("one") is None


def test_each_sink_has_its_own_format() -> None:
    formats = Formats(
        {"raw": file_sink("raw"), "ecs": file_sink("ecs", event_original=False), "ocsf": file_sink("ocsf", raw_data=True)}, "1.4.0"
    )
    assert formats.any
    tenant, page = formats.page_by_tenant(raw_documents(SIGN_IN, BARE))
    assert tenant == "acme"
    ecs, ocsf = (documents_of(formats, name, page) for name in ("ecs", "ocsf"))
    assert [document["event"]["id"] for document in ecs] == [SIGN_IN["uuid"], BARE["uuid"]]
    assert "original" not in ecs[0]["event"]
    assert [json.loads(document["raw_data"]) for document in ocsf] == [SIGN_IN, BARE]
    assert ocsf[0]["metadata"]["version"] == "1.4.0"


@pytest.mark.parametrize(
    ("target", "namespace"),
    [
        ("logs-okta.system-default", "default"),
        ("logs-okta.system-emea", "emea"),
        ("logs-okta.system-{tenant}", "acme"),
        ("logs-okta.system-{date}", "default"),
        ("okta-{tenant}-{date}", "default"),
    ],
)
def test_the_namespace_is_that_of_elastics_data_stream(target: str, namespace: str) -> None:
    formats = Formats({"search": search_sink(target)}, "1.3.0")
    [document] = documents_of(formats, "search", formats.page_by_tenant(raw_documents(BARE))[1])
    assert document["data_stream"]["namespace"] == namespace


def test_what_cannot_be_mapped_is_counted_by_tenant_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        message = "no"
        raise ValueError(message)

    monkeypatch.setattr(EcsMapper, "body", fail)
    formats = Formats({"one": file_sink("ecs"), "two": file_sink("ecs")}, "1.3.0")
    _, page = formats.page_by_tenant(raw_documents(SIGN_IN, BARE))
    before = REGISTRY.get_sample_value("okta_mapping_errors_total", {"tenant": "acme", "format": "ecs"}) or 0.0
    for name in ("one", "two"):
        assert [document["_okta_mapping_error"] for document in documents_of(formats, name, page)] == ["ValueError: no"] * 2
    assert REGISTRY.get_sample_value("okta_mapping_errors_total", {"tenant": "acme", "format": "ecs"}) == before + 2
