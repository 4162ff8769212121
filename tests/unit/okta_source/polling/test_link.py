"""The Link header in every form, and the guard that keeps a credential at home."""

import pytest

from okta_source.polling.link import host_of, is_allowed, next_link, query_limit
from okta_source.polling.verdict import foreign_link

SELF = '<https://acme.okta.com/api/v1/logs>; rel="self"'
URL = "https://acme.okta.com/api/v1/logs?limit=1000&after=1783111394963_1"


@pytest.mark.parametrize(
    "header",
    [
        f'<{URL}>; rel="next"',
        f'{SELF}, <{URL}>; rel="next"',  # one line, or two lines that the HTTP library has joined
        f'<{URL}>; rel="next", {SELF}',
        f'{SELF},<{URL}>;rel="next"',
        f"{SELF}, <{URL}>; rel=next",
        f"<{URL}>;rel=next,{SELF}",
        f'<{URL}>; REL="NEXT"',
        f'<{URL}>; title="a, b; <c>"; rel="next"',
        f'<{URL}>; title="say \\"no\\", then"; rel="next"; type="application/json"',
        f'<{URL}>; rel="next prev"',
        f'<{URL}> ; rel = "next"',
        f'<https://acme.okta.com/x>; title="rel=\\"next\\""; rel="self", <{URL}>; rel="next"',
        f'<https://acme.okta.com/first>; rel="self"; rel="next", <{URL}>; rel="next"',  # only a link's first rel counts
        f'<https://acme.okta.com/odd> odd, <{URL}>; rel="next"',
        f', ,<{URL}>; rel="next",',
    ],
)
def test_next_is_found(header: str) -> None:
    assert next_link(header) == URL


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.okta.com/api/v1/logs?after=a%2Bb%2fc%3D&limit=5",
        "https://acme.okta.com/api/v1/logs?after=a,b;c&filter=actor.id%20eq%20%22x%22",
        "https://acme.okta.com/api/v1/logs?after=a+b=%20",
    ],
)
def test_the_target_is_kept_byte_for_byte(url: str) -> None:
    assert next_link(f'{SELF}, <{url}>; rel="next"') == url


@pytest.mark.parametrize(
    "header",
    [None, "", SELF, "nonsense", "<unclosed; rel=next", f'<{URL}>; rel="nextish"', f"<{URL}>", f'<{URL}>; title="next"', f"<{URL}>; rel"],
)
def test_there_is_no_next(header: str | None) -> None:
    assert next_link(header) is None


def test_a_long_hostile_header_takes_no_time() -> None:
    for hostile in ('<a>; t="' + "\\" * 100_000, "<" * 100_000, "<a>" + "; x" * 50_000, "<a>,;" * 50_000):
        assert next_link(hostile) is None


ORG = "https://acme.okta.com"


@pytest.mark.parametrize(
    ("url", "org", "hosts"),
    [
        (URL, ORG, ()),
        ("https://ACME.okta.com/api/v1/logs", ORG, ()),
        ("HTTPS://acme.okta.com/api/v1/logs", ORG, ()),
        ("https://acme.okta.com:443/api/v1/logs", ORG, ()),
        ("https://login.acme.com/api/v1/logs", ORG, ("login.acme.com",)),
        ("https://login.acme.com:8443/api/v1/logs", ORG, ("other", "login.acme.com:8443")),
        ("https://acme.okta.com/api/v1/logs", "https://login.acme.com", ("acme.okta.com",)),
        ("http://127.0.0.1:8080/api/v1/logs", "http://127.0.0.1:8080", ()),
        ("http://[::1]:8080/api/v1/logs", "http://[::1]:8080", ()),
        ("https://acme.okta.com/api/v1/logs?x=https://evil.example/", ORG, ()),
    ],
)
def test_the_organisations_own_hosts_are_allowed(url: str, org: str, hosts: tuple[str, ...]) -> None:
    assert is_allowed(url, org, hosts)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/api",
        "https://evil.example/?https://acme.okta.com",
        "https://evil.example/https://acme.okta.com/",
        "https://acme.okta.com.evil.example/api",
        "https://evil-acme.okta.com/api",
        "https://okta.com/api",
        "https://acme.oktapreview.com/api",
        "http://acme.okta.com/api",
        "ftp://acme.okta.com/api",
        "//acme.okta.com/api",
        "/api/v1/logs?after=1",
        "",
        "https://acme.okta.com:8443/api",
        "https://acme.okta.com@evil.example/api",
        "https://user@acme.okta.com/api",
        "https://user:secret@acme.okta.com/api",
        "https://evil.example\\@acme.okta.com/api",
        "https://acme.okta.com\\.evil.example/api",
        "https://evil.example#@acme.okta.com/api",
        "https://acme.okta.com\t.evil.example/",
        "https://acme.okta.com/\r\nX-Evil: 1",
        " https://acme.okta.com/api",
        "https://acme.okta.com /api",
        "https://\u0430cme.okta.com/api",  # a Cyrillic a
        "https://acme.okta.com:x/api",
        "https://acme.okta.com:99999/api",
        "https://acme.okta.com:0/api",
        "https://[acme.okta.com/api",
        "https://acme.okta.com\x7f/api",
        "https://acme.okta.com/api\x7f",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    assert not is_allowed(url, ORG, ("login.acme.com",))


def test_an_allowed_host_is_allowed_at_its_own_port_only() -> None:
    assert not is_allowed("https://login.acme.com:8443/api", ORG, ("login.acme.com",))
    assert not is_allowed("https://login.acme.com/api", ORG, ("login.acme.com:8443",))


@pytest.mark.parametrize(
    ("url", "limit"),
    [
        ("https://a/api/v1/logs", 100),
        ("https://a/api/v1/logs?after=1", 100),
        ("https://a/api/v1/logs?limit=5", 5),
        ("https://a/api/v1/logs?after=1&limit=1000", 1000),
        ("https://a/api/v1/logs?xlimit=5&limits=6", 100),
        ("https://a/api/v1/logs?limit=x", 100),
        ("https://a/api/v1/logs?filter=limit%3D7&limit=8&after=limit", 8),
    ],
)
def test_the_page_size_is_read_from_the_url(url: str, limit: int) -> None:
    assert query_limit(url) == limit


def test_the_host_for_messages_holds_no_user() -> None:
    assert host_of("https://user:secret@evil.example:8443/x") == "evil.example:8443"
    assert host_of("https://[broken") == ""
    assert host_of("/relative") == ""


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api/v1/users",
        "/api/v1/logs/",
        "/api/v1/logs/../users",
        "/api/v1/LOGS",
        "/api/v1//logs",
        "/api/v1/logs;x",
        "/%61pi/v1/logs",
    ],
)
def test_no_link_leads_elsewhere_than_to_the_system_log(path: str) -> None:
    assert not is_allowed(f"https://acme.okta.com{path}?after=1", "https://acme.okta.com")
    told = foreign_link(f"https://acme.okta.com{path}?after=1", "https://acme.okta.com")
    assert "leads elsewhere than to its System Log" in told.message
    assert "allowed_hosts" not in told.fix


@pytest.mark.parametrize(
    "link", ["HT_TP://acme.okta.com/x?00sEcReT", "https://[::1]/x?00sEcReT", "00sEcReT", "https://00sEcReT:00sEcReT@/"]
)
def test_of_a_link_without_a_host_nothing_is_shown(link: str) -> None:
    told = foreign_link(link, "https://acme.okta.com")
    assert "leads to no host that could be one" in told.message
    assert "00sEcReT" not in str(told)


def test_of_a_link_to_another_host_only_the_host_is_shown() -> None:
    told = foreign_link("https://00sEcReT@Other.Example.com:8443/x?00sEcReT", "https://acme.okta.com")
    assert 'allowed_hosts = ["other.example.com:8443"]' in told.fix
    assert "00sEcReT" not in str(told)
