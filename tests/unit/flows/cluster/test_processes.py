"""Small real processes: what they print, what they inherit, how they end."""

import io
import os
import sys
from pathlib import Path

import pytest

from flows.cluster.ending import Ending
from flows.cluster.plan import Member
from flows.cluster.processes import run


def program(number: int, code: str, **environment: str) -> Member:
    return Member(number, (sys.executable, "-c", code), {**os.environ, **environment})


def outcome(*members: Member) -> tuple[int, list[bytes]]:
    """The exit code and the lines that were passed on."""
    ending = Ending(len(members), keeps_state=True)
    out = io.BytesIO()
    run(members, ending, out)
    return ending.conclusion().code, out.getvalue().splitlines()


def test_lines_are_passed_on_whole_behind_the_number_of_their_process() -> None:
    pieces = (b"a line in ", b"three ", b"pieces\nand", b" one without end")
    code = f"import os, time\nfor piece in {pieces}: os.write(2, piece); time.sleep(0.05)"
    exit_code, lines = outcome(program(0, code), program(1, code))
    assert exit_code == 0
    told = [b"a line in three pieces", b"and one without end"]
    assert sorted(lines) == [name + line for name in (b"[0] ", b"[1] ") for line in told]


def test_much_output_in_one_line_comes_through() -> None:
    _, lines = outcome(program(3, "print('x' * 300_000); print('end')"))
    assert b"".join(line.removeprefix(b"[3] ") for line in lines) == b"x" * 300_000 + b"end"
    assert lines[-1] == b"[3] end"


def test_the_exit_code_of_one_is_that_of_all() -> None:
    assert outcome(program(0, "import sys; sys.exit(3)"), program(1, "import sys; sys.exit(1)"))[0] == 3


def test_processes_inherit_no_descriptor() -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        code = f"import os\ntry: os.fstat({write})\nexcept OSError: print('closed')"
        assert outcome(program(0, code)) == (0, [b"[0] closed"])
    finally:
        os.close(read)
        os.close(write)


def test_nothing_is_left_where_a_program_is_not_there() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text()
    with pytest.raises(FileNotFoundError):
        outcome(program(0, "import time; time.sleep(60)"), Member(1, ("/nowhere/python",), {}))
    assert children.read_text() == before
