"""OAuth's errors, in a body or in a header."""

import pytest

from okta_source.polling.oauth_error import OAuthError, oauth_error_of
from tests.unit.okta_source.fakes import headers


@pytest.mark.parametrize(
    ("header", "body", "error"),
    [
        ("", b'{"error":"invalid_client","error_description":"No."}', OAuthError("invalid_client", "No.")),
        ("", b'{"error":"invalid_client"}', OAuthError("invalid_client", "")),
        ("", b'{"error":"invalid_client","error_description":null}', OAuthError("invalid_client", "")),
        ('Bearer error="a", error_description="b"', b"", OAuthError("a", "b")),
        ('bearer realm="error=x", error_description="say \\"no\\"", error="a"', b"<html>", OAuthError("a", 'say "no"')),
        ('DPoP algs="RS256", error="a"', b'{"errorCode":"E0000011"}', OAuthError("a", "")),
        ("Bearer", b"", OAuthError("", "")),
        ('Bearer error="header"', b'{"error":"body"}', OAuthError("body", "")),
        ('Basic error="a"', b"", None),
        ("", b"", None),
        ("", b"[]", None),
        ("", b'{"error":5}', None),
        ("", b'{"error":""}', None),
        ("", b"\xff", None),
        ("", b'{"x":' + b"[" * 100_000, None),
    ],
)
def test_where_an_error_stands(header: str, body: bytes, error: OAuthError | None) -> None:
    assert oauth_error_of(headers(WWW_Authenticate=header), body) == error


def test_it_reads_as_code_and_text_in_bounds() -> None:
    assert str(OAuthError("a", "b")) == "a: b"
    assert str(OAuthError("", "b")) == "b"
    long = oauth_error_of({}, b'{"error":"' + b"x" * 1000 + b'","error_description":"' + b"y" * 1000 + b'"}')
    assert len(str(long)) < 700
