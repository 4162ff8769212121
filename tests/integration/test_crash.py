"""The real flow into a real server: every event is there once, whatever is killed and stopped on the way.

By default as much as the gate has time for. `CRASH_EVENTS` sets the number of events, `CRASH_OUTAGES` what happens to the server before
each of the flow's kills: `CRASH_EVENTS=200000 CRASH_OUTAGES=kill,kill,kill,kill,kill` for five kills of both.
"""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import FlowProcess, Workplace, wait_for
from tests.integration.servers import Node, SearchServer

EVENTS = int(os.environ.get("CRASH_EVENTS", "60000"))
OUTAGES = os.environ.get("CRASH_OUTAGES", "none,stop,none,kill,none").split(",")
STREAM = "logs-okta.system-default"
SINK = f"""type = "elasticsearch"
hosts = ["{{url}}"]
target = "{STREAM}"
retry_for_seconds = 600"""


def restart(node: Node, flow: FlowProcess, how: Callable[[], object]) -> None:
    """Take the server away until the flow has noticed, and bring it back."""
    how()
    wait_for(lambda: "trying again for" in flow.output(), "the flow to notice")
    node.start()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["opensearch", "elasticsearch"])
def test_every_event_is_there_once_after_five_kills_and_two_outages(tmp_path: Path, make_node: Callable[..., Node], kind: str) -> None:
    node = make_node(kind)
    ways: dict[str, Callable[[], object] | None] = {"none": None, "stop": node.stop, "kill": node.kill}
    outages = [ways[outage] for outage in OUTAGES]
    # Polling goes on while the server is away: so slowly that there is something left for the next kill.
    latency_seconds = 0.4 * sum(outage is not None for outage in outages)
    organisations = [
        Organisation(name, seed=seed, events=EVENTS // 2, rate_limit=None, latency_seconds=latency_seconds)
        for seed, name in enumerate(("acme", "globex"))
    ]
    place = Workplace(tmp_path, sink=SINK.format(url=node.url))
    place.make_state()

    def asked() -> int:
        return sum(organisation.requests_count for organisation in organisations)

    def wait_for_requests(count: int) -> None:
        wait_for(lambda: asked() >= count, f"{count} requests")

    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, page_limit=500, request_timeout_seconds=10)
        place.write()
        pages = EVENTS // 500
        interrupted = 0
        for outage in outages:
            begun = asked()
            with place.run(snapshot_seconds=1) as flow:
                wait_for_requests(begun + max(2, pages // 14))
                if outage is not None:
                    restart(node, flow, outage)
                    wait_for_requests(begun + pages // 7)
                interrupted += asked() < pages
                flow.kill()
        assert interrupted >= 3, "the kills came too late to interrupt anything"
        for organisation in organisations:
            organisation.latency_seconds = 0.0
        flow = place.drain(snapshot_seconds=1)
        assert flow.process.returncode == 0, flow.output()
    assert place.dead_letters("archive") == []
    with closing(SearchServer(kind, node.url)) as server:
        found = server.documents(STREAM)
    expected = {
        event["uuid"]: (organisation.name, event) for organisation in organisations for event in map(orjson.loads, organisation.persisted())
    }
    assert found.keys() == expected.keys()
    assert len(found) == EVENTS
    for uuid, (tenant, event) in expected.items():
        source = found[uuid]
        tags = {name: source.pop(name) for name in list(source) if name.startswith("_okta_")}
        assert source.pop("@timestamp") == event["published"]
        assert source == event
        assert tags["_okta_tenant"] == tenant
        assert tags["_okta_event_type"] == "systemLog"
