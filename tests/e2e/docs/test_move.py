"""Whoever follows the page "Move it" has every event once afterwards: moved, restored as a whole and in part, upgraded and gone back."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.docs.terminal import Terminal
from tests.e2e.harness import Workplace, free_ports, judge
from tests.unit.docs.pages import ROOT, Block, blocks
from tests.unit.sinks.receiver import Receiver

pytestmark = pytest.mark.slow

CONFIG = """
[pipeline]
dead_letter_dir = "data/dead-letter"
outbox_dir = "data/outbox"

[[tenants]]
name = "acme"
org_url = "{url}"
start_from = "2d"
poll_interval_seconds = 1

[tenants.auth]
method = "ssws"
token_file = "secrets/acme.token"

[sinks.archive]
type = "file"
path = "data/{{tenant}}/{{date}}.ndjson"

[sinks.hook]
type = "webhook"
url = "{receiver}"
"""


def sections() -> dict[str, list[Block]]:
    """What is run on the page, by its headings."""
    page = ROOT / "docs" / "move.md"
    lines = page.read_text().splitlines()
    found: dict[str, list[Block]] = {}
    for block in blocks(page):
        heading = next(line for line in reversed(lines[: block.line]) if line.startswith("#"))
        if "run" in block.options:
            found.setdefault(heading.strip("# "), []).append(block)
    return found


def runs(block: Block) -> bool:
    return "until-line" in block.options


class Place:
    """The folder of the page with a deployment `here`, whose organisation never rests."""

    def __init__(self, folder: Path, organisation: Organisation, url: str, receiver: str) -> None:
        self.folder, self.organisation = folder, organisation
        (folder / "here" / "secrets").mkdir(parents=True)
        (folder / "here" / "okta.toml").write_text(CONFIG.format(url=url, receiver=receiver))
        token = folder / "here" / "secrets" / "acme.token"
        token.write_text(organisation.token)
        token.chmod(0o600)
        self.terminal = Terminal(folder, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")})

    def follow(self, steps: list[Block]) -> None:
        for step in steps:
            if runs(step):
                self.organisation.append(50)  # what comes while it is down
            self.terminal.run(step)

    def lines(self) -> list[bytes]:
        return Workplace(self.folder / "there").lines("acme", "data")

    def drain(self) -> None:
        step = Block(ROOT / "docs" / "move.md", 0, "console", {"run": ""}, f"$ {DRAIN}\n")
        self.terminal.run(step)


AFTERWARDS = ("Back it up", "Restore the whole folder", "Back it up", "Restore the state alone", "Another release")
DRAIN = "bytewax-okta run --config there/okta.toml --state there/state --until-drained --quiet"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Down until somebody lets it up."""
    receiver = Receiver()
    (receiver.port,) = free_ports(1)
    yield receiver
    receiver.down()


def test_whoever_follows_the_page_has_every_event_once(tmp_path: Path, receiver: Receiver) -> None:
    steps = sections()
    organisation = Organisation("acme", seed=3, events=400)
    with Simulator([organisation]) as simulator:
        place = Place(tmp_path, organisation, simulator.url("acme"), receiver.url)
        with place.terminal:
            move = steps.pop("Move it to another place")
            again = next(number for number, step in enumerate(move) if step.options.get("exit") == "2")
            place.follow(move[:again])
            outbox = tmp_path / "there" / "data" / "outbox" / "hook"
            assert any(path.stat().st_size for path in outbox.rglob("*.ndjson")), "what the webhook did not take travels as well"
            asked = organisation.requests_count
            place.follow(move[again : again + 1])
            assert organisation.requests_count == asked, "it asks before any request"
            receiver.up()
            place.follow(move[again + 1 :])
            place.drain()
            judge(place.lines(), organisation.persisted(), "acme")
            sent = Counter(event["uuid"] for event in receiver.events)
            assert sent == Counter(organisation.uuids()), "the outbox of the old place was sent from the new one, each event once"

            for heading in AFTERWARDS:
                before = len(place.lines())
                place.follow(steps[heading])
                place.drain()
                judge(place.lines(), organisation.persisted(), "acme")
                assert len(place.lines()) > before, heading
            assert {event["uuid"] for event in receiver.events} == set(organisation.uuids())
    assert not (tmp_path / "here").exists()
    assert steps.keys() == {*AFTERWARDS}, "all of the page was followed"


def test_the_page_is_what_keeps_events_from_being_lost(tmp_path: Path, receiver: Receiver) -> None:
    """Without the state everything comes twice, and the run says so before: that the judge sees it is what this is for."""
    steps = sections()
    organisation = Organisation("acme", seed=3, events=400)
    receiver.up()
    with Simulator([organisation]) as simulator:
        place = Place(tmp_path, organisation, simulator.url("acme"), receiver.url)
        with place.terminal:
            place.follow([step for step in steps["Move it to another place"] if "exit" not in step.options])
            (tmp_path / "there" / "state").rename(tmp_path / "lost")
            place.drain()
    uuids = Counter(orjson.loads(line)["uuid"] for line in place.lines())
    assert set(uuids.values()) == {2}
