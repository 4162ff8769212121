"""What people come for, each in at most two commands, with no words but those of `bytewax-okta --help` and the commands' own.

What is printed is compared with what the simulator knows.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

import orjson
import pytest

from okta_source.events.categories import action
from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import FlowProcess, Workplace, judge, wait_for
from tests.e2e.test_run import SCRIPT, run
from tests.unit.sinks.receiver import Receiver

pytestmark = pytest.mark.slow


@cache
def help_of(*command: str) -> str:
    return subprocess.run([str(SCRIPT), *command, "--help"], capture_output=True, text=True, check=True).stdout


class Person:
    """Somebody who knows nothing but what helps say, and counts what has to be typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.typed: list[str] = []

    def types(self, line: str, code: int = 0) -> str:
        words = re.findall(r"'[^']*'|\S+", line)
        command, *rest = words
        assert re.search(rf"^  {command} ", help_of(), re.MULTILINE), f"{command} is in no help"
        inner = [word for word in rest[:1] if word[0] != "-" and re.search(rf"^ +{word} ", help_of(command), re.MULTILINE)]
        told = help_of(command, *inner)
        for option in rest:
            assert not option.startswith("-") or re.search(rf"^  {option}\b", told, re.MULTILINE), f"{option} is not in {command}'s help"
        self.typed.append(line)
        environ = {**os.environ, "COLUMNS": "160"}
        arguments = [word.strip("'") for word in words]
        done = subprocess.run([str(SCRIPT), *arguments], cwd=self.folder, capture_output=True, text=True, check=False, env=environ)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert len(self.typed) <= 2, self.typed


@pytest.fixture
def organisations() -> list[Organisation]:
    return [Organisation(name, seed=seed, events=2000, span_seconds=200_000) for seed, name in enumerate(("acme", "globex"), 1)]


@pytest.fixture
def place(tmp_path: Path, organisations: list[Organisation]) -> Iterator[Workplace]:
    place = Workplace(tmp_path / "here")
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, start_from="3d")
        place.write()
        yield place


def drained(place: Workplace, stack: ExitStack) -> FlowProcess:
    """A run that goes on, and has written all there was."""
    flow = stack.enter_context(run(place, "--state", str(place.state)))
    wait_for(lambda: place.count("acme") == 2000, "events")
    wait_for((place.state / "status.prom").exists, "the status file")
    return flow


def test_why_does_a_tenant_fail(place: Workplace, organisations: list[Organisation]) -> None:
    place.token("globex", "00wrong")
    with ExitStack() as stack:
        drained(place, stack)
        wait_for(lambda: 'okta_tenant_failing{error_type="auth"' in (place.state / "status.prom").read_text(), "it fails", 60)
        with Person(place.folder) as person:
            first = person.types("status", code=1)
            assert re.search(r"^globex +Failing +auth \(fetch\)", first, re.MULTILINE)
            assert re.search(r"^acme +Active", first, re.MULTILINE)
            (named,) = re.findall(r"what to change: bytewax-okta (.*)$", first, re.MULTILINE)
            assert named == "check --tenant globex"
            second = person.types(named, code=1)
    assert re.search(r"^authentication +FAILED  Okta answered 401", second, re.MULTILINE)
    assert "Security > API > Tokens" in second, "where in Okta to look"
    assert not any(record.status == 200 for record in organisations[1].requests), "so it was: Okta has refused them all"


def test_add_a_webhook_and_see_that_it_works(place: Workplace) -> None:
    with Receiver() as receiver:
        with Person(place.folder) as person:
            first = person.types(f"init sink --type webhook --url {receiver.url} --credentials none")
            (named,) = re.findall(r"bytewax-okta (check .*)$", first, re.MULTILINE)
            second = person.types(named)
        assert re.search(r"^send +ok ", second, re.MULTILINE)
        (event,) = receiver.events
        assert event["uuid"] in second, "it is the one that was printed"
        with run(place, "--until-drained") as flow:
            assert flow.wait() == 0, flow.output()
        assert len(receiver.events) == 1 + 4000, "and a run takes the sink"


def test_how_far_behind_and_until_when(place: Workplace, organisations: list[Organisation]) -> None:
    organisations[0].latency_seconds = 0.4
    place.entries[0] = place.entries[0].replace("start_from", "page_limit = 20\nstart_from")
    place.write()
    published = {orjson.loads(event)["published"] for event in organisations[0].persisted()}
    with ExitStack() as stack:
        flow = stack.enter_context(run(place, "--state", str(place.state)))
        wait_for(lambda: "okta_drain_ends_timestamp_seconds{" in status_file(place), "two pages and a look at them", 60)
        with Person(place.folder) as person:
            text = person.types("status")
            acme = told_of(person.types("status --json"), "acme")
        assert flow.process.poll() is None
    assert re.search(r"^acme +Active +draining, done in about [\d.]+ (s|min)", text, re.MULTILINE)
    assert moment(acme["last_event"]) in published, "the newest event that came"
    assert acme["lag_seconds"] > 0
    assert acme["drain_ends"] > datetime.now(UTC).timestamp() - 60


def status_file(place: Workplace) -> str:
    path = place.state / "status.prom"
    return path.read_text() if path.exists() else ""


def told_of(document: str, tenant: str) -> dict[str, Any]:
    (found,) = [it for it in orjson.loads(document)["tenants"] if it["tenant"] == tenant]
    return dict(found)


def moment(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_move_to_another_machine(place: Workplace, organisations: list[Organisation]) -> None:
    with ExitStack() as stack:
        code, _ = drained(place, stack).stop()
        assert code == 0
    there = place.folder.with_name("there")
    shutil.copytree(place.folder, there)
    # The harness names its tokens by their whole paths.
    config = there / "okta.toml"
    config.write_text(config.read_text().replace(str(place.folder), str(there)))
    shutil.rmtree(place.folder)
    organisations[0].append(100)
    assert "To move it" in help_of("state"), "what has to be copied"
    with Person(there) as person:
        person.types("state accept state")
        person.types("run --config okta.toml --state state --until-drained")
    for organisation in organisations:
        judge(Workplace(there).lines(organisation.name), organisation.persisted(), organisation.name)


def test_one_users_sign_ins_of_yesterday(place: Workplace, organisations: list[Organisation]) -> None:
    with run(place, "--until-drained") as flow:
        assert flow.wait() == 0, flow.output()
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    every = [orjson.loads(event) for organisation in organisations for event in organisation.persisted()]
    sign_ins = [event for event in every if action(event["eventType"]) == "sign_in" and event["published"].startswith(f"{yesterday}")]
    user = max(sign_ins, key=lambda event: event["actor"]["alternateId"])["actor"]["alternateId"]
    mine = {
        event["uuid"]
        for event in sign_ins
        if user in (event["actor"]["alternateId"], *(target.get("alternateId") for target in event["target"] or ()))
    }
    with Person(place.folder) as person:
        found = person.types(f"search --user {user} --action sign_in --since {yesterday} --until {today} --json")
    assert {orjson.loads(line)["uuid"] for line in found.splitlines()} == mine
    assert mine
