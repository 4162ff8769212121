"""Alerts into real servers: each is there once, as it stands in the files, however many processes are killed on the way."""

import random
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.detection_rules import add_detections
from tests.e2e.harness import Workplace, wait_for
from tests.integration.servers import SearchServer

TENANTS = ("acme", "globex")


@pytest.mark.timeout(600)
def test_every_alert_is_there_once_after_kills(tmp_path: Path, search_server: SearchServer, unique_name: Callable[[str], str]) -> None:
    stream = unique_name("logs-okta.alerts")
    there = [Organisation(name, seed=seed, events=2_000, latency_seconds=0.05, late_probability=0.01) for seed, name in enumerate(TENANTS)]
    rng = random.Random(16)
    place = Workplace(tmp_path)
    place.make_state()
    add_detections(place)
    place.sinks["search"] = f'type = "elasticsearch"\nhosts = ["{search_server.url}"]\ntarget = "{stream}"\nkinds = ["alerts"]'
    with Simulator(there) as sim:
        place.add_all(sim, there, page_limit=150)
        place.write()
        for size in (1, 2, 1):
            asked = sum(organisation.requests_count for organisation in there)
            flows = place.cluster(size) if size > 1 else [place.run()]
            wait_for(lambda asked=asked: sum(organisation.requests_count for organisation in there) > asked + 6, "requests")
            time.sleep(rng.uniform(0.0, 0.5))  # killed anywhere, not at a moment that suits
            for flow in flows:
                flow.kill()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    alerts = [orjson.loads(line) for tenant in TENANTS for line in place.lines(tenant, "alerts")]
    assert len(alerts) > 100
    with closing(SearchServer(search_server.kind, search_server.url)) as server:
        found = server.documents(stream)
    assert {alert["uuid"] for alert in alerts} == found.keys()
    assert len(found) == len(alerts)
    for alert in alerts:
        stored = found[alert["uuid"]]
        assert stored.pop("@timestamp") == alert["published"]
        assert stored == alert
