"""Who is connected to a cluster's ports: its own processes, or somebody else."""

import os
import socket
import subprocess
import sys
import threading

import pytest

from flows.cluster.ending import Ending
from flows.cluster.joining import JOIN_SECONDS, Connection, Joining, connections_in
from flows.cluster.sockets import connections, sockets_of

PORTS = (2101, 2102, 2103)
ME, OTHER = "0100007F", "0100007F"


def pair(port: int, from_port: int, accepted: int, connecting: int) -> list[Connection]:
    """Both ends of a connection to a port of the cluster."""
    return [
        Connection((ME, port), (OTHER, from_port), accepted),
        Connection((OTHER, from_port), (ME, port), connecting),
    ]


MESH = [*pair(2101, 50001, 1, 2), *pair(2101, 50002, 3, 4), *pair(2102, 50003, 5, 6)]


def test_a_whole_mesh_of_our_own_is_joined() -> None:
    joining = Joining(PORTS, 0.0)
    assert joining.look(MESH[:4], {1, 2, 3, 4}, 1.0) == (False, "")
    assert joining.look([*MESH, *pair(9999, 50009, 8, 9)], {1, 2, 3, 4, 5, 6, 8}, 2.0) == (True, "")


def test_a_stranger_at_a_port_ends_the_cluster_once_a_second_look_has_confirmed_it() -> None:
    joining = Joining(PORTS, 0.0)
    there = [*MESH[:2], *pair(2102, 50009, 5, 99)]
    assert joining.look(there, {1, 2, 5}, 1.0) == (False, "")
    over, why = joining.look(there, {1, 2, 5}, 1.1)
    assert over
    assert "somebody else has connected to port 2102" in why
    assert "--port-base" in why


def test_a_socket_of_ours_that_was_closed_meanwhile_is_no_stranger() -> None:
    joining = Joining(PORTS, 0.0)
    assert joining.look([*MESH[:2], *pair(2101, 50009, 7, 8)], {1, 2, 7}, 1.0) == (False, "")
    assert joining.look(MESH, {1, 2, 3, 4, 5, 6}, 1.1) == (True, "")


def test_it_does_not_wait_for_ever() -> None:
    joining = Joining(PORTS, 10.0)
    assert joining.look(MESH[:2], {1, 2}, 10.0 + JOIN_SECONDS - 0.1) == (False, "")
    over, why = joining.look(MESH[:2], {1, 2}, 10.0 + JOIN_SECONDS)
    assert over
    assert "1 of 3 connections" in why


def test_the_kernels_table_is_read() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:0835 0100007F:C351 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 20 4 0 10 -1\n"
        "   1: 0100007F:0836 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n"
    )
    assert list(connections_in(table)) == [Connection(("0100007F", 0x0835), ("0100007F", 50001), 4711)]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tables are Linux's")
def test_real_sockets_are_found_at_both_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        accepted: list[socket.socket] = []
        thread = threading.Thread(target=lambda: accepted.append(server.accept()[0]))
        thread.start()
        with socket.create_connection(("127.0.0.1", port)):
            thread.join()
            there = connections()
            assert there is not None
            own = sockets_of([os.getpid()])
            ends = [end for end in there if port in (end.local[1], end.remote[1])]
            assert own is not None
            assert len(ends) == 2
            assert {end.inode for end in ends} <= own
            assert Joining((port, port + 1), 0.0).look(there, own, 1.0) == (True, "")
        accepted[0].close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tables are Linux's")
def test_nothing_is_said_of_sockets_while_a_process_is_on_its_way_out() -> None:
    """It has let go of its descriptors, and its connections may still stand: they would be taken for a stranger's."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert sockets_of([os.getpid(), process.pid]) is None
        process.wait()


def test_the_conclusion_is_why_it_was_ended() -> None:
    ending = Ending(2, keeps_state=True)
    ending.refuse("somebody else has connected to port 2101", 5.0)
    assert ending.due(5.0) is not None
    conclusion = ending.conclusion()
    assert (conclusion.code, conclusion.message.startswith("somebody else has connected to port 2101. The next start")) == (1, True)
