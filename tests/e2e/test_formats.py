"""Each sink has its format: the same events in the same order, in files, at a receiver and in a search server; audits find them again."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import FakeSearch, ItemError

pytestmark = pytest.mark.slow

ECS = 'type = "file"\npath = "ecs/{tenant}/{date}.ndjson"\nformat = "ecs"'
OCSF = 'type = "file"\npath = "ocsf/{tenant}/{date}.ndjson"\nformat = "ocsf"\ncompression = "gzip"'
GRAVE = 'type = "file"\npath = "grave/{tenant}/{date}.ndjson"\nformat = "ecs"\nevent_original = false\nseverity_at_least = "WARN"'


def uuid_of(document: dict[str, Any]) -> str:
    return str(document["event"]["id"] if "event" in document else document["metadata"]["uid"])


def decoded(lines: list[bytes]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines]


def test_every_sink_has_its_format(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=3, events=400, span_seconds=86_400)
    with Simulator([organisation]) as simulator, Receiver() as receiver, FakeSearch() as server:
        place = Workplace(tmp_path, pipeline='ocsf_version = "1.5.0"')
        place.sinks |= {
            "ecs": ECS,
            "ocsf": OCSF,
            "grave": GRAVE,
            "hook": f'type = "webhook"\nurl = "{receiver.url}"\nencoding = "hec"\nformat = "ocsf"',
            "search": f'type = "elasticsearch"\nhosts = ["{server.url}"]\nformat = "ecs"',
        }
        place.make_state()
        place.add_all(simulator, [organisation])
        place.write()
        assert place.run(until_drained=True).wait() == 0, place.log.read_text()
        place.judge(organisation)
        raw = decoded(place.lines("acme"))
        uuids = [event["uuid"] for event in raw]
        ecs, ocsf, grave = (decoded(place.lines("acme", name)) for name in ("ecs", "ocsf", "grave"))
        assert [uuid_of(document) for document in ecs] == [uuid_of(document) for document in ocsf] == uuids
        originals = [json.loads(document["event"]["original"]) for document in ecs]
        assert originals == [{name: value for name, value in event.items() if not name.startswith("_okta_")} for event in raw]
        assert [uuid_of(document) for document in grave] == [event["uuid"] for event in raw if event["severity"] in ("WARN", "ERROR")]
        assert "original" not in grave[0]["event"]
        assert {document["metadata"]["version"] for document in ocsf} == {"1.5.0"}
        assert sorted(uuid_of(event) for event in receiver.events) == sorted(uuids)
        assert {envelope["sourcetype"] for request in receiver.requests for envelope in request.envelopes} == {"okta:ocsf"}
        indexed = server.documents("logs-okta.system-default")
        assert {uuid: orjson.loads(document) for uuid, document in indexed.items()} == {uuid_of(document): document for document in ecs}
        with place.audit("--json", "--sink", "ecs", "--sink", "ocsf") as audit:
            assert audit.wait() == 0, audit.output()[-3000:]
        report = orjson.loads((tmp_path / "audit" / "audit" / "report.json").read_bytes())
        assert {result["sink"]: result["total"]["missing"] for result in report["results"]} == {"ecs": 0, "ocsf": 0}
        assert all(result["total"]["okta"] > 100 for result in report["results"])


def test_dead_letters_keep_the_format(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=4, events=30)
    with Simulator([organisation]) as simulator, FakeSearch() as server:
        place = Workplace(tmp_path, sink="")
        place.sinks["search"] = f'type = "elasticsearch"\nhosts = ["{server.url}"]\nformat = "ecs"'
        place.make_state()
        place.add_all(simulator, [organisation])
        place.write()
        refused = [orjson.loads(event)["uuid"] for event in organisation.persisted()][:3]
        no = ItemError(400, "mapper_parsing_exception", "no")
        server.verdict = lambda event: no if any(uuid.encode() in event for uuid in refused) else None
        assert place.run(until_drained=True).wait() == 1, place.log.read_text()  # for the dead letters
        letters = place.dead_letters("search")
        assert [letter["uuid"] for letter in letters] == refused
        assert {letter["format"] for letter in letters} == {"ecs"}
        assert [uuid_of(letter["event"]) for letter in letters] == refused
