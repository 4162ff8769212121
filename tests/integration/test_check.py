"""What `check` says of real servers, well and broken: the answers that it judges are theirs."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flows.check.command import main
from tests.integration.servers import SearchServer

Unique = Callable[[str], str]
TENANT = '[[tenants]]\nname = "acme"\norg_url = "http://127.0.0.1:1"\nauth = { method = "ssws", token_env = "TEST_OKTA_TOKEN" }\n'


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    monkeypatch.setenv("TEST_OKTA_TOKEN", "00aTokenOfTheTests0123456789abcdefghijklmno")

    def run(server: SearchServer, name: str, *more: str) -> tuple[int, dict[str, dict[str, str]]]:
        sink = f'[sinks.{name}]\ntype = "elasticsearch"\nhosts = ["{server.url}"]\ntarget = "{name}"\n'
        (tmp_path / "okta.toml").write_text(TENANT + sink)
        status = main(["--config", str(tmp_path / "okta.toml"), "--sink", name, "--json", *more])
        [found] = json.loads(capsys.readouterr().out)["sinks"]
        return status, {step["step"]: step for step in found["steps"]}

    return run


def test_a_marked_event_goes_through_a_real_server_and_leaves_nothing(check: Any, search_server: SearchServer, unique_name: Unique) -> None:
    name = unique_name("check")
    status, steps = check(search_server, name, "--send")
    assert status == 0, steps
    client = search_server.client()
    client.indices.refresh(index=name)
    left = client.count(index=name)["count"]
    if search_server.kind == "opensearch":
        assert "found there, and deleted" in steps["send"]["detail"]
        assert left == 0
    else:  # the tests' Elasticsearch is without the module that has _delete_by_query
        assert "and found there, but it could not be deleted" in steps["send"]["detail"]
        assert f"POST /{name}/_delete_by_query" in steps["send"]["fix"]
        assert left == 1
    status, steps = check(search_server, name)
    assert status == 0, steps
    assert steps["target"]["detail"].endswith("open and writable")
    assert steps["template"]["detail"].startswith(f"okta-system-log-{name}, version")
    assert steps["disk"]["status"] in ("ok", "warning")


def test_a_closed_index(check: Any, search_server: SearchServer, unique_name: Unique) -> None:
    name = unique_name("check")
    client = search_server.client()
    client.indices.create(index=name)
    client.indices.close(index=name)
    status, steps = check(search_server, name)
    assert (status, steps["target"]["detail"]) == (1, f"{name} is closed: it takes nothing")


def test_a_blocked_index(check: Any, search_server: SearchServer, unique_name: Unique) -> None:
    name = unique_name("check")
    client = search_server.client()
    client.indices.create(index=name, body={"settings": {"index.blocks.write": True}})
    status, steps = check(search_server, name)
    assert (status, steps["target"]["detail"]) == (1, f"{name} is read-only (index.blocks.write)")


@pytest.fixture
def with_processors(opensearch_url: str) -> Iterator[SearchServer]:
    """The server that has ingest processors; the tests' Elasticsearch is without their module."""
    with closing(SearchServer("opensearch", opensearch_url)) as server:
        yield server


def test_pipelines_that_drop_fail_or_are_missing(check: Any, with_processors: SearchServer, unique_name: Unique) -> None:
    client = with_processors.client()
    for processors, detail in (
        ([{"drop": {}}], "drops the test event"),
        ([{"fail": {"message": "no such thing"}}], "fails over the test event: no such thing"),
        (None, "there is no such pipeline"),
    ):
        name = unique_name("check")
        if processors is not None:
            client.ingest.put_pipeline(id=name, body={"processors": processors})
        client.indices.create(index=name, body={"settings": {"index.default_pipeline": name}})
        status, steps = check(with_processors, name)
        assert status == 1, steps
        assert steps["pipelines"]["status"] == "failed", steps
        assert detail in steps["pipelines"]["detail"]


def test_pipelines_of_a_template_that_only_pass_or_change(check: Any, with_processors: SearchServer, unique_name: Unique) -> None:
    client = with_processors.client()
    for processors, wanted in (([], "ok"), ([{"set": {"field": "seen", "value": 1}}], "warning")):
        name = unique_name("check")
        client.ingest.put_pipeline(id=name, body={"processors": processors})
        template = {"index_patterns": [name], "priority": 20, "template": {"settings": {"index.default_pipeline": name}}}
        client.indices.put_index_template(name=name, body=template)
        status, steps = check(with_processors, name)
        assert (status, steps["pipelines"]["status"]) == (0, wanted), steps
        assert name in steps["pipelines"]["detail"]


def test_a_foreign_template_of_the_same_priority(check: Any, search_server: SearchServer, unique_name: Unique) -> None:
    name = unique_name("check")
    search_server.client().indices.put_index_template(name=f"{name}-theirs", body={"index_patterns": [f"{name}*"], "priority": 500})
    status, steps = check(search_server, name)
    assert status == 1
    assert f"{name}-theirs" in steps["template"]["detail"]
    assert f"Change the priority of {name}-theirs" in steps["template"]["fix"]
