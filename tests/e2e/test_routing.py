"""Each sink gets what its filter lets through, in its order, and counts what it doesn't."""

from pathlib import Path

import orjson

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace
from tests.unit.sinks.receiver import Receiver

SINKS = """
type = "file"
path = "out/{{tenant}}/{{date}}.ndjson"

[sinks.grave]
type = "file"
path = "grave/{{tenant}}/{{date}}.ndjson"
severity_at_least = "WARN"

[sinks.hook]
type = "webhook"
url = "{url}"
tenants = ["acme"]
event_types = ["user.session.*", "user.authentication.*"]
categories = ["authentication"]
"""


def test_filters_of_several_sinks(tmp_path: Path) -> None:
    organisations = [Organisation(name, seed=seed, events=1500) for seed, name in enumerate(("acme", "globex"), start=1)]
    with Simulator(organisations) as simulator, Receiver() as receiver:
        place = Workplace(tmp_path, sink=SINKS.format(url=receiver.url))
        place.make_state()
        place.add_all(simulator, organisations)
        place.write()
        assert place.run(until_drained=True).wait() == 0, place.log.read_text()
    for organisation in organisations:
        place.judge(organisation)
        everything = [orjson.loads(line) for line in place.lines(organisation.name)]
        grave = [event for event in everything if event["severity"] in ("WARN", "ERROR")]
        assert 0 < len(grave) < len(everything)
        assert [orjson.loads(line) for line in place.lines(organisation.name, "grave")] == grave
    everything = [orjson.loads(line) for line in place.lines("acme")]
    wanted = [
        event
        for event in everything
        if event["eventType"].startswith(("user.session.", "user.authentication.")) and event["_okta_category"] == "authentication"
    ]
    assert 0 < len(wanted) < len(everything)
    assert [event["uuid"] for event in receiver.events] == [event["uuid"] for event in wanted]
