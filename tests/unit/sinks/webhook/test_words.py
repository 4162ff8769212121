import json

import pytest

from sinks.http.masking import mask_of
from sinks.webhook.words import public_url, secrets_in, words


def nothing_hidden(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b"null", "null"),
        (b"plain words", "plain words"),
        (b'{"message": "m", "error": "e"}', "m"),
        (b'{"error": "e", "text": "t"}', "e"),
        (b'{"text":"Invalid token","code":4}', "Invalid token"),
        (b'{"error": {"code": 7, "message": "inner"}}', "inner"),
        (b'{"message": "", "detail": "d", "title": "t"}', "d"),
        (b'{"message": 5}', '{"message": 5}'),
        (b'["a"]', '["a"]'),
        (b'{"message": "two\\nlines\\u0000\\u001b[31m\\u2028red"}', "two lines [31m red"),
        (
            b"<!DOCTYPE html><style>p {color: red}</style><title>403 Forbidden</title><p>nginx</p><script>x < y</script>",
            "403 Forbidden nginx",
        ),
        (b"\xff\xfe words", "\ufffd\ufffd words"),
        (b'{"message": ', '{"message":'),
        (b"[" * 100_000, "[" * 199 + "…"),
        (b"x" * 300, "x" * 199 + "…"),
    ],
)
def test_words_are_the_receivers_own_on_one_short_line(body, said):
    assert words(body, nothing_hidden) == said


@pytest.mark.parametrize(
    "body",
    [
        b"no token to/ken+1 here",
        b'{"message": "no token to\\/ken+1 here"}',
        b'{"other": "no token to\\u002fken+1 here", "url": "to%2Fken%2B1"}',
        b"x" * 195 + b"to/ken+1",
        b"<p>to/ken+1</p>",
    ],
)
def test_a_secret_that_the_receiver_repeats_is_hidden(body):
    said = words(body, mask_of(["Splunk to/ken+1"]))
    assert "***" in said or said.endswith("…")
    for shown in ("to/ken", "to%2F", "ken+1"):
        assert shown not in said


def test_a_longer_secret_leaves_nothing_of_itself_behind():
    assert mask_of(["Basic abcd", "abcd", "abcdefgh"])("abcdefgh Basic abcd abcd") == "*** *** ***"


def test_without_secrets_nothing_is_hidden():
    assert mask_of(["", "ok"])("ok, nothing") == "ok, nothing"


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://siem.example.com/ingest", "https://siem.example.com/ingest"),
        ("https://user:pass@siem.example.com:8443/a/b?token=s3cret#part", "https://siem.example.com:8443/a/b"),
        ("http://[::1]:8088", "http://[::1]:8088"),
    ],
)
def test_a_public_url_has_no_credentials(url, public):
    assert public_url(url) == public


def test_what_a_url_hides_is_hidden_in_words_too():
    mask = mask_of(secrets_in("https://user:hunter22@siem.example.com/ingest?token=to%2Fken&x=1"))
    assert mask("hunter22 to/ken to%2Fken") == "*** *** ***"


def test_json_escapes_hide_nothing_from_the_mask():
    secret = 'se"cr\\et'
    assert words(json.dumps({"other": secret}).encode(), mask_of([secret])) == '{"other": "***"}'
