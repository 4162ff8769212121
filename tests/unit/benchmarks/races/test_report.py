import xml.etree.ElementTree as ET

from tests.benchmarks.races.collector import LineCount
from tests.benchmarks.races.judge import Verdict
from tests.benchmarks.races.plot import draw
from tests.benchmarks.races.server import Counts
from tests.benchmarks.races.table import Result, conduct_table, speed_table
from tests.benchmarks.races.trials import Crash
from tests.benchmarks.races.usage import Usage


def result(label, *cpu_seconds, empty):
    runs = [(Usage(cpu, cpu * 2, 100), Counts(101, 0, 100_000, 1)) for cpu in cpu_seconds]
    return Result(label, runs, [Usage(empty, 1, 50)])


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_the_speed_table_tells_medians_and_how_many_times_ours():
    table = cells(speed_table([result("ours", 1.0, 9.0, 0.8, empty=0.3), result("theirs", 4.0, empty=0.2)], 100_000))
    assert table[2] == ["ours", "10.0", "7.0", "1.0", "1.0", "2.0", "100", "101"]
    assert table[3] == ["theirs", "40.0", "38.0", "4.0", "5.4", "8.0", "100", "101"]


def test_one_that_is_ahead_has_less_than_one():
    table = cells(speed_table([result("ours", 2.0, empty=1.0), result("theirs", 1.0, empty=0.1)], 100_000))
    assert table[3][3:5] == ["0.5", "0.9"]


def test_the_conduct_table_tells_what_was_read_again_and_leaves_out_what_was_not_tried():
    killed = Result("ours", crash=Crash(Verdict(1, 2, 3, 4), 70_000), limited=Counts(31, 5, 30_000, 1))
    table = cells(conduct_table([killed, Result("theirs")], 40_000))
    assert table[2] == ["ours", "1", "2", "4", "3", "30,000", "5", "31", "30,000"]
    assert table[3] == ["theirs", *["-"] * 8]


def test_the_plot_is_well_formed_and_its_bars_are_in_proportion():
    svg = ET.fromstring(draw("A & B", "of <them>", [("ours", 10.0, 2.0), ("theirs", 40.0, 0.0)]))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    widths = [float(bar.get("width", 0)) for bar in svg.iter(f"{space}rect")]
    assert widths == [80.0, 20.0, 400.0, 0.0]
    assert "40.0 (4.0 x; less start-up 5.0 x)" in [text.text for text in svg.iter(f"{space}text")]


def test_lines_are_counted_once_while_files_grow(tmp_path):
    count = LineCount(tmp_path)
    assert count.now() == 0
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "b"
    path.write_bytes(b"1\n2\nha")
    assert count.now() == 2
    with path.open("ab") as more:
        more.write(b"lf\n")
    assert count.now() == 3
