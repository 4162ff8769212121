import json
from collections.abc import Iterator

import pytest

from sinks.elasticsearch.server import Server
from sinks.elasticsearch.template import Additions, index_pattern, index_template, template_name

ELASTICSEARCH = [Server("elasticsearch", version) for version in ((8, 0), (8, 17), (8, 19), (9, 2), (99, 0))]
OPENSEARCH = [Server("opensearch", version) for version in ((1, 0), (2, 6), (2, 7), (2, 19), (3, 0))]


def fields(mapping: dict, path: str = "") -> Iterator[tuple[str, dict]]:
    for name, inner in mapping.get("properties", {}).items():
        yield f"{path}{name}", inner
        yield from fields(inner, f"{path}{name}.")


def types(server: Server, document_format: str = "raw") -> dict[str, str]:
    mappings = index_template(server, "x", document_format)["template"]["mappings"]
    return {path: inner.get("type", "object") for path, inner in fields(mappings)}


def test_names():
    assert template_name("siem") == "okta-system-log-siem"
    assert index_pattern("logs-okta.{tenant}-{date}") == "logs-okta.*-*"


@pytest.mark.parametrize("server", [*ELASTICSEARCH, *OPENSEARCH], ids=str)
def test_every_server(server):
    stream, dated = (index_template(server, target) for target in ("logs-okta.{tenant}", "logs-okta-{date}"))
    json.dumps(stream)
    assert stream["data_stream"] == {}
    assert "data_stream" not in dated
    assert "data_stream_options" not in dated["template"]
    assert (stream["priority"], stream["version"], stream["index_patterns"]) == (500, 3, ["logs-okta.*"])
    assert stream["_meta"]["product"] == "bytewax-okta"


@pytest.mark.parametrize("document_format", ["raw", "ecs", "ocsf"])
@pytest.mark.parametrize("server", [ELASTICSEARCH[0], OPENSEARCH[0], OPENSEARCH[-1]], ids=str)
def test_nothing_grows_and_odd_values_are_left_out(server, document_format):
    template = index_template(server, "x", document_format)
    assert template["_meta"]["format"] == document_format
    mappings = template["template"]["mappings"]
    assert mappings["dynamic"] is False
    for path, inner in fields(mappings):
        kind = inner.get("type", "object")
        if "properties" in inner:
            assert inner["dynamic"] is False, path
        if kind in ("date", "long", "ip", "geo_point"):
            assert inner.get("ignore_malformed", False) is (path != "@timestamp"), path
        if kind == "keyword":
            assert inner["ignore_above"] * 4 <= 32_766, path


def test_what_analysts_search_by():
    mapped = types(OPENSEARCH[-1])
    assert mapped["client.ipAddress"] == mapped["request.ipChain.ip"] == mapped["client.ipChain.ip"] == "ip"
    assert mapped["client.geographicalContext.geolocation"] == mapped["request.ipChain.geographicalContext.geolocation"] == "geo_point"
    assert mapped["@timestamp"] == mapped["published"] == mapped["_okta_ingested_at"] == "date"
    assert mapped["displayMessage"] == "text"
    assert mapped["securityContext.asNumber"] == "long"
    assert {"_okta_tenant", "_okta_category", "eventType", "outcome.result", "actor.alternateId", "target.id", "severity"} <= {
        path for path, kind in mapped.items() if kind == "keyword"
    }


@pytest.mark.parametrize(
    ("server", "kind"),
    [(server, "flattened") for server in ELASTICSEARCH]
    + [(server, "flat_object" if server.version >= (2, 7) else "object") for server in OPENSEARCH],
    ids=str,
)
def test_objects_of_any_members(server, kind):
    mapped = types(server)
    assert mapped["debugContext.debugData"] == mapped["group"] == kind


@pytest.mark.parametrize("server", [ELASTICSEARCH[-1], OPENSEARCH[-1]], ids=str)
def test_what_begins_with_an_underscore_has_another_name(server):
    keys = ["customer", "team", "team.lead", "cost.centre", ".x", "y..z", " "]
    mappings = index_template(server, "x", additions=Additions(label_keys=keys))["template"]["mappings"]
    aliases = {path: inner["path"] for path, inner in fields(mappings) if inner.get("type") == "alias"}
    assert aliases == {
        **{f"okta.{name}": f"_okta_{name}" for name in (
            "event_type", "tenant", "org", "category", "action", "source", "ingested_at", "mapping_error")},
        **{f"okta.labels.{name}": f"_okta_labels.{name}" for name in ("customer", "team", "cost.centre")},
    }  # fmt: skip
    mapped = {path: inner.get("type") for path, inner in fields(mappings)}
    assert all(mapped[path] in ("keyword", "date") for path in aliases.values())


def test_labels_of_ecs_are_keywords():
    mappings = index_template(OPENSEARCH[-1], "x", "ecs", additions=Additions(label_keys=["customer"]))["template"]["mappings"]
    assert dict(fields(mappings))["okta.pipeline.labels.customer"]["type"] == "keyword"


def test_what_elastics_rules_search_by():
    mapped = types(ELASTICSEARCH[-1], "ecs")
    assert {
        "event.action", "event.category", "event.dataset", "event.outcome", "data_stream.dataset", "okta.actor.alternate_id",
        "okta.outcome.reason", "okta.event_type", "okta.client.user_agent.raw_user_agent", "client.geo.country_name", "user.target.email",
        "okta.debug_context.debug_data.risk_level", "source.as.organization.name", "user_agent.os.name", "okta.target.id",
        "okta.pipeline.tenant",
    } <= {path for path, kind in mapped.items() if kind == "keyword"}  # fmt: skip
    assert mapped["client.ip"] == mapped["source.ip"] == mapped["related.ip"] == mapped["okta.client.ip"] == "ip"
    assert mapped["source.geo.location"] == "geo_point"
    assert mapped["okta.target.changeDetails"] == mapped["okta.debug_context.debug_data.flattened"] == "flattened"
    assert mapped["okta.request.ip_chain"] == "flattened"


def test_what_is_searched_by_in_ocsf():
    mapped = types(OPENSEARCH[-1], "ocsf")
    assert mapped["src_endpoint.ip"] == mapped["evidences.src_endpoint.ip"] == "ip"
    assert mapped["time"] == "date"
    assert mapped["unmapped"] == "flat_object"
    assert mapped["class_uid"] == "long"
    assert mapped["actor.user.email_addr"] == mapped["metadata.uid"] == "keyword"


def test_what_newer_elasticsearch_would_do_to_logs_is_turned_off():
    def extras(server: Server) -> tuple[bool, bool]:
        template = index_template(server, "x")["template"]
        return template.get("settings") == {"index.mode": "standard"}, "data_stream_options" in template

    assert [extras(server) for server in ELASTICSEARCH] == [(False, False), (True, False), (True, True), (True, True), (True, True)]
    assert [extras(server) for server in OPENSEARCH] == [(False, False)] * 5
