"""`python -m flows.cluster`: real processes that start, stop, die and resume together."""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.cluster.ports import why_unavailable
from okta_source.simulator import Organisation, Scripted, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, scrape, wait_for

pytestmark = pytest.mark.slow


class ClusterProcess(FlowProcess):
    """The launcher."""

    def children(self) -> list[int]:
        """The processes that it has started and that live, in their order."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return sorted(int(pid) for pid in path.read_text().split())

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        left = [pid for pid in self.seen if alive(pid)]
        for pid in left if exception[0] else ():
            os.kill(pid, signal.SIGKILL)

    def __init__(self, place: Workplace, size: int, *arguments: str) -> None:
        self.seen: list[int] = []
        command = [sys.executable, "-m", "flows.cluster", "-n", str(size), "--config", str(place.config), "--state", str(place.state)]
        command += ["--port-base", str(consecutive_ports(size)), "--snapshot-interval", "0", *arguments]
        super().__init__(command, place.log, {**os.environ, "RUST_BACKTRACE": "0"})

    def await_children(self, size: int) -> list[int]:
        """Wait until so many processes have been started."""
        wait_for(lambda: len(self.children()) == size, f"{size} processes")
        self.seen = self.children()
        return self.seen


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def consecutive_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        (first,) = free_ports(1)
        if first + count < 65536 and all(is_free(port) for port in range(first, first + count)):
            return first


def is_free(port: int) -> bool:
    return not why_unavailable("0.0.0.0", port)  # noqa: S104


@contextmanager
def place_with(tmp_path: Path, organisations: list[Organisation], **keys: object) -> Iterator[Workplace]:
    place = Workplace(tmp_path)
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, page_limit=100, **keys)
        place.write()
        yield place


def polled(metrics_port: int) -> list[set[str]]:
    """The series of tenants whose pages the two processes have brought; none while one is about to listen."""
    with contextlib.suppress(OSError):
        return [{name for name in scrape(metrics_port + number) if name.startswith("okta_pages_total")} for number in range(2)]
    return []


def await_pages(organisations: list[Organisation], count: int) -> None:
    """Wait until each organisation has been asked so many more times."""
    before = [organisation.requests_count for organisation in organisations]
    wait_for(lambda: all(org.requests_count >= was + count for org, was in zip(organisations, before, strict=True)), "requests")


def test_two_then_three_then_one_bring_every_event_once(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=4_000, latency_seconds=0.02) for number in range(5)]
    with place_with(tmp_path, organisations) as place:
        metrics = consecutive_ports(2)
        with ClusterProcess(place, 2, "--metrics-port", str(metrics)) as cluster:
            await_pages(organisations, 5)
            wait_for(lambda: sorted(map(len, polled(metrics))) == [2, 3], "pages of each tenant")
            assert not set.intersection(*polled(metrics))
            assert cluster.stop(signal.SIGTERM)[0] == 0
        assert sorted(path.name for path in place.state.glob("part-*.sqlite3")) == ["part-0.sqlite3", "part-1.sqlite3"]
        assert not (tmp_path / "dataflow.json").exists()
        with ClusterProcess(place, 3) as cluster:
            await_pages(organisations, 5)
            assert cluster.stop(signal.SIGINT)[0] == 0
            lines = cluster.output().splitlines()
        with ClusterProcess(place, 1, "--until-drained") as cluster:
            assert cluster.wait() == 0
            assert "every tenant is drained" in cluster.output()
    for organisation in organisations:
        place.judge(organisation)
    assert all(line.startswith(("[0] ", "[1] ", "[2] ", "20")) for line in lines), lines
    told = [line for line in lines if "SIGTERM received: finishing with a last snapshot" in line]
    assert sorted(line[:4] for line in told) == ["[0] ", "[1] ", "[2] "], "each process is told, once"


def test_a_killed_process_ends_the_cluster_which_then_resumes(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=6_000, latency_seconds=0.05) for number in range(4)]
    with place_with(tmp_path, organisations) as place:
        with ClusterProcess(place, 3) as cluster:
            victim = cluster.await_children(3)[1]
            await_pages(organisations, 5)
            os.kill(victim, signal.SIGKILL)
            assert cluster.wait() == 1
            last = cluster.output().splitlines()[-1]
            assert f"CRITICAL process 1 (pid {victim}) was killed by SIGKILL" in last
            assert "The next start resumes from the last snapshot" in last
            assert not any(map(alive, cluster.seen))
        with ClusterProcess(place, 3, "--until-drained") as cluster:
            assert cluster.wait() == 0, cluster.output()
    for organisation in organisations:
        place.judge(organisation)


def test_no_process_outlives_a_killed_launcher_and_the_next_cluster_waits_for_their_end(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=4_000, latency_seconds=0.05) for number in range(2)]
    with place_with(tmp_path, organisations) as place, ClusterProcess(place, 2) as cluster:
        pids = cluster.await_children(2)
        await_pages(organisations, 3)
        cluster.kill()
        with ClusterProcess(place, 3, "--until-drained") as again:
            again.await_children(3)
            assert not any(map(alive, pids))
            assert again.wait() == 0, again.output()
    for organisation in organisations:
        place.judge(organisation)


def test_a_stop_reaches_a_process_whose_target_hangs_and_one_that_sink_stops_says_3(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=300) for number in range(2)]
    organisations[1].script(Scripted(delay_seconds=60.0))
    with place_with(tmp_path, organisations, request_timeout_seconds=30) as place:
        with ClusterProcess(place, 2) as cluster:
            wait_for(lambda: all(organisation.requests_count for organisation in organisations), "requests")
            cluster.await_children(2)
            assert cluster.stop(signal.SIGTERM)[0] == 0, cluster.output()
        # A folder where its file should be is what a sink can't go on with.
        place.sink = place.sink.replace("out/", "elsewhere/")
        place.write()
        organisations[0].append(10)
        for organisation in organisations:
            for page in place.out.glob("*/*"):
                (tmp_path / "elsewhere" / organisation.name / page.name).mkdir(parents=True, exist_ok=True)
        with ClusterProcess(place, 2) as cluster:
            assert cluster.wait() == 3, cluster.output()
            assert "exited with 3: a sink can't go on" in cluster.output().splitlines()[-1]


def test_a_wrong_configuration_and_a_busy_port_are_told_once_and_nothing_is_started(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=10)
    with place_with(tmp_path, [organisation]) as place, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with ClusterProcess(place, 2, "--port-base", str(port)) as busy:
            assert busy.wait() == 2
            assert busy.output().count(f"port {port} for process 0 to listen for the others is in use") == 1
        place.config.write_text(place.config.read_text().replace("poll_interval_seconds = 1", "poll_interval_seconds = 0"))
        with ClusterProcess(place, 2) as wrong:
            assert wrong.wait() == 2
            assert wrong.output() == f"{place.config}: tenants[0].poll_interval_seconds: 0 is not allowed; allowed: 1 to 86401\n"
        assert not place.state.exists()
    assert organisation.requests_count == 0


def test_somebody_who_is_quicker_at_a_port_ends_the_cluster_with_words_and_the_next_start_loses_nothing(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=300) for number in range(3)]
    with place_with(tmp_path, organisations) as place:
        cluster = ClusterProcess(place, 2)
        port = int(cluster.process.args[cluster.process.args.index("--port-base") + 1])  # type: ignore[union-attr, call-overload, index]
        with cluster, socket.socket() as intruder:

            def is_in() -> bool:
                return intruder.connect_ex(("127.0.0.1", port)) == 0

            wait_for(is_in, "the port of process 0")
            assert cluster.wait() == 1
            last = cluster.output().splitlines()[-1]
            assert f"CRITICAL somebody else has connected to port {port}" in last
            assert "The next start resumes from the last snapshot" in last
        with ClusterProcess(place, 2, "--until-drained") as cluster:
            assert cluster.wait() == 0
    for organisation in organisations:
        place.judge(organisation)
