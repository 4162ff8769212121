"""A poison event, one that is too large, a storm of 429s and a read-only index: the rest gets in, and replay sends what was held back."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace
from tests.integration.faulty_proxy import FaultyProxy
from tests.integration.servers import Node, SearchServer

STREAM = "logs-okta.system-default"
SINK = f"""type = "elasticsearch"
hosts = ["{{url}}"]
target = "{STREAM}"
retry_for_seconds = {{seconds}}"""


def like(event: bytes, uuid: str, **members: object) -> bytes:
    """An event of another uuid and with other members."""
    return orjson.dumps({**orjson.loads(event), "uuid": uuid, **members})


def ids(client: Any) -> set[str]:
    client.indices.refresh(index=STREAM)
    hits = client.search(index=STREAM, body={"size": 10_000, "_source": False, "query": {"match_all": {}}})["hits"]["hits"]
    return {hit["_id"] for hit in hits}


def replay(place: Workplace) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.replay", "--config", str(place.config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=place.folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["opensearch", "elasticsearch"])
def test_what_is_held_back_is_dead_lettered_in_the_servers_words_and_replayed_once_mended(
    tmp_path: Path, make_node: Callable[..., Node], kind: str
) -> None:
    node = make_node(kind, **{"http.max_content_length": "10mb"})
    organisation = Organisation("acme", seed=7, events=3000, rate_limit=None)
    sample = organisation.persisted()[0]
    organisation.append(
        [like(sample, "poison", client="a text where the mapping has an object"), like(sample, "huge", padding="x" * 20_000_000)]
    )
    organisation.append(500)
    with Simulator([organisation]) as sim, FaultyProxy(node.url) as proxy, closing(SearchServer(kind, node.url)) as server:
        place = Workplace(tmp_path, sink=SINK.format(url=proxy.url, seconds=60))
        place.make_state()
        place.add_all(sim, [organisation])
        place.write()
        client = server.client(request_timeout=60)

        proxy.answer(429, b'{"error":{"type":"rejected_execution_exception","reason":"queue full"},"status":429}', times=4, path="_bulk")
        flow = place.drain()
        assert flow.process.returncode == 1, flow.output()
        everything = set(organisation.uuids())
        assert ids(client) == everything - {"poison", "huge"}
        letters = {letter["uuid"]: letter for letter in place.dead_letters("archive")}
        assert letters.keys() == {"poison", "huge"}
        assert letters["poison"]["status"] == 400
        assert "parsing_exception" in letters["poison"]["reason"]
        assert "client" in letters["poison"]["reason"]
        assert letters["huge"]["status"] == 413
        assert letters["huge"]["tenant"] == "acme"

        # What a server does when its disk reaches the flood-stage watermark.
        client.indices.put_settings(index=STREAM, body={"index.blocks.read_only_allow_delete": True})
        late = set(organisation.append(300))
        place.sink = SINK.format(url=proxy.url, seconds=3)
        place.write()
        flow = place.drain()
        assert flow.process.returncode == 1, flow.output()
        letters = {letter["uuid"]: letter for letter in place.dead_letters("archive")}
        assert letters.keys() == {"poison", "huge"} | late
        blocked = letters[next(iter(late))]
        assert "cluster_block_exception" in blocked["reason"]
        assert blocked["status"] == 429

        assert replay(place).returncode == 1  # nothing is mended yet
        assert {letter["uuid"] for letter in place.dead_letters("archive")} == {"poison", "huge"} | late

        client.indices.put_settings(index=STREAM, body={"index.blocks.read_only_allow_delete": None})
        client.indices.put_index_template(
            name="mended",
            body={
                "index_patterns": [STREAM],
                "priority": 600,
                "data_stream": {},
                "template": {"mappings": {"dynamic": False, "properties": {"client": {"type": "object", "enabled": False}}}},
            },
        )
        client.indices.rollover(alias=STREAM)
        node.settings["http.max_content_length"] = "100mb"
        node.restart()
        done = replay(place)
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.dead_letters("archive") == []
        assert ids(client) == everything | late
