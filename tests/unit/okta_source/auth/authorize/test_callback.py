"""The loopback server, asked as browsers and others ask it."""

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from okta_source.auth.authorize.callback import CallbackServer
from okta_source.auth.authorize.page import notice_page
from tests.e2e.harness import free_ports

STATE = "s" * 43
GOOD = f"/callback?code=c0de&state={STATE}"


class Rig:
    """The server, and somebody who asks."""

    def __init__(self) -> None:
        self.foreign = 0
        self.port = free_ports(1)[0]
        self.server = CallbackServer(self.port, STATE, self._count)
        self.threads = ThreadPoolExecutor()
        self.waiting: Future[tuple[int, str, dict[str, str]]] | None = None

    def _count(self) -> None:
        self.foreign += 1

    def ask(self, target: str, method: str = "GET", host: str | None = None) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, target, headers={"Host": host or f"127.0.0.1:{self.port}"})
            response = connection.getresponse()
            return response.status, response.read().decode(), dict(response.headers)
        finally:
            connection.close()

    def ask_meanwhile(self, target: str) -> Future[tuple[int, str, dict[str, str]]]:
        self.waiting = self.threads.submit(self.ask, target)
        return self.waiting


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    with rig.server:
        yield rig
        if rig.waiting and not rig.waiting.done():
            rig.server.finish(b"", ok=False)
    rig.threads.shutdown()


def test_the_answer_is_handed_over_and_its_browser_gets_the_finished_page(rig: Rig) -> None:
    asked = rig.ask_meanwhile(GOOD)
    assert rig.server.wait(20) == {"code": "c0de", "state": STATE}
    assert not asked.done()
    rig.server.finish(notice_page("Done.", "well"), ok=True)
    status, page, headers = asked.result()
    assert status == 200
    assert "Done." in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_refusal_of_okta_is_an_answer_too(rig: Rig) -> None:
    rig.ask_meanwhile(f"/callback?state={STATE}&error=access_denied&error_description=no+way")
    assert rig.server.wait(20) == {"state": STATE, "error": "access_denied", "error_description": "no way"}


@pytest.mark.parametrize(
    "target", ["/", "/favicon.ico", "/callback/", "/Callback", "/callbackx", f"/other?code=c&state={STATE}", "//[/callback"]
)
def test_no_other_path_is_served(rig: Rig, target: str) -> None:
    assert rig.ask(target)[0] in {400, 404}
    assert rig.server.wait(0) is None


@pytest.mark.parametrize("state", ["", "wrong", STATE[:-1], STATE + "s", STATE.upper(), "%F0%9F%98%80", "%ED%A0%80"])
def test_a_forged_or_late_answer_is_refused_and_the_genuine_one_still_counts(rig: Rig, state: str) -> None:
    status, page, _ = rig.ask(f"/callback?code=evil&state={state}")
    assert status == 400
    assert "another sign-in" in page
    assert rig.foreign == 1
    assert rig.server.wait(0) is None
    rig.ask_meanwhile(GOOD)
    assert rig.server.wait(20) == {"code": "c0de", "state": STATE}


@pytest.mark.parametrize("more", ["", "&code=", "&code=a&code=b", "&code=a&error=b", f"&code=a&state={STATE}", "&code=a" + "&x=1" * 30])
def test_an_answer_that_is_none_is_refused(rig: Rig, more: str) -> None:
    status, page, _ = rig.ask(f"/callback?state={STATE}{more}")
    assert status == 400
    assert "no answer of Okta" in page
    assert rig.server.wait(0) is None


def test_the_first_answer_counts(rig: Rig) -> None:
    first = rig.ask_meanwhile(GOOD)
    assert rig.server.wait(20)
    status, page, _ = rig.ask(f"/callback?code=other&state={STATE}")
    assert status == 409
    assert "answered already" in page
    assert not first.done()
    rig.server.finish(b"first", ok=True)
    assert first.result()[1] == "first"
    assert rig.ask(GOOD)[0] == 409
    assert rig.server.wait(0) is None


@pytest.mark.parametrize("host", ["evil.example.com", "localhost:8765", "127.0.0.1", "evil.example.com:80"])
def test_nobody_comes_by_another_name(rig: Rig, host: str) -> None:
    assert rig.ask(GOOD, host=host)[0] == 404
    assert rig.server.wait(0) is None


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_only_get_is_served(rig: Rig, method: str) -> None:
    assert rig.ask(GOOD, method)[0] == 501
    assert rig.server.wait(0) is None


def test_idle_connections_of_a_browser_hold_nothing_up(rig: Rig) -> None:
    with socket.create_connection(("127.0.0.1", rig.port)), socket.create_connection(("127.0.0.1", rig.port)):
        rig.ask_meanwhile(GOOD)
        assert rig.server.wait(20)
        rig.server.close()
    assert "callback" not in {thread.name for thread in threading.enumerate()}


def test_a_browser_that_leaves_holds_nothing_up(rig: Rig) -> None:
    with socket.create_connection(("127.0.0.1", rig.port)) as browser:
        browser.sendall(f"GET {GOOD} HTTP/1.1\r\nHost: 127.0.0.1:{rig.port}\r\n\r\n".encode())
        assert rig.server.wait(20)
    rig.server.finish(b"x" * 10_000_000, ok=True)


def test_nothing_is_logged(rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
    rig.ask(f"/callback?code=evil&state={STATE}x")
    rig.ask_meanwhile(GOOD)
    assert rig.server.wait(20)
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_is_an_error_and_a_closed_server_gives_its_port_back(rig: Rig) -> None:
    with pytest.raises(OSError, match="in use"):
        CallbackServer(rig.port, STATE)
    rig.server.close()
    CallbackServer(rig.port, STATE).close()
