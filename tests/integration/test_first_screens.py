"""The README's first screens with a search sink on real servers."""

from collections.abc import Callable
from pathlib import Path

import orjson

from tests.e2e.docs.first_screens import opened, the_sink
from tests.e2e.harness import wait_for
from tests.integration.servers import SearchServer


def test_a_simulated_organisation_and_a_search_sink(tmp_path: Path, search_server: SearchServer, unique_name: Callable[[str], str]) -> None:
    target = unique_name("first")
    client = search_server.client()

    def found() -> set[str]:
        client.indices.refresh(index=target)
        hits = client.search(index=target, size=1000, _source=["uuid"])["hits"]["hits"]
        return {hit["_id"] for hit in hits if not hit["_id"].startswith("check-")}

    with opened(tmp_path) as terminal:
        add, run = the_sink(f"--type {search_server.kind} --name search --hosts {search_server.url} --credentials none --target {target}")
        terminal.run(add)
        terminal.run(run)
        wait_for(lambda: bool(found()), "events", 60)
    lines = [line for path in (tmp_path / "sim" / "out").rglob("*.ndjson") for line in path.read_bytes().splitlines()]
    assert found() <= {orjson.loads(line)["uuid"] for line in lines}
