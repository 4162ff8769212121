"""Whoever answers for one organisation does his worst at every request; its neighbours' events arrive all the while, whatever the sink."""

import gzip
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from okta_source.simulator.records import Scripted
from tests.e2e.harness import FlowProcess, Workplace, wait_for
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import FakeSearch

pytestmark = pytest.mark.slow

ROUNDS = 4
LARGEST_PEAK_BYTES = 300_000_000
EVENT = b'{"uuid":"%s","published":"%s","eventType":"user.session.start"}'
WALLS = ("0001-01-01T00:00:00", "0001-01-01T23:59:59.999999", "9999-12-31T00:00:00", "9999-12-31T23:59:59.999999")
OFFSETS = ("Z", "+00:00", "-00:00", "+14:00", "-12:00", "+23:59", "-23:59", "+05:30")
MOMENTS = [f"{wall}{offset}" for wall, offset in product(WALLS, OFFSETS)]
MIB = 1024 * 1024


def first_event() -> bytes:
    return EVENT % (b"first", b"2026-03-01T12:00:00.000Z")


def calendar() -> bytes:
    return b"[" + b",".join(EVENT % (f"u{number}".encode(), moment.encode()) for number, moment in enumerate(MOMENTS)) + b"]"


def of_ones(size_bytes: int) -> bytes:
    one = first_event()
    return b"[" + one + b",1" * ((size_bytes - len(one) - 2) // 2) + b"]"


def of_events(size_bytes: int) -> bytes:
    one = EVENT % (b"%07d", b"2026-03-01T12:00:00.000Z")
    return b"[" + b",".join(one % number for number in range(size_bytes // (len(one) + 4))) + b"]"


def bombs() -> list[bytes]:
    """Bodies of a kilobyte or some more, with more in them than a page can have; each twice, since the same bytes again are taken apart."""
    return [
        body for made in (of_ones(MIB), of_ones(32 * MIB), of_events(32 * MIB), of_ones(40 * MIB)) for body in [gzip.compress(made, 9)] * 2
    ]


@dataclass
class Target:
    """A sink and what has arrived there.

    Attributes:
        table: Its table in the configuration.
        arrived: The uuids of a tenant that have arrived, each as often as it is there.
    """

    table: str
    arrived: Callable[[str], list[str]]


@contextmanager
def target(kind: str, place: Workplace) -> Iterator[Target]:
    """A sink of a kind; one that `refuses` takes nothing of the hostile organisation's."""
    if kind == "file":
        yield Target(
            'type = "file"\npath = "out/{tenant}/{date}T{hour}.ndjson"', lambda name: [uuid_of(line) for line in whole(place, name)]
        )
        return
    refuses = "refuses" in kind
    if kind.startswith("webhook"):
        with Receiver(poison=(lambda event: event["_okta_tenant"] == "hostile") if refuses else None) as receiver:
            table = f'type = "webhook"\nurl = "{receiver.url}"\nencoding = "hec"\nbatch_events = 50'
            yield Target(table, lambda name: [event["uuid"] for event in receiver.events if event["_okta_tenant"] == name])
        return
    with FakeSearch() as server:
        if refuses:
            server.verdict = lambda event: 400 if b'"_okta_tenant":"hostile"' in event else None
        table = f'type = "elasticsearch"\nhosts = ["{server.url}"]\ntarget = "okta-{{tenant}}-{{date}}"'
        yield Target(
            table, lambda name: [uuid_of(each) for each in server.documents().values() if f'"_okta_tenant":"{name}"'.encode() in each]
        )


def whole(place: Workplace, name: str) -> list[bytes]:
    """The lines that are there as a whole."""
    return [line for path in (place.out / name).glob("*.ndjson") for line in path.read_bytes().split(b"\n")[:-1]]


def uuid_of(line: bytes) -> str:
    return str(orjson.loads(line)["uuid"])


def impatient(folder: Path) -> Path:
    """A folder for PYTHONPATH in which back-off ends after a tenth of a second: so a body that can't be read comes again and again."""
    package = folder / "impatient"
    package.mkdir()
    code = "from okta_source import source\nfrom okta_source.polling.limits import Backoff\n"
    (package / "sitecustomize.py").write_text(code + "source.Backoff = lambda rng: Backoff(rng, base_seconds=0.1, cap_seconds=0.1)\n")
    return package


def answer(url: str, body: bytes) -> Scripted:
    headers: dict[str, str | None] = {
        "content-type": "application/json", "content-encoding": "gzip", "link": f'<{url}/api/v1/logs?after=1&limit=50>; rel="next"',
    }  # fmt: skip
    return Scripted(status=200, headers=headers, body=body)


def peak_bytes(flow: FlowProcess) -> int:
    status = Path(f"/proc/{flow.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def expected_of_the_calendar() -> tuple[set[str], set[str]]:
    """The uuids of what happened at a moment in UTC, and the times of what happened at none."""
    moments, none = set(), set()
    for number, text in enumerate(MOMENTS):
        try:
            datetime.fromisoformat(text).astimezone(UTC)
        except OverflowError:
            none.add(text)
        else:
            moments.add(f"u{number}")
    return moments, none


@pytest.mark.parametrize("kind", ["file", "elasticsearch", "elasticsearch that refuses", "webhook", "webhook that refuses"])
def test_both_ends_of_the_calendar_again_and_again(tmp_path: Path, kind: str) -> None:
    with beside_two_neighbours(tmp_path, kind, [gzip.compress(calendar())]) as (place, sink):
        moments, none = expected_of_the_calendar()
        assert {letter["published"] for letter in place.dead_letters()} == none
        if "refuses" in kind:
            assert not sink.arrived("hostile")
            assert {str(letter["uuid"]) for letter in place.dead_letters("archive")} <= moments
        else:
            assert sorted(sink.arrived("hostile")) == sorted(moments), "each once"


@pytest.mark.parametrize("kind", ["file", "elasticsearch", "webhook"])
def test_half_a_million_elements_in_a_kilobyte_again_and_again(tmp_path: Path, kind: str) -> None:
    with beside_two_neighbours(tmp_path, kind, bombs()) as (place, sink):
        assert not sink.arrived("hostile")
        letters = place.dead_letters()
        assert all(
            "more than 2,000 elements" in str(letter["reason"]) or "larger than any page" in str(letter["reason"]) for letter in letters
        )
        assert sum(len(str(letter["event"])) for letter in letters) < 70 * MIB, "within a day's budget"


@contextmanager
def beside_two_neighbours(tmp_path: Path, kind: str, bodies: list[bytes]) -> Iterator[tuple[Workplace, Target]]:
    """Run twice over one state, with a hostile organisation that answers each request with one of the bodies in turn; then look at it."""
    neighbours = [Organisation(name, seed=seed, events=20) for seed, name in enumerate(("acme", "globex"), start=1)]
    hostile = Organisation("hostile", events=0, rate_limit=None)
    place = Workplace(tmp_path)
    environment = {
        "PYTHONPATH": os.pathsep.join([str(impatient(tmp_path)), os.environ.get("PYTHONPATH", "")]),
        "NO_PROXY": "*",
    }
    with Simulator([*neighbours, hostile]) as simulator, target(kind, place) as sink:
        hostile.script(*[answer(simulator.url("hostile"), body) for body in bodies] * 2_000)
        place.sink = sink.table
        place.add_all(simulator, [hostile, *neighbours], page_limit=50)
        place.write()
        place.make_state()
        for _ in range(2):  # the second time with what the first has saved
            with place.run(environment=environment, snapshot_seconds=1) as flow:
                live_beside(hostile, neighbours, sink)
                peak = peak_bytes(flow)
                code, _ = flow.stop(signal.SIGTERM)
            assert code == 0, flow.output()
            assert peak < LARGEST_PEAK_BYTES, f"{peak / 1e6:.0f} MB"
            assert "defect" not in flow.output()
            assert "Traceback" not in flow.output()
        yield place, sink


def live_beside(hostile: Organisation, neighbours: list[Organisation], sink: Target) -> None:
    """In each round the neighbours have new events; they arrive, and the hostile one has been asked meanwhile."""
    for _ in range(ROUNDS):
        asked = hostile.requests_count
        for organisation in neighbours:
            organisation.append(5)
        wait_for(lambda: all(set(each.uuids()) <= set(sink.arrived(each.name)) for each in neighbours), "the neighbours' events", 20.0)
        wait_for(lambda asked=asked: hostile.requests_count > asked, "a request to the hostile one", 20.0)
    for organisation in neighbours:
        assert sorted(sink.arrived(organisation.name)) == sorted(organisation.uuids()), "each once"
