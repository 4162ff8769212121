"""What operators said about how long events are kept outlives our template's versions: real servers, templates of an earlier version.

ILM and ISM are in plugins that are not here, and so are their settings: what is looked at is Elasticsearch's data stream lifecycle, and on
both a setting that is as much an operator's own.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from sinks.elasticsearch.template import COMPONENT, VERSION
from tests.integration.sending import batch, target_of
from tests.integration.servers import KINDS, Node, SearchServer

Name = Callable[[str], str]


class Templates:
    """Index templates and components of one server, by their names."""

    def __init__(self, server: SearchServer) -> None:
        self._client = server.client()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"accept": "application/json", "content-type": "application/json"}
        answer = self._client.transport.perform_request(method, path, body=body, headers=headers)
        if hasattr(answer, "meta"):  # the one client raises, the other one doesn't
            assert answer.meta.status < 300, answer.body
            return answer.body
        return answer

    def ours(self, sink: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/_index_template/okta-system-log-{sink}")["index_templates"][0]["index_template"]
        return found

    def effective(self, sink: str) -> dict[str, Any]:
        """What our template and its components come to."""
        found: dict[str, Any] = self.ask("POST", f"/_index_template/_simulate/okta-system-log-{sink}")["template"]
        return found

    def make_older(self, sink: str, **changes: Any) -> None:
        """As an earlier version would have left it, and what an operator changed in it since."""
        body = self.ours(sink)
        body["version"] = VERSION - 1
        body["template"]["mappings"]["properties"].pop("okta")
        body["template"].update(changes)
        self.ask("PUT", f"/_index_template/okta-system-log-{sink}", body)

    def rolled_over(self, stream: str) -> dict[str, Any]:
        """The settings of a new backing index."""
        index = self.ask("POST", f"/{stream}/_rollover")["new_index"]
        settings: dict[str, Any] = self.ask("GET", f"/{index}/_settings")[index]["settings"]["index"]
        return settings


@pytest.fixture
def templates(search_server: SearchServer) -> Templates:
    return Templates(search_server)


def upgrade(server: SearchServer, templates: Templates, name: str, **changes: Any) -> None:
    templates.make_older(name, **changes)
    with target_of(server.url, name, name):
        pass
    assert templates.ours(name)["version"] == VERSION
    assert "okta" in templates.ours(name)["template"]["mappings"]["properties"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_operators_component_survives_upgrades(make_node: Callable[..., Node], unique_name: Name, kind: str):
    """On a node of its own: a component that a stream's template uses can't be taken away again."""
    name = unique_name("component")
    with closing(SearchServer(kind, make_node(kind).url)) as server:
        templates = Templates(server)
        lifecycle = {"lifecycle": {"data_retention": "30d"}} if kind == "elasticsearch" else {}
        component = {"settings": {"index": {"refresh_interval": "7s"}}, **lifecycle}
        templates.ask("PUT", f"/_component_template/{COMPONENT}", {"template": component})
        with target_of(server.url, name, name) as target:
            assert list(target.send(batch({"n": 1}), 60).delivered) == [0]
        for _ in range(2):
            upgrade(server, templates, name)
            assert templates.ours(name)["composed_of"] == [COMPONENT]
            assert templates.rolled_over(name)["refresh_interval"] == "7s"
            if lifecycle:
                assert templates.effective(name)["lifecycle"]["data_retention"] == "30d"


def test_a_component_that_came_later_goes_before_an_inherited_lifecycle(make_node: Callable[..., Node], unique_name: Name):
    name = unique_name("later")
    with closing(SearchServer("elasticsearch", make_node("elasticsearch").url)) as server:
        templates = Templates(server)
        general = {"index_patterns": [f"{name}*"], "priority": 100, "data_stream": {}, "template": {"lifecycle": {"data_retention": "10d"}}}
        templates.ask("PUT", f"/_index_template/{name}", general)
        with target_of(server.url, name, name) as target:
            assert list(target.send(batch({"n": 1}), 60).delivered) == [0]
        upgrade(server, templates, name)
        assert templates.effective(name)["lifecycle"]["data_retention"] == "10d"
        mine = {"lifecycle": {"data_retention": "30d"}}
        templates.ask("PUT", f"/_component_template/{COMPONENT}", {"template": mine})
        upgrade(server, templates, name)
        assert templates.effective(name)["lifecycle"]["data_retention"] == "30d"


def test_what_an_operator_wrote_into_the_template_survives_upgrades(search_server: SearchServer, unique_name: Name, templates: Templates):
    name = unique_name("written")
    with target_of(search_server.url, name, name) as target:
        assert list(target.send(batch({"n": 1}), 60).delivered) == [0]
    changes: dict[str, Any] = {"settings": {"index": {"refresh_interval": "7s"}}}
    if search_server.kind == "elasticsearch":
        changes["lifecycle"] = {"data_retention": "30d"}
    upgrade(search_server, templates, name, **changes)
    upgrade(search_server, templates, name)
    assert templates.rolled_over(name)["refresh_interval"] == "7s"
    if search_server.kind == "elasticsearch":
        assert templates.effective(name)["lifecycle"]["data_retention"] == "30d"


def test_a_retention_survives_upgrades_and_goes_before_a_component(make_node: Callable[..., Node], unique_name: Name):
    name = unique_name("retention")
    with closing(SearchServer("elasticsearch", make_node("elasticsearch").url)) as server:
        templates = Templates(server)
        templates.ask("PUT", f"/_component_template/{COMPONENT}", {"template": {"lifecycle": {"data_retention": "30d"}}})
        for _ in range(2):
            with target_of(server.url, name, name, retention=timedelta(days=90)):
                pass
            effective = templates.effective(name)
            assert effective["lifecycle"]["data_retention"] == "90d"
            assert effective["settings"]["index"]["lifecycle"]["prefer_ilm"] == "false"
            templates.make_older(name)
        with target_of(server.url, name, name):
            pass
        assert templates.effective(name)["lifecycle"]["data_retention"] == "30d", "the configuration says nothing any more"
