"""Causes that no server can be made to show."""

import errno

import pytest
import requests
import urllib3.exceptions

from okta_source.http.network_error import explain


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
def test_a_process_that_may_not_open_more_files_says_so_and_does_not_blame_the_organisation(code: int) -> None:
    wrapped = urllib3.exceptions.NewConnectionError(None, "no socket")  # type: ignore[arg-type]
    wrapped.__cause__ = OSError(code, "Too many open files")
    failure = explain(requests.ConnectionError(wrapped), "https://acme.okta.com", 35.0)
    assert failure.error_type == "connection"
    assert "ulimit -n" in failure.fix
