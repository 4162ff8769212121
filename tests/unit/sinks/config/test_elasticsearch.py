"""The table of a search sink."""

from pathlib import Path
from typing import Any

import pytest

from sinks.config import ElasticsearchSinkConfig
from tests.unit.sinks.config.told import told

GOOD: dict[str, Any] = {"type": "elasticsearch", "hosts": ["https://localhost:9200"], "target": "logs-okta.system-default"}
ENVIRON = {"PASSWORD": "päss word", "KEY": "aWQ6a2V5", "BAD_KEY": "hunter2\nhunter2"}
HOSTS = "an http:// or https:// URL such as https://localhost:9200, maybe with a path, without query; also localhost:9200"
TARGETS = (
    "the name of an index or data stream such as logs-okta.bytewax-default, in which {tenant} and {date} may stand and no other braces: "
    'lower case, without \\ / * ? " < > | , # : and spaces, at most 255 bytes, not beginning with -, _, + or a placeholder'
)

ONE_PASSWORD = "exactly one of password_env (a variable's name) and password_file (a path)"
NO_SECRET = "*** is not allowed; allowed: the name of an environment variable (letters, digits and _), not the secret itself"


def made(**keys: object) -> ElasticsearchSinkConfig:
    return ElasticsearchSinkConfig.model_validate({**GOOD, **keys}, context={"environ": ENVIRON})


def wrong(**keys: object) -> list[str]:
    found = told(ElasticsearchSinkConfig, {**GOOD, **keys}, environ=ENVIRON)
    assert "hunter2" not in repr(found)
    return found


def test_defaults() -> None:
    sink = made(api_key_env="", api_key_file="", password_env="", password_file="", ca_file="")
    assert (sink.manage_template, sink.compression, sink.has_credentials) == (True, "none", False)
    assert (sink.batch_events, sink.batch_bytes, sink.max_in_flight, sink.request_timeout_seconds) == (2000, 5_000_000, 4, 30.0)
    assert (sink.ca_file, sink.cert_file, sink.key_file, sink.key_password_env) == (None, None, None, "")
    assert (sink.verify, sink.verify_hostname) == (True, True)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("https://localhost:9200", "https://localhost:9200"),
        ("http://localhost:9200/", "http://localhost:9200"),
        ("https://es.example.com/search/v8//", "https://es.example.com/search/v8"),
        ("localhost:9200", "https://localhost:9200"),
        ("es_node-1:9200", "https://es_node-1:9200"),
        ("es.example.com/search", "https://es.example.com/search"),
        ("https://[::1]:9200", "https://[::1]:9200"),
        ("10.0.0.1", "https://10.0.0.1"),
    ],
)
def test_hosts_in_one_form(given: str, host: str) -> None:
    assert made(hosts=[given]).hosts == (host,)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "https://",
        "ftp://x",
        "https://x:0",
        "https://x:",
        "https://x:99999",
        "https://x?y",
        "https://x/#y",
        "https://x y",
        "https://x\n",
        "https://ä",
        "https://[::1",
        "https://x..y",
        "https://[1.2.3.4]",
        "https://x/../y",
    ],
)
def test_hosts_that_are_none(host: str) -> None:
    [line] = wrong(hosts=["https://fine", host])
    assert line.startswith("hosts[1]: ")
    assert line.endswith(f" is not allowed; allowed: {HOSTS}")


def test_a_host_holds_no_password() -> None:
    reason = "a URL without user and password, which go into username and password_env (this file holds no secrets)"
    assert wrong(hosts=["https://elastic:hunter2@localhost:9200", "elastic:hunter2@localhost:9200"]) == [
        f'hosts[0]: "https://***@localhost:9200" is not allowed; allowed: {reason}',
        f'hosts[1]: "***@localhost:9200" is not allowed; allowed: {reason}',
    ]


def test_at_least_one_host() -> None:
    assert wrong(hosts=[]) == [f"hosts: an empty array is not allowed; allowed: a list of at least one host, {HOSTS}"]


@pytest.mark.parametrize(
    "target",
    [
        "logs-okta.system-default",
        "logs-okta.system-{tenant}",
        "okta-{tenant}-{date}",
        "o{date}",
        ".okta",
        "okta-ä",
        "x" * 255,
        "x" * 192 + "{tenant}",
    ],
)
def test_targets_that_are_allowed(target: str) -> None:
    assert made(target=target).target == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        ".",
        "..",
        "Okta",
        "okta-Ä",
        "_okta",
        "-okta",
        "+okta",
        "{tenant}-okta",
        "{date}",
        "okta-{hour}",
        "okta-{}",
        "okta-{tenant",
        "okta-{tenant!r}",
        *(f"okta{char}" for char in '\\/*?"<>| ,#:\n\0'),
        "x" * 256,
        "ä" * 128,
        "x" * 193 + "{tenant}",
    ],
)
def test_targets_that_are_not(target: str) -> None:
    [line] = wrong(target=target)
    assert line.startswith("target: ")
    assert line.endswith(f" is not allowed; allowed: {TARGETS}")


@pytest.mark.parametrize(
    "keys",
    [
        {"api_key_env": "KEY"},
        {"api_key_file": "key"},
        {"username": "elastic", "password_env": "PASSWORD"},
        {"username": "elastic", "password_file": "password"},
    ],
)
def test_one_way_to_say_who_one_is(keys: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("aWQ6a2V5\n")
    (tmp_path / "password").write_text("secret\n")
    sink = ElasticsearchSinkConfig.model_validate({**GOOD, **keys}, context={"environ": ENVIRON, "folder": tmp_path})
    assert sink.has_credentials
    assert [sink.api_key_file, sink.password_file] == [
        tmp_path / keys[key] if key in keys else None for key in ("api_key_file", "password_file")
    ]


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        (
            {"username": "elastic"},
            [f"password_env: missing beside username; needed: {ONE_PASSWORD}"],
        ),
        ({"password_env": "PASSWORD"}, ["password_env: given without username; needed: the user whose password it is"]),
        ({"password_file": "x"}, ["password_file: given without username; needed: the user whose password it is"]),
        (
            {"username": "elastic", "password_env": "PASSWORD", "password_file": __file__},
            [f"password_env: given beside password_file; needed: {ONE_PASSWORD}"],
        ),
        (
            {"api_key_env": "KEY", "api_key_file": __file__},
            [
                f"api_key_file: file {__file__} holds a line break, a space at one of its ends, "
                "or another character that no HTTP header can carry"
            ],
        ),
        (
            {"username": "elastic", "password_env": "PASSWORD", "api_key_env": "KEY"},
            ["api_key_env: given beside username; needed: an API key, or a user and a password, not both"],
        ),
        (
            {"username": "elastic", "password_env": "PASSWORD", "api_key_file": "x"},
            ["api_key_file: given beside username; needed: an API key, or a user and a password, not both"],
        ),
        ({"api_key_env": "GONE"}, ["api_key_env: environment variable GONE is not set or is empty"]),
        ({"username": "elastic", "password_env": "GONE"}, ["password_env: environment variable GONE is not set or is empty"]),
        ({"username": "elastic", "password_file": "/gone"}, ["password_file: file /gone cannot be read: No such file or directory"]),
        ({"api_key_file": "/dev/null"}, ["api_key_file: file /dev/null is empty"]),
        (
            {"api_key_env": "BAD_KEY"},
            [
                "api_key_env: environment variable BAD_KEY holds a line break, a space at one of its ends, "
                "or another character that no HTTP header can carry"
            ],
        ),
        (
            {"api_key_env": "ApiKey hunter2"},
            [f"api_key_env: {NO_SECRET}"],
        ),
        ({"username": "a:b", "password_env": "PASSWORD"}, ['username: "a:b" is not allowed; allowed: a user\'s name, without a colon']),
    ],
)
def test_credentials_that_are_half_or_double_or_not_there(keys: dict[str, str], lines: list[str]) -> None:
    assert wrong(**keys) == lines


def test_an_api_key_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("aWQ6a2V5")
    assert wrong(api_key_env="KEY", api_key_file=str(tmp_path / "key")) == [
        "api_key_env: given beside api_key_file; needed: one of the two"
    ]


def test_without_an_environment_no_secret_is_looked_up() -> None:
    ElasticsearchSinkConfig.model_validate({**GOOD, "api_key_env": "GONE"})
    ElasticsearchSinkConfig.model_validate({**GOOD, "username": "x", "password_file": "/gone"})


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        ({"key_file": __file__}, ["key_file: given without cert_file; needed: the certificate that this key belongs to"]),
        (
            {"key_password_env": "PASSWORD"},
            ["key_password_env: given without cert_file; needed: the certificate whose key this password opens"],
        ),
        ({"cert_file": __file__, "key_password_env": "GONE"}, ["key_password_env: environment variable GONE is not set or is empty"]),
        ({"ca_file": "/gone.pem"}, ["ca_file: file /gone.pem cannot be read: No such file or directory"]),
        ({"verify": 1}, ["verify: 1 is not allowed; allowed: true or false"]),
        ({"batch_events": 0}, ["batch_events: 0 is not allowed; allowed: whole numbers from 1 to 100000"]),
        ({"batch_events": 100001}, ["batch_events: 100001 is not allowed; allowed: whole numbers from 1 to 100000"]),
        ({"batch_bytes": 0}, ["batch_bytes: 0 is not allowed; allowed: whole numbers from 1 to 100000000"]),
        ({"max_in_flight": 65}, ["max_in_flight: 65 is not allowed; allowed: whole numbers from 1 to 64"]),
        ({"request_timeout_seconds": 0}, ["request_timeout_seconds: 0 is not allowed; allowed: more than 0, up to 300"]),
        ({"retention": "90"}, ['retention: "90" is not allowed; allowed: a number of days or hours, such as 90d']),
        (
            {"retention": "90d", "manage_template": False},
            [
                "retention: is set with the index template; leave manage_template at true, or leave retention out and set a lifecycle "
                "yourself"
            ],
        ),
        ({"compression": "zstd"}, ['compression: "zstd" is not allowed; allowed: none, gzip']),
        (
            {"index": "x"},
            [
                "index: unknown key; did you mean kinds? allowed: api_key_env, api_key_file, batch_bytes, batch_events, ca_file, "
                "categories, cert_file, compression, event_original, event_types, format, hosts, key_file, key_password_env, kinds, "
                "level_at_least, manage_template, max_in_flight, on_exhausted, password_env, password_file, raw_data, "
                "request_timeout_seconds, retention, retry_for_seconds, severity_at_least, target, tenants, type, username, verify, "
                "verify_hostname"
            ],
        ),
    ],
)
def test_other_keys(keys: dict[str, Any], lines: list[str]) -> None:
    assert wrong(**keys) == lines


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        ("http://es:9200", True),
        ("http://10.0.0.1", True),
        ("https://es:9200", False),
        ("http://localhost", False),
        ("http://127.0.0.9", False),
    ],
)
def test_where_credentials_travel_in_the_clear(host: str, is_open: bool) -> None:
    hosts = ["https://x", host]
    assert list(made(hosts=hosts, api_key_env="KEY").plain_to_others()) == ([("hosts", 1)] if is_open else [])
    assert list(made(hosts=hosts).plain_to_others()) == []
