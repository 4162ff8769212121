"""In a cluster every page stays in the process that fetched it, and tenants are spread evenly."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e import counting_flow
from tests.e2e.harness import Workplace

# Some of them sort otherwise than people would: digits before letters, `-` before both, `_` between capitals and small letters.
NAMES = ["org-1", "org-10", "org-2", "org_2", "org", "o", "0rg", "z", "z-0", "z_0", "a", "con"]


@dataclass(frozen=True)
class Tally:
    """What one process noted."""

    tenants: list[str]
    retired: list[str]
    pages: Counter[str]
    crossed: int


def tallies(folder: Path) -> Iterator[Tally]:
    for path in sorted(folder.iterdir()):
        words = [line.split() for line in path.read_text().splitlines()]
        yield Tally(
            [word[1] for word in words if word[0] == "tenant"],
            [word[1] for word in words if word[0] == "retired"],
            Counter(word[1] for word in words if word[0] == "page"),
            sum(word[0] == "crossed" for word in words),
        )


def drain(place: Workplace, processes: int, folder: Path) -> list[Tally]:
    folder.mkdir()
    flows = place.cluster(processes, until_drained=True, module=counting_flow.__file__, environment={"TALLY_FOLDER": str(folder)})
    for flow in flows:
        assert flow.wait() == 0, flow.output()
    return list(tallies(folder))


def write(place: Workplace, sim: Simulator, organisations: Iterable[Organisation]) -> None:
    place.entries.clear()
    place.add_all(sim, organisations, page_limit=20)
    place.write()


@pytest.mark.slow
def test_no_page_crosses_processes_whatever_their_number_the_sinks_and_the_retired_tenants(tmp_path: Path) -> None:
    organisations = [Organisation(name, seed=seed, events=100) for seed, name in enumerate(NAMES)]
    retired = {"org-10", "z-0"}
    place = Workplace(tmp_path)
    path = 'path = "{folder}/{{tenant}}/{{date}}.ndjson"'
    place.sinks = {
        "third": f'type = "file"\n{path.format(folder="third")}\ntenants = ["org-1", "org_2", "0rg", "z_0"]',
        "signed-in": f'type = "file"\n{path.format(folder="signed-in")}\nevent_types = ["user.session.*"]',
    }
    place.make_state(2)
    runs: list[tuple[int, set[str]]] = [(2, set()), (3, retired), (2, retired), (3, set())]
    with Simulator(organisations) as sim:
        for number, (processes, gone) in enumerate(runs):
            there = [organisation for organisation in organisations if organisation.name not in gone]
            write(place, sim, there)
            for organisation in organisations:
                organisation.append(50)
            found = drain(place, processes, tmp_path / f"tally-{number}")
            print(
                f"{processes} processes, {len(gone)} retired: tenants and pages of each", [(len(t.tenants), t.pages.total()) for t in found]
            )
            assert len(found) == processes
            assert [tally.crossed for tally in found] == [0] * processes
            pages = sum((tally.pages for tally in found), Counter[str]())
            assert all(pages[organisation.name] >= 3 for organisation in there), pages
            assert sorted(name for tally in found for name in tally.tenants) == sorted(set(NAMES) - gone)
            assert sorted(name for tally in found for name in tally.retired) == sorted(gone)
            spread = [len(tally.tenants) + len(tally.retired) for tally in found]
            assert max(spread) - min(spread) <= 1
    for organisation in organisations:
        place.judge(organisation)
    assert place.lines("org_2", "third")
    assert not place.lines("org-2", "third")
