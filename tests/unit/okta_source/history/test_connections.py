import threading

from okta_source.history.connections import Connections
from okta_source.polling.outcome import Response
from tests.unit.okta_source.fakes import FakeTransport, answer


def test_each_thread_has_a_connection_of_its_own_and_they_are_kept() -> None:
    gate = threading.Barrier(3)

    def together() -> Response:
        gate.wait(10)
        return answer([])

    made: list[FakeTransport] = []

    def make() -> FakeTransport:
        made.append(FakeTransport(together))
        return made[-1]

    connections = Connections(make)
    for _ in range(2):
        threads = [threading.Thread(target=connections.get, args=("u",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [(transport.most_in_flight, len(transport.urls)) for transport in made] == [(1, 2)] * 3


def test_one_after_the_other_share_one_and_all_are_closed_in_the_end() -> None:
    made: list[FakeTransport] = []
    closing = threading.Event()
    asked = threading.Event()

    def slow() -> Response:
        asked.set()
        closing.wait(10)
        return answer([])

    def make() -> FakeTransport:
        made.append(FakeTransport(slow if made else answer([])))
        return made[-1]

    connections = Connections(make)
    connections.get("a")
    connections.get("b")
    assert len(made) == 1
    connections._idle.clear()  # in use elsewhere
    thread = threading.Thread(target=connections.get, args=("c",))
    thread.start()
    asked.wait(10)
    connections.close()
    assert not made[1].closed
    closing.set()
    thread.join()
    assert made[1].closed
