"""The table of a webhook sink."""

from pathlib import Path
from typing import Any

import pytest

from sinks.config import HecConfig, WebhookSinkConfig
from tests.unit.sinks.config.told import told

GOOD: dict[str, Any] = {"type": "webhook", "url": "https://siem.example.com/ingest"}
ENVIRON = {"TOKEN": "Splunk hunter2", "SECRET": "whsec_aHVudGVyMg==", "BAD": "hunter2\r\nhunter2", "BAD_SECRET": "hunter2 hunter2"}
URLS = "an http:// or https:// URL such as https://siem.example.com/ingest, without a fragment"
UNSENDABLE = "holds a line break, a space at one of its ends, or another character that no HTTP header can carry"


def made(**keys: object) -> WebhookSinkConfig:
    return WebhookSinkConfig.model_validate({**GOOD, **keys}, context={"environ": ENVIRON})


def wrong(**keys: object) -> list[str]:
    found = told(WebhookSinkConfig, {**GOOD, **keys}, environ=ENVIRON)
    assert "hunter2" not in repr(found)
    return found


def test_defaults() -> None:
    sink = made(secret_env="", secret_file="")
    assert (sink.encoding, sink.has_secret, sink.headers, sink.headers_env, sink.headers_file) == ("json", False, {}, {}, {})
    assert (sink.batch_events, sink.batch_bytes, sink.max_in_flight, sink.request_timeout_seconds) == (500, 5_000_000, 4, 30.0)
    assert sink.hec == HecConfig(sourcetype="OktaIM2:log", source="okta", index="", host="")


@pytest.mark.parametrize("url", ["https://x", "http://[::1]:8088/a/b?c=d&e", "HTTPS://x/", "https://x/%2F//y/"])
def test_a_url_stays_as_it_is_written(url: str) -> None:
    assert made(url=url).url == url


@pytest.mark.parametrize(
    "url", ["siem.example.com/ingest", "/ingest", "https://", "ftp://x/", "https://x/#a", "https://x/a b", "https://x/ä"]
)
def test_urls_that_are_none(url: str) -> None:
    [line] = wrong(url=url)
    assert line.startswith("url: ")
    assert line.endswith(f" is not allowed; allowed: {URLS}")


def test_a_url_holds_no_password() -> None:
    reason = "a URL without user and password: credentials go into headers_env or headers_file (this file holds no secrets)"
    assert wrong(url="https://user:hunter2@x/") == [f'url: "https://***@x/" is not allowed; allowed: {reason}']


def test_secrets() -> None:
    assert made(secret_env="SECRET").has_secret
    assert wrong(secret_env="GONE") == ["secret_env: environment variable GONE is not set or is empty"]
    assert wrong(secret_file="/gone") == ["secret_file: file /gone cannot be read: No such file or directory"]
    [line] = wrong(secret_env="BAD_SECRET")
    assert line.startswith("secret_env: environment variable BAD_SECRET: a signing secret is base64")


def test_a_secret_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_aHVudGVyMg==\n")
    file = str(tmp_path / "secret")
    assert made(secret_file=file).secret_file == tmp_path / "secret"
    assert wrong(secret_env="SECRET", secret_file=file) == ["secret_env: given beside secret_file; needed: one of the two"]
    (tmp_path / "secret").write_bytes(b"\xff")
    assert wrong(secret_file=file) == [f"secret_file: file {file} cannot be read: its path or its content is not UTF-8 text"]


def test_headers(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc\n")
    sink = made(
        headers={"X-Source": "okta", "X-Empty": ""}, headers_env={"Authorization": "TOKEN"}, headers_file={"X-Key": str(tmp_path / "key")}
    )
    assert sink.headers == {"X-Source": "okta", "X-Empty": ""}
    assert sink.headers_env == {"Authorization": "TOKEN"}
    assert sink.headers_file == {"X-Key": tmp_path / "key"}


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        ({"headers": {"X-A": 3}}, ["headers.X-A: *** is not allowed; allowed: a table of headers, in which every value is text in quotes"]),
        ({"headers": {"X-A": "hunter2\n"}}, [f"headers.X-A: the value {UNSENDABLE}"]),
        ({"headers": {"X-A": " hunter2"}}, [f"headers.X-A: the value {UNSENDABLE}"]),
        ({"headers": {"X-A": "hunter2ä"}}, [f"headers.X-A: the value {UNSENDABLE}"]),
        ({"headers": "X-A: hunter2"}, ["headers: *** is not allowed; allowed: a table of headers, in which every value is text in quotes"]),
        (
            {"headers": {"X A": "", "": "", "x-b": "", "X-B": ""}},
            [
                "headers: 'X A' is no name of an HTTP header; '' is no name of an HTTP header; "
                "X-B stands there twice; upper and lower case mean the same"
            ],
        ),
        (
            {"headers": {"Content-Type": "x", "Webhook-Id": "x", "HOST": "x"}},
            ["headers: " + "; ".join(f"{name} is set by the sink itself; leave it out" for name in ("Content-Type", "Webhook-Id", "HOST"))],
        ),
        ({"headers_env": {"webhook-signature": "TOKEN"}}, ["headers_env: webhook-signature is set by the sink itself; leave it out"]),
        (
            {"headers": {"X-A": "x"}, "headers_env": {"x-a": "TOKEN"}},
            ["headers_env: x-a stands in headers already; a header has one value"],
        ),
        (
            {"headers_env": {"X-A": ""}},
            ["headers_env.X-A: *** is not allowed; allowed: the name of an environment variable that holds the header's value"],
        ),
        (
            {"headers_env": {"Authorization": "Splunk hunter2"}},
            [
                "headers_env.Authorization: *** is not allowed; "
                "allowed: the name of an environment variable (letters, digits and _), not the secret itself"
            ],
        ),
        ({"headers_env": {"Authorization": "GONE"}}, ["headers_env.Authorization: environment variable GONE is not set or is empty"]),
        ({"headers_env": {"Authorization": "BAD"}}, [f"headers_env.Authorization: environment variable BAD {UNSENDABLE}"]),
        (
            {"headers_file": {"Authorization": "/gone"}},
            ["headers_file.Authorization: file /gone cannot be read: No such file or directory"],
        ),
        (
            {"headers_file": {"Authorization": ""}},
            ['headers_file.Authorization: "" is not allowed; allowed: the path of a file that holds the header\'s value'],
        ),
        ({"headers_file": {"Authorization": "/dev/null"}}, ["headers_file.Authorization: file /dev/null is empty"]),
    ],
)
def test_headers_that_are_refused(keys: dict[str, Any], lines: list[str]) -> None:
    assert wrong(**keys) == lines


def test_hec_goes_with_its_encoding() -> None:
    sink = made(encoding="hec", hec={"index": "main", "host": "okta"})
    assert sink.hec == HecConfig(index="main", host="okta")
    refused = 'hec: given without encoding = "hec"; needed: that encoding, or no such table'
    assert wrong(hec={}) == [refused]
    assert wrong(encoding="ndjson", hec={"index": "main"}) == [refused]
    assert wrong(encoding="hec", hec={"indx": "main", "source": 3}) == [
        "hec.source: 3 is not allowed; allowed: a text",
        "hec.indx: unknown key; did you mean index? allowed: host, index, source, sourcetype",
    ]
    assert wrong(encoding="xml", hec={"index": "main"}) == ['encoding: "xml" is not allowed; allowed: json, ndjson, hec, slack, pagerduty']


def test_what_deserves_a_look() -> None:
    assert list(made(url="http://siem/", headers_env={"X": "TOKEN"}).plain_to_others()) == [("url",)]
    assert list(made(url="http://127.0.0.1/", headers_env={"X": "TOKEN"}).plain_to_others()) == []
    assert list(made(url="http://siem/", secret_env="SECRET").plain_to_others()) == []
    assert list(made(headers={"X-Source": "x", "AUTHORIZATION": "x"}).bare_credentials()) == [("headers", "AUTHORIZATION")]


def test_a_url_that_is_a_secret_is_named_and_never_shown(tmp_path: Path) -> None:
    secret = "https://hooks.example.com/services/T0/B0/hunter2"
    (tmp_path / "url").write_text(secret + "\n")
    environ = {"HOOK_URL": secret, "ODD": "hunter2", "PLAIN": "http://hooks.example.com/hunter2"}
    bare: dict[str, Any] = {"type": "webhook"}
    assert WebhookSinkConfig.model_validate(bare | {"url_env": "HOOK_URL"}, context={"environ": environ}).url_env == "HOOK_URL"
    assert WebhookSinkConfig.model_validate(bare | {"url_file": str(tmp_path / "url")}, context={"environ": environ}).url == ""
    for given, words in [
        ({}, "url: "),
        ({"url": "https://x/", "url_env": "HOOK_URL"}, "url: given beside url_env or url_file"),
        ({"url_file": str(tmp_path / "url"), "url_env": "HOOK_URL"}, "url_env: given beside url_file"),
        ({"url_env": "NOT_THERE"}, "url_env: "),
        ({"url_env": "ODD"}, "url_env: environment variable ODD does not hold an http:// or https:// URL"),
        ({"url_env": "PLAIN"}, "url_env: environment variable PLAIN holds an http:// URL"),
    ]:
        lines = told(WebhookSinkConfig, bare | given, environ=environ)
        assert [line.startswith(words) for line in lines] == [True], lines
        assert "hunter2" not in str(lines)
