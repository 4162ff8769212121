"""State outlives changes of the configuration: tenants leave and return, sinks are renamed, threads are added."""

import os
import re
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace
from tests.e2e.test_delivery import hook, hurried
from tests.unit.sinks.receiver import Receiver

pytestmark = pytest.mark.slow


def test_a_tenant_that_leaves_and_returns_resumes_where_it_stopped(tmp_path: Path) -> None:
    organisations = [Organisation(name, seed=seed, events=1_500) for seed, name in enumerate(("acme", "globex"))]
    acme, globex = organisations
    place = Workplace(tmp_path)
    place.make_state(2)
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations)
        place.write()
        assert place.drain().process.returncode == 0
        both, place.entries = place.entries, place.entries[1:]
        place.write()
        globex.append(5)
        assert place.drain().process.returncode == 0
        place.entries = both
        place.write()
        acme.append(7)
        asked = acme.requests_count
        assert place.drain().process.returncode == 0
        assert acme.requests_count == asked + 1, "the saved cursor brings just what is new"
    for organisation in organisations:
        place.judge(organisation)


def test_a_renamed_sink_is_a_new_one_and_the_state_of_the_old_harms_nothing(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=500)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        assert place.drain().process.returncode == 0
        text = place.config.read_text()
        place.config.write_text(text.replace("[sinks.archive]", "[sinks.other]").replace("out/", "other/"))
        organisation.append(7)
        assert place.drain().process.returncode == 0
    assert len(place.lines("acme")) == 500
    assert sum(path.read_bytes().count(b"\n") for path in (tmp_path / "other" / "acme").iterdir()) == 7


def test_what_a_renamed_sink_has_not_sent_is_told_until_it_has_its_name_again(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=50)
    with Simulator([organisation]) as simulator, Receiver() as receiver:
        place = Workplace(tmp_path, sinks={"hook": hook(receiver)})
        place.make_state()
        place.add_all(simulator, [organisation])
        place.write()
        receiver.down()
        environment = {"PYTHONPATH": os.pathsep.join([str(hurried(tmp_path)), os.environ.get("PYTHONPATH", "")])}
        with place.run(until_drained=True, environment=environment) as flow:
            assert flow.wait() == 1, flow.output()
        receiver.up()
        text = place.config.read_text()
        place.config.write_text(text.replace("[sinks.hook]", "[sinks.other]"))
        renamed = place.drain()
        assert renamed.process.returncode == 0
        assert re.search(r"\d MB of events wait since \S+Z in \S+/outbox/hook, and nobody sends them: no sink of", renamed.output())
        assert receiver.events == []
        place.config.write_text(text)
        back = place.drain()
        assert back.process.returncode == 0
        assert "nobody sends them" not in back.output()
        assert sorted(event["uuid"] for event in receiver.events) == sorted(organisation.uuids())


def test_two_sinks_and_two_worker_threads(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=700) for number in range(5)]
    place = Workplace(tmp_path)
    place.sink += '\n[sinks.hourly]\ntype = "file"\npath = "hourly/{tenant}/{date}T{hour}.ndjson"\ncompression = "gzip"'
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, page_limit=100)
        place.write()
        flow = place.run(until_drained=True, environment={"BYTEWAX_WORKERS_PER_PROCESS": "2"})
        assert flow.wait() == 0, flow.output()
    for organisation in organisations:
        place.judge(organisation)
        place.judge(organisation, folder="hourly")
