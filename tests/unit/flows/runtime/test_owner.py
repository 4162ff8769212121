"""Who may have a state directory: one run, or the processes of one cluster."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from flows.runtime.invocation import CLUSTER, Seat, on_one_host, seat
from flows.runtime.owner import LAUNCHER, hold, hold_for_life, holders
from flows.runtime.stores import StateUnusable


@contextmanager
def refused(directory: Path, wanted: Seat | None = None) -> Generator[None, None, None]:
    with pytest.raises(StateUnusable, match="is in use by pid"), hold(directory, wanted, patience_seconds=0.0):
        pass
    yield


def process(number: int, cluster: str = "one", size: int = 2) -> Seat:
    return Seat(cluster, number, size)


def test_a_second_run_is_told_pid_command_and_since_when(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(StateUnusable) as caught, hold(tmp_path, patience_seconds=0.0):
        pass
    text = str(caught.value)
    assert f"The state directory {tmp_path} is in use by pid {os.getpid()} (" in text
    assert Path(sys.orig_argv[0]).name in text
    assert ", since 20" in text
    assert "end that run first, or give this one a directory of its own" in text


def test_what_was_held_is_free_again(tmp_path: Path) -> None:
    for wanted in (None, process(0), None):
        with hold(tmp_path, wanted, patience_seconds=0.0):
            assert [holder.pid for holder in holders(tmp_path)] == [os.getpid()]
    assert holders(tmp_path) == []


def test_a_second_run_waits_for_the_first_ones_end(tmp_path: Path) -> None:
    taken, waiting = threading.Event(), threading.Event()

    def first() -> None:
        with hold(tmp_path):
            taken.set()
            waiting.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert taken.wait(10)
    threading.Timer(0.2, waiting.set).start()
    with hold(tmp_path, patience_seconds=10.0):
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_it_ends_with_the_process_however_that_ends(tmp_path: Path, end: str) -> None:
    code = (
        "import sys; from pathlib import Path; from flows.runtime.owner import hold_for_life\n"
        "hold_for_life(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == b"held\n"
        with refused(tmp_path):
            assert [holder.pid for holder in holders(tmp_path)] == [child.pid]
        child.kill() if end == "kill" else child.stdin.close()
        child.wait()
    with hold(tmp_path, patience_seconds=0.0):
        pass


def test_asking_again_for_life_changes_nothing(tmp_path: Path) -> None:
    hold_for_life(tmp_path)
    hold_for_life(tmp_path / ".." / tmp_path.name)
    with refused(tmp_path):
        pass


def test_processes_of_one_cluster_share_it(tmp_path: Path) -> None:
    with hold(tmp_path, process(1)), hold(tmp_path, process(0), patience_seconds=0.0):
        assert len(holders(tmp_path)) == 2
        with refused(tmp_path), refused(tmp_path, process(0)), refused(tmp_path, process(2, "other")):
            pass


def test_a_launcher_s_processes_join_it_and_no_others(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for number in (LAUNCHER, 0, 1):
            stack.enter_context(refused(tmp_path, process(0, "other"))) if number != LAUNCHER else None
            stack.enter_context(hold(tmp_path, process(number), patience_seconds=0.0))


@pytest.fixture
def joined(tmp_path: Path) -> Callable[..., "subprocess.Popen[bytes]"]:
    """Starts a process that takes a seat of the cluster and stays until it is killed."""

    def start(number: int, size: int = 2) -> "subprocess.Popen[bytes]":
        code = (
            "import sys; from pathlib import Path; from flows.runtime.owner import hold_for_life\n"
            "from flows.runtime.invocation import Seat\n"
            f"hold_for_life(Path(sys.argv[1]), Seat('one', {number}, {size})); print('held', flush=True); sys.stdin.read()"
        )
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        return child

    return start


def test_a_process_that_died_before_all_had_joined_may_be_started_again(
    tmp_path: Path, joined: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    with hold(tmp_path, process(1, size=3)):
        for _ in range(2):
            with joined(0, 3) as child, refused(tmp_path, process(0, size=3)):
                child.kill()


def test_a_process_of_a_cluster_that_has_begun_is_not_started_again_alone(
    tmp_path: Path, joined: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """Its fence would delete snapshots of those that live."""
    with hold(tmp_path, process(1)):
        with joined(0) as child:
            child.kill()
        with refused(tmp_path, process(0)):
            pass
    with hold(tmp_path, process(0), patience_seconds=0.0):
        pass


def test_what_can_t_be_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "owner").write_text("")
    with pytest.raises(StateUnusable, match=r"can't be locked \(.*\): it has to be a folder"), hold(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b'{"joined": {}}'])
def test_an_owner_that_left_no_name_is_an_owner_all_the_same(tmp_path: Path, content: bytes) -> None:
    with hold(tmp_path):
        (tmp_path / "owner" / "run").write_bytes(content)
        with pytest.raises(StateUnusable, match="is in use by another run"), hold(tmp_path, patience_seconds=0.0):
            pass


ADDRESSES = "127.0.0.1:2101;127.0.0.1:2102"


@pytest.mark.parametrize(
    ("argv", "environ"),
    [
        (["-i", "1", "-a", ADDRESSES], {}),
        (["--process-id=1"], {"BYTEWAX_ADDRESSES": ADDRESSES}),
        (["-a", ADDRESSES], {"BYTEWAX_PROCESS_ID": "1"}),
        (["-a", ADDRESSES], {"BYTEWAX_POD_NAME": "okta-flow-1", "BYTEWAX_STATEFULSET_NAME": "okta-flow"}),
    ],
)
def test_a_cluster_by_hand_is_known_by_its_addresses(argv: list[str], environ: dict[str, str]) -> None:
    found = seat(argv, environ)
    assert found is not None
    assert (found.process, found.size) == (1, 2)
    assert found.cluster == getattr(seat(["-i", "0", "-a", ADDRESSES], {}), "cluster", None)
    assert found.cluster != getattr(seat(["-i", "1", "-a", ADDRESSES + "0"], {}), "cluster", None)


def test_a_host_file_names_the_addresses(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text(ADDRESSES.replace(";", "\n") + "\n")
    assert seat(["-i", "0"], {"BYTEWAX_HOSTFILE_PATH": str(file)}) == seat(["-i", "0", "-a", ADDRESSES], {})


def test_who_is_alone_has_no_seat_unless_a_launcher_gives_one() -> None:
    assert seat(["-r", "state"], {}) is None
    assert seat(["-i", "many", "-a", ADDRESSES], {}) is None
    assert seat(["-r", "state"], {CLUSTER: "abc"}) == Seat("abc", 0, 1)
    assert seat(["-i", "1", "-a", ADDRESSES], {CLUSTER: "abc"}) == Seat("abc", 1, 2)


def test_whether_all_processes_are_here() -> None:
    assert on_one_host([], {})
    assert on_one_host(["-a", ADDRESSES], {})
    assert not on_one_host(["-a", "host0:2101;host1:2101"], {})
    assert not on_one_host([], {"BYTEWAX_HOSTFILE_PATH": "hosts"})
    assert on_one_host(["-a", ADDRESSES], {"BYTEWAX_HOSTFILE_PATH": "hosts"})
