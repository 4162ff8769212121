"""A simulator that is stopped while clients connect."""

import contextlib
import gc
import socket
import sys
import threading
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from okta_source.simulator import Organisation, Simulator


def test_a_stop_closes_every_connection_also_those_accepted_in_its_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    leaks: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: leaks.append(told.exc_value))
    for _ in range(5):
        simulator = Simulator([Organisation("acme", events=5)])
        simulator.start()
        address = urlsplit(simulator.url("acme"))
        clients: list[socket.socket] = []
        control = SimpleNamespace(stopped=False)

        def connect(clients=clients, control=control, address=address) -> None:
            while not control.stopped:
                with contextlib.suppress(OSError):
                    clients.append(socket.create_connection((address.hostname, address.port), 1.0))

        thread = threading.Thread(target=connect)
        thread.start()
        while len(clients) < 20:
            pass
        simulator.stop()
        control.stopped = True
        thread.join()
        for client in clients:
            client.close()
        del simulator
        gc.collect()
    assert not leaks
