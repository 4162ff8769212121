"""Causes that no server can be made to show."""

import errno
import http.client

import pytest
import requests
import urllib3.exceptions

from okta_source.http.network_error import explain
from okta_source.polling.outcome import TransportFailure


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
def test_a_process_that_may_not_open_more_files_says_so_and_does_not_blame_the_organisation(code: int) -> None:
    wrapped = urllib3.exceptions.NewConnectionError(None, "no socket")  # type: ignore[arg-type]
    wrapped.__cause__ = OSError(code, "Too many open files")
    failure = explain(requests.ConnectionError(wrapped), "https://acme.okta.com", 35.0)
    assert failure.error_type == "connection"
    assert "ulimit -n" in failure.fix


@pytest.mark.parametrize(
    "error",
    [
        http.client.BadStatusLine("Authorization: SSWS 00sEcReT"),
        http.client.UnknownProtocol("HTTP/00sEcReT"),
        ValueError("invalid literal for int() with base 16: b'00sEcReT'"),
        urllib3.exceptions.InvalidChunkLength(urllib3.HTTPResponse(), b"00sEcReT"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_http_is_not_repeated_since_it_may_be_the_credential(error: Exception) -> None:
    for wrapped in (error, requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", error))):
        failure = explain(wrapped, "https://acme.okta.com", 35.0)
        assert_not_repeated(failure)


def assert_not_repeated(failure: TransportFailure) -> None:
    assert "what came is no HTTP" in failure.detail
    assert "sEcReT" not in f"{failure.detail}{failure.fix}"


def test_a_connection_that_was_closed_says_so() -> None:
    failure = explain(http.client.RemoteDisconnected("Remote end closed connection without response"), "https://acme.okta.com", 35.0)
    assert "Remote end closed connection" in failure.detail
