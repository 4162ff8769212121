"""What the index template does to the templates and lifecycles that are there already."""

from datetime import timedelta

import pytest

LOGS = {
    "index_patterns": ["logs-*-*"],
    "priority": 100,
    "_meta": {"managed": True},
    "template": {"settings": {"index": {"lifecycle": {"name": "logs"}, "number_of_replicas": "2"}}},
}
FLEET = {"index_patterns": ["logs-okta.system-*"], "priority": 200, "_meta": {"managed_by": "fleet"}}
OURS = "okta-system-log-search"
STREAM = "logs-okta.bytewax-default"
ILM = {"index.lifecycle.name": "logs"}
CUSTOM = "okta-system-log@custom"


@pytest.fixture
def elastic(search):
    search.distribution, search.version = "elasticsearch", "8.19.0"
    return search


def settings(search) -> dict:
    return {name: value for name, value in search.templates[OURS]["template"].get("settings", {}).items() if name != "index.mode"}


def test_what_it_goes_before_is_named_and_its_lifecycle_goes_on(elastic, make_target, caplog):
    caplog.set_level("INFO")
    elastic.templates["logs"] = LOGS
    assert make_target(STREAM).prepare(10) is None
    assert "(priority 500) goes before logs (priority 100)" in caplog.text
    assert "keeps the lifecycle that applied so far: index.lifecycle.name logs" in caplog.text
    assert settings(elastic) == ILM
    before = dict(elastic.templates)
    assert make_target(STREAM).prepare(10) is None
    assert elastic.templates == before


def test_a_data_stream_lifecycle_goes_on_too(elastic, make_target):
    elastic.templates["logs"] = {**LOGS, "template": {"lifecycle": {"enabled": True, "data_retention": "30d"}}}
    assert make_target(STREAM).prepare(10) is None
    assert elastic.templates[OURS]["template"]["lifecycle"] == {"enabled": True, "data_retention": "30d"}


def test_the_policy_of_the_indices_themselves_goes_on(elastic, make_target):
    elastic.indices["okta-2026-05-01"] = {}
    elastic.settings = {"index.lifecycle.name": "by-hand"}
    assert make_target("okta-{date}").prepare(10) is None
    assert settings(elastic) == {"index.lifecycle.name": "by-hand"}


@pytest.mark.parametrize(
    ("name", "template", "said"),
    [
        (
            "logs-okta.system",
            FLEET,
            "logs-okta.system-default belongs to the index template logs-okta.system (priority 200), which is managed",
        ),
        ("security", {"index_patterns": ["logs-*"], "priority": 900}, "index template security (priority 900), whose priority is higher"),
    ],
)
def test_a_target_that_is_somebody_elses_is_refused(elastic, make_target, name, template, said):
    elastic.templates[name] = template
    again = make_target("logs-okta.system-default").prepare(10)
    assert again is not None
    assert said in again.reason
    assert "logs-okta.bytewax-default" in again.fix
    assert list(elastic.templates) == [name]
    assert make_target("logs-okta.system-default", manage_template=False).prepare(10) is None


def test_a_target_that_was_this_sinks_before_stays_so(elastic, make_target, caplog):
    assert make_target("logs-okta.system-default").prepare(10) is None
    elastic.templates[OURS]["version"] = 2
    elastic.templates["security"] = {"index_patterns": ["logs-*"], "priority": 900}
    assert make_target("logs-okta.system-default").prepare(10) is None
    assert "has no effect where these match too, since their priority is higher: security (priority 900)" in caplog.text


def test_what_an_operator_wrote_into_it_outlives_our_versions(elastic, make_target):
    assert make_target(STREAM).prepare(10) is None
    ours = elastic.templates[OURS]
    ours["version"] = 2
    ours["template"] |= {"settings": {"index": {"lifecycle": {"name": "mine"}, "number_of_replicas": "0"}}}
    assert make_target(STREAM).prepare(10) is None
    assert elastic.templates[OURS]["version"] == 3
    assert settings(elastic) == {"index.lifecycle.name": "mine", "index.number_of_replicas": "0"}


def test_an_update_takes_over_no_lifecycle_that_would_delete_what_is_there(elastic, make_target, caplog):
    assert make_target(STREAM).prepare(10) is None
    elastic.templates[OURS]["version"] = 2
    elastic.templates["logs"] = LOGS
    assert make_target(STREAM).prepare(10) is None
    assert settings(elastic) == {}
    assert "would give it (index.lifecycle.name logs), so events are kept for ever. For that or another one write it into" in caplog.text


class TestComponent:
    def test_elasticsearch_needs_it_not_to_be_there(self, elastic, make_target):
        assert make_target(STREAM).prepare(10) is None
        template = elastic.templates[OURS]
        assert template["composed_of"] == template["ignore_missing_component_templates"] == [CUSTOM]

    def test_opensearch_is_given_it_as_soon_as_it_is_there(self, search, make_target):
        assert make_target(STREAM).prepare(10) is None
        assert "composed_of" not in search.templates[OURS]
        search.components[CUSTOM] = {"settings": {"index.number_of_replicas": 2}}
        assert make_target(STREAM).prepare(10) is None
        assert search.templates[OURS]["composed_of"] == [CUSTOM]
        assert "ignore_missing_component_templates" not in search.templates[OURS]

    def test_its_lifecycle_goes_before_an_inherited_one(self, elastic, make_target):
        elastic.templates["logs"] = LOGS
        assert make_target(STREAM).prepare(10) is None
        elastic.components[CUSTOM] = {"settings": {"index": {"lifecycle": {"name": "mine"}}}}
        assert make_target(STREAM).prepare(10) is None
        assert settings(elastic) == {}


class TestRetention:
    def test_a_data_stream_lifecycle(self, elastic, make_target):
        elastic.templates["logs"] = LOGS
        assert make_target(STREAM, retention=timedelta(days=90)).prepare(10) is None
        template = elastic.templates[OURS]
        assert template["template"]["lifecycle"] == {"data_retention": "90d"}
        assert settings(elastic) == {"index.lifecycle.prefer_ilm": "false"}
        assert make_target(STREAM, retention=timedelta(hours=36)).prepare(10) is None
        assert elastic.templates[OURS]["template"]["lifecycle"] == {"data_retention": "36h"}
        assert make_target(STREAM).prepare(10) is None
        assert "lifecycle" not in elastic.templates[OURS]["template"]
        assert settings(elastic) == {}

    @pytest.mark.parametrize(("target", "age"), [(STREAM, "min_rollover_age"), ("okta-{date}", "min_index_age")])
    def test_index_state_management(self, search, make_target, target, age):
        search.policies = {}
        assert make_target(target, retention=timedelta(days=90)).prepare(10) is None
        policy = search.policies[OURS]
        assert policy["states"][0]["transitions"] == [{"state_name": "deleted", "conditions": {age: "90d"}}]
        assert policy["ism_template"][0]["index_patterns"] == [target.replace("{date}", "*")]
        search.requests.clear()
        assert make_target(target, retention=timedelta(days=90)).prepare(10) is None
        assert [request.method for request in search.requests if "_ism" in request.path] == ["GET"]
        assert make_target(target, retention=timedelta(days=30)).prepare(10) is None
        assert [request for request in search.requests if "_ism" in request.path][-1].query == "if_seq_no=7&if_primary_term=1"
        assert "30d" in search.policies[OURS]["description"]

    @pytest.mark.parametrize(
        ("distribution", "version", "target", "why"),
        [
            ("opensearch", "2.19.6", STREAM, "index state management doesn't answer"),
            ("elasticsearch", "8.10.0", STREAM, "knows a retention of data streams only, from 8.11 on"),
            ("elasticsearch", "8.19.0", "okta-{date}", "knows a retention of data streams only, from 8.11 on"),
        ],
    )
    def test_a_server_that_cannot_is_told(self, search, make_target, caplog, distribution, version, target, why):
        search.distribution, search.version = distribution, version
        assert make_target(target, retention=timedelta(days=90)).prepare(10) is None
        assert "events are not kept for 90d only" in caplog.text
        assert why in caplog.text


def test_a_changed_target_changes_no_mapping(search, make_target, caplog):
    caplog.set_level("INFO")
    make_target("logs-okta.old").prepare(10)
    make_target("logs-okta.new").prepare(10)
    assert "has been changed, for logs-okta.new" in caplog.text
    assert "old mapping" not in caplog.text


def test_a_server_that_does_not_tell_gets_the_template_all_the_same(search, make_target, caplog):
    search.answer(403, b"{}", path="/_index_template/_simulate_index")
    assert make_target(STREAM).prepare(10) is None
    assert "doesn't tell which other index templates match" in caplog.text
    assert OURS in search.templates


def test_labels_are_only_ever_added(search, make_target):
    assert make_target(STREAM, label_keys=["customer"]).prepare(10) is None
    assert make_target(STREAM, label_keys=["region"]).prepare(10) is None
    labels = search.templates[OURS]["template"]["mappings"]["properties"]["_okta_labels"]["properties"]
    assert sorted(labels) == ["customer", "region"]
    search.requests.clear()
    assert make_target(STREAM).prepare(10) is None
    assert "PUT" not in [request.method for request in search.requests]


def test_documents_in_ecs_live_under_fleets_own_template(elastic, make_target, caplog):
    caplog.set_level("INFO")
    elastic.templates["logs-okta.system"] = FLEET
    assert make_target("logs-okta.system-default", document_format="ecs").prepare(10) is None
    assert OURS not in elastic.templates
    assert "documents go past its ingest pipeline" in caplog.text
    again = make_target("logs-okta.system-default", document_format="ocsf").prepare(10)
    assert again is not None
    assert "fleet" in again.reason
