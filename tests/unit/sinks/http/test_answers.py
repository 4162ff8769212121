"""What a target answers that is no HTTP, and what its headers say of its clock."""

import socket
import threading

import pytest

from sinks.http.client import HttpClient, NoAnswer
from sinks.http.clock import skew_seconds


@pytest.mark.parametrize(
    "sent",
    [b"Authorization: s3cret\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cret\r\n", b"HTTP/s3cret 200 OK\r\n\r\n"],
)
def test_what_is_no_http_is_not_repeated_since_it_may_be_a_secret(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(sent)

        server = threading.Thread(target=answer)
        server.start()
        port = listener.getsockname()[1]
        client = HttpClient(1, None, "test")
        outcome = client.request("POST", f"http://127.0.0.1:{port}/", body=b"{}", headers={}, timeout_seconds=5.0)
        server.join()
        client.close()
    assert isinstance(outcome, NoAnswer)
    assert "s3cret" not in repr(outcome)


@pytest.mark.parametrize("date", ["", "x", "1, 2", "Sun, 99 Mar 2026 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_date_that_is_none_says_nothing_of_the_clock(date: str) -> None:
    assert skew_seconds({"Date": date}, 0.0) is None
