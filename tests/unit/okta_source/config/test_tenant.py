"""A tenant's table: defaults, limits, addresses, the start, credentials and TLS."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from okta_source.config.tenant import SswsAuth, StartFrom, TenantConfig, TlsConfig

AUTH = {"method": "ssws", "token_env": "TOKEN"}
NOW = datetime(2026, 7, 3, 20, 43, 14, tzinfo=UTC)


def tenant(context: dict[str, Any] | None = None, **keys: object) -> TenantConfig:
    return TenantConfig.model_validate({"name": "acme", "org_url": "acme", "auth": AUTH, **keys}, context=context)


def messages(caught: pytest.ExceptionInfo[ValidationError]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(entry["loc"], entry["msg"]) for entry in caught.value.errors()]


def refused(**keys: object) -> str:
    with pytest.raises(ValidationError) as caught:
        tenant(**keys)
    found = messages(caught)
    assert [location[0] for location, _ in found] == list(keys), found
    return found[0][1]


def test_defaults() -> None:
    config = tenant()
    assert config.model_dump(exclude={"auth", "tls", "hooks", "start_from"}) == {
        "name": "acme",
        "display_name": "acme",
        "org_url": "https://acme.okta.com",
        "allowed_hosts": (),
        "poll_interval_seconds": 10.0,
        "page_limit": 1000,
        "filter": "",
        "q": "",
        "rate_limit_reserve": 0.1,
        "request_timeout_seconds": 35.0,
        "labels": {},
        "proxy": "",
    }
    assert config.start_from == StartFrom(look_back=timedelta())
    assert (config.auth.header, config.auth.prefix) == ("Authorization", "SSWS ")
    assert config.tls == TlsConfig()
    assert config.hooks is None
    assert (config.tls.verify, config.tls.verify_hostname, config.tls.ca_file) == (True, True, None)
    assert config.org_host == "acme.okta.com"


def test_every_key_is_taken() -> None:
    config = tenant(
        display_name="Acme Inc.",
        allowed_hosts=["Login.Acme.com", "login.acme.com:8443", "x.com:443"],
        poll_interval_seconds=5,
        start_from="24h",
        page_limit=10,
        filter='eventType eq "user.session.start"',
        q="one two",
        rate_limit_reserve=0,
        request_timeout_seconds=0.5,
        labels={"customer": "Acme"},
        proxy="http://proxy.acme.com:3128/",
        tls={"verify": False, "verify_hostname": False},
    )
    assert config.display_name == "Acme Inc."
    assert config.allowed_hosts == ("login.acme.com", "login.acme.com:8443", "x.com")
    assert config.poll_interval_seconds == 5.0
    assert config.start_from == StartFrom(look_back=timedelta(hours=24))
    assert config.filter == 'eventType eq "user.session.start"'
    assert config.proxy == "http://proxy.acme.com:3128"
    assert config.labels == {"customer": "Acme"}
    assert config.tls.verify is False


def test_a_tenant_is_frozen_and_its_error_shows_no_value() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        tenant().name = "other"
    with pytest.raises(ValidationError) as caught:
        tenant(proxy="http://user:hunter2@proxy")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("name", ["a", "0", "a_b-c", "a" * 63], ["", "A", "-a", "_a", "a.b", "a b", "ä", "a\n", "a" * 64, 1]),
        ("poll_interval_seconds", [1, 1.5, 86401], [0, 0.99, 86401.1, -1, True, "10", float("nan"), float("inf")]),
        ("page_limit", [1, 1000], [0, 1001, 10.0, True, "10"]),
        ("rate_limit_reserve", [0, 0.9], [-0.1, 0.91, True, "0.1", float("nan")]),
        ("request_timeout_seconds", [0.001, 300], [0, 300.1, False, float("inf")]),
        ("labels", [{}, {"a b": "c"}], [["a"], "a", 1]),
        ("q", ["", "a b", "w" * 40, " ".join("abcdefghij")], ["w" * 41, " ".join("abcdefghijk"), 1]),
        ("filter", ["", 'actor.id eq "00u1"'], [1, ["x"]]),
        ("allowed_hosts", [[], ["[::1]:8080"]], ["login.acme.com", {"a": 1}]),
        ("display_name", ["x"], [1]),
        ("auth", [AUTH], ["token", [AUTH]]),
        ("tls", [{}], ["", True]),
    ],
)
def test_limits_of_a_key(key: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        tenant(**{key: value})
    for value in bad:
        refused(**{key: value})


@pytest.mark.parametrize(
    "host", ["https://x.com", "x.com/", "x.com/path", "user@x.com", "", "a b", "x..com", "x.com:99999", "x.com:0", "-a"]
)
def test_an_allowed_host_is_a_host_and_nothing_else(host: str) -> None:
    assert "a host such as login.acme.com" in refused(allowed_hosts=[host])


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://acme.okta.com", "https://acme.okta.com"),
        ("https://acme.okta.com/", "https://acme.okta.com"),
        ("HTTPS://Acme.Okta.COM", "https://acme.okta.com"),
        (" https://acme.okta.com ", "https://acme.okta.com"),
        ("https://acme.okta.com:443", "https://acme.okta.com"),
        ("https://acme.okta.com:8443", "https://acme.okta.com:8443"),
        ("acme.okta.com", "https://acme.okta.com"),
        ("acme.okta.com:8443", "https://acme.okta.com:8443"),
        ("Acme", "https://acme.okta.com"),
        ("dev-123", "https://dev-123.okta.com"),
        ("acme.oktapreview.com", "https://acme.oktapreview.com"),
        ("acme.okta-emea.com", "https://acme.okta-emea.com"),
        ("acme.okta-gov.com", "https://acme.okta-gov.com"),
        ("acme.okta.mil", "https://acme.okta.mil"),
        ("https://login.acme.com", "https://login.acme.com"),
        ("https://site-admin.acme.com", "https://site-admin.acme.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://10.0.0.1", "https://10.0.0.1"),
    ],
)
def test_an_organisations_url_is_brought_to_its_origin(written: str, origin: str) -> None:
    config = tenant(org_url=written)
    assert config.org_url == origin
    assert config.org_host == origin.split("//")[1]


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "https://",
        "https://acme.okta.com/api/v1",
        "acme.okta.com/login",
        "https://acme.okta.com?x=1",
        "https://acme.okta.com#x",
        "https://user@acme.okta.com",
        "https://user:password@acme.okta.com",
        "https://@acme.okta.com",
        "ftp://acme.okta.com",
        "https://ac me.okta.com",
        "https://acme.okta.com\nX: y",
        "https://acme\t.okta.com",
        "https://acme..okta.com",
        "https://-acme.okta.com",
        "https://acme_x.okta.com",
        "https://äcme.okta.com",
        "https://acme.o\u212ata.com",  # the Kelvin sign, whose lower case is a plain k
        "https://acme.okta.com:0",
        "https://acme.okta.com:",
        "https://acme.okta.com:99999",
        "https://acme.okta.com:x",
        "https://[::1",
        "https://[::1%25eth0]",
        "https://" + "a." * 130 + "com",
        "https://acme.okta.com\\@evil.com",
    ],
)
def test_what_is_no_organisations_url(written: str) -> None:
    assert "without path, query or user" in refused(org_url=written)


@pytest.mark.parametrize(
    "written",
    ["http://acme.okta.com", "http://10.0.0.1:80", "http://127.0.0.1.evil.com", "http://localhost.evil.com",
     "http://[::2]", "http://[::ffff:127.0.0.1]", "http://128.0.0.1"],
)  # fmt: skip
def test_plain_http_is_for_this_machine_only(written: str) -> None:
    assert "http:// only for 127.0.0.0/8, ::1 and localhost" in refused(org_url=written)


@pytest.mark.parametrize("domain", ["okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"])
def test_the_admin_console_and_okta_itself_are_told_apart_from_the_organisation(domain: str) -> None:
    assert f"https://acme.{domain}, the organisation's own URL" in refused(org_url=f"https://acme-admin.{domain}/")
    assert f"https://acme.{domain}" in refused(org_url=domain)


@pytest.mark.parametrize(
    "proxy",
    ["proxy:3128", "socks5://proxy:1080", "http://user:hunter2@proxy:3128", "http://", "http://proxy/path", "x"],
)
def test_a_proxy_is_an_http_url_without_password(proxy: str) -> None:
    text = refused(proxy=proxy)
    assert "http://HOST:PORT or https://HOST:PORT" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("written", "since"),
    [
        ("now", NOW),
        ("30s", NOW - timedelta(seconds=30)),
        ("90m", NOW - timedelta(minutes=90)),
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("179d", NOW - timedelta(days=179)),
        ("2026-07-01", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026-07-01T08:00:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-07-01T08:00:00.250Z", datetime(2026, 7, 1, 8, microsecond=250_000, tzinfo=UTC)),
        ("2026-07-01T08:00:00+02:00", datetime(2026, 7, 1, 6, tzinfo=UTC)),
        (datetime(2026, 7, 1, 8, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 7, 1, 6, tzinfo=UTC)),
        (datetime(2026, 7, 1, 8), datetime(2026, 7, 1, 8, tzinfo=UTC)),  # noqa: DTZ001
        (datetime(2026, 7, 1).date(), datetime(2026, 7, 1, tzinfo=UTC)),  # noqa: DTZ001
    ],
)
def test_where_a_tenant_starts(written: object, since: datetime) -> None:
    start = tenant(start_from=written).start_from
    for now in (NOW, NOW.astimezone(timezone(timedelta(hours=-7)))):
        assert start.since(now) == since
        assert start.since(now).utcoffset() == timedelta()


@pytest.mark.parametrize("written", ["180d", "999999999d", "2015-01-01", "0001-01-01"])
def test_nobody_starts_further_back_than_okta_accepts(written: str) -> None:
    assert tenant(start_from=written).start_from.since(NOW) == NOW - timedelta(days=179)


@pytest.mark.parametrize(
    "written",
    ["", "yesterday", "Now", "0h", "-1h", "1.5h", "7 d", "7w", "7", "1" * 10 + "d", "٣d", "2026-13-01", "08:00",
     "0001-01-01T00:00:00+05:00", 5, True, ["now"]],
)  # fmt: skip
def test_what_is_no_start(written: object) -> None:
    assert "now, a look-back of 1 or more s, m, h or d" in refused(start_from=written)


def test_a_token_is_in_a_variable_or_in_a_file() -> None:
    context = {"folder": Path("/etc/okta")}
    in_file = tenant(context, auth={"method": "ssws", "token_file": "token"}).auth
    assert str(in_file.token) == "file /etc/okta/token"
    assert str(tenant(context, auth=AUTH).auth.token) == "environment variable TOKEN"
    assert str(tenant(auth={"method": "ssws", "token_file": "/abs"}).auth.token) == "file /abs"


@pytest.mark.parametrize(
    ("keys", "location", "text"),
    [
        ({}, "token_env", "missing; needed: exactly one of token_env"),
        ({"token_env": ""}, "token_env", "missing; needed: exactly one of token_env"),
        ({"token_env": "A", "token_file": "b"}, "token_env", "given beside token_file; needed: exactly one"),
        ({"token_env": "00abc"}, "token_env", "not the secret itself"),
        ({"token_env": "A B"}, "token_env", "not the secret itself"),
        ({"token_env": "A", "header": "X: y"}, "header", "the name of an HTTP header"),
        ({"token_env": "A", "header": ""}, "header", "the name of an HTTP header"),
        ({"token_env": "A", "prefix": "SSWS\n"}, "prefix", "printable ASCII"),
        ({"token_env": "A", "prefix": "ßSWS"}, "prefix", "printable ASCII"),
        ({"token_file": 3}, "token_file", "Path"),
    ],
)
def test_what_is_wrong_with_ssws(keys: dict[str, object], location: str, text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SswsAuth.model_validate({"method": "ssws", **keys})
    [(found, message)] = messages(caught)
    assert found == (location,)
    assert text in message


def test_header_and_prefix_may_be_others() -> None:
    auth = SswsAuth(method="ssws", token_env="A", header="X-Api-Key", prefix="")
    assert (auth.header, auth.prefix) == ("X-Api-Key", "")


@pytest.mark.parametrize("value", ["00abc def", "00abc\n\n", "00äbc", "00abc\t"])
def test_a_token_that_no_header_can_carry_is_told_without_showing_it(value: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(value)
    context = {"folder": tmp_path, "environ": {"TOKEN": value}}
    for key, name, place in (("token_env", "TOKEN", "variable TOKEN"), ("token_file", "token", f"file {tmp_path}/token")):
        with pytest.raises(ValidationError, match=rf"{place} holds a space") as caught:
            SswsAuth.model_validate({"method": "ssws", key: name}, context=context)
        assert [entry["loc"] for entry in caught.value.errors()] == [(key,)]
        assert "00a" not in str(caught.value)


def test_secrets_are_looked_up_only_in_a_given_environment() -> None:
    SswsAuth.model_validate(AUTH)
    SswsAuth.model_validate(AUTH, context={"environ": {"TOKEN": "00abc"}})
    with pytest.raises(ValidationError, match="environment variable TOKEN is not set or is empty"):
        SswsAuth.model_validate(AUTH, context={"environ": {}})


@pytest.fixture
def pem(tmp_path: Path) -> str:
    (tmp_path / "a.pem").write_text("PEM")
    return "a.pem"


def test_tls_files_count_from_the_folder(pem: str, tmp_path: Path) -> None:
    keys = {"ca_file": pem, "cert_file": pem, "key_file": pem, "key_password_env": "PASSWORD"}
    context = {"folder": tmp_path, "environ": {"PASSWORD": "x"}}
    tls = TlsConfig.model_validate(keys, context=context)
    assert tls.ca_file == tls.cert_file == tls.key_file == tmp_path / "a.pem"
    assert str(tls.key_password) == "environment variable PASSWORD"
    assert TlsConfig.model_validate({"ca_file": "", "key_password_env": ""}).key_password is None


@pytest.mark.parametrize(
    ("keys", "location", "text"),
    [
        ({"ca_file": "gone.pem"}, "ca_file", "gone.pem cannot be read: No such file or directory"),
        ({"ca_file": "."}, "ca_file", "cannot be read: Is a directory"),
        ({"ca_file": "a\0b"}, "ca_file", "cannot be read: not a path"),
        ({"ca_file": True}, "ca_file", "Path"),
        ({"key_file": "a.pem"}, "key_file", "given without cert_file"),
        ({"key_password_env": "PASSWORD"}, "key_password_env", "given without cert_file"),
        ({"cert_file": "a.pem", "key_password_env": "GONE"}, "key_password_env", "variable GONE is not set"),
        ({"verify": "false"}, "verify", "boolean"),
        ({"verify_hostname": 0}, "verify_hostname", "boolean"),
        ({"ca": "a.pem"}, "ca", "Extra inputs"),
    ],
)
def test_what_is_wrong_with_tls(keys: dict[str, object], location: str, text: str, pem: str, tmp_path: Path) -> None:
    context = {"folder": tmp_path, "environ": {"PASSWORD": "x"}}
    with pytest.raises(ValidationError) as caught:
        TlsConfig.model_validate(keys, context=context)
    [(found, message)] = messages(caught)
    assert found == (location,)
    assert text in message
