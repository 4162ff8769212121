"""okta.toml as a whole: what a good one becomes, and everything that is wrong with a bad one, at once."""

import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from flows.configuration.settings import ConfigurationError, Settings, load
from okta_source.config.tenant import StartFrom
from tests.unit.okta_source.wire import certificate

GOOD = """
[[tenants]]
name = "acme"
org_url = "acme"
auth = { method = "ssws", token_env = "TOKEN" }

[sinks.archive]
type = "file"
path = "data/{tenant}/{date}.ndjson"
"""
SECRET = "00hunter2"
ENVIRON = {"TOKEN": SECRET, "OTHER_TOKEN": "00other"}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def write_file(text: str, name: str = "okta.toml") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write_file


def problems(environ: dict[str, str] = ENVIRON, path: str | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ)
    lines = str(caught.value).split("\n")
    assert lines == [str(problem) for problem in caught.value.problems]
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return lines


def test_a_small_file_has_defaults_for_all_the_rest(write, tmp_path: Path) -> None:
    file = write(GOOD)
    settings = load(environ=ENVIRON)
    assert isinstance(settings, Settings)
    assert settings.path == file
    assert settings.warnings == ()
    assert settings.pipeline.format == "raw"
    assert settings.pipeline.dead_letter_dir == tmp_path / "data/dead-letter"
    assert settings.pipeline.dedupe_window_seconds == 3600.0
    assert settings.pipeline.retired == ()
    [tenant] = settings.tenants
    assert (tenant.name, tenant.org_url) == ("acme", "https://acme.okta.com")
    assert tenant.start_from == StartFrom.parse("now")
    assert list(settings.sinks) == ["archive"]
    assert settings.sinks["archive"].path == str(tmp_path / "data/{tenant}/{date}.ndjson")
    assert settings.sinks["archive"].format == "raw"


def test_a_full_file(write, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir(exist_ok=True)
    certificate(tmp_path / "conf", "acme.okta.com")
    write("00abc\n", "conf/acme.token").chmod(0o600)
    write(
        """
        [pipeline]
        format = "raw"
        dead_letter_dir = "/var/dead"
        dedupe_window_seconds = 60
        retired = ["former"]

        [[tenants]]
        name = "acme"
        display_name = "Acme Inc."
        org_url = "https://acme.okta.com"
        allowed_hosts = ["login.acme.com"]
        poll_interval_seconds = 2.5
        start_from = 2026-01-31T08:00:00Z
        page_limit = 500
        filter = 'eventType sw "user."'
        q = "word"
        rate_limit_reserve = 0.5
        request_timeout_seconds = 60
        labels = { customer = "Acme", workspace = "emea" }
        proxy = "http://proxy:3128"
        [tenants.auth]
        method = "ssws"
        token_file = "acme.token"
        header = "X-Token"
        prefix = ""
        [tenants.tls]
        ca_file = "cert.pem"
        cert_file = ""
        key_file = ""
        key_password_env = ""
        verify = true
        verify_hostname = false

        [[tenants]]
        name = "acme-emea"
        org_url = "https://acme.okta.com"
        auth = { method = "ssws", token_env = "TOKEN" }

        [sinks.archive]
        type = "file"
        path = "out/{tenant}/{date}/{hour}.ndjson"
        compression = "zstd"
        format = "raw"

        [sinks.copy]
        type = "file"
        path = "/copy/{tenant}.ndjson"
        """,
        "conf/okta.toml",
    )
    settings = load("conf/okta.toml", ENVIRON)
    assert settings.path == tmp_path / "conf/okta.toml"
    assert settings.pipeline.dead_letter_dir == Path("/var/dead")
    assert settings.pipeline.retired == ("former",)
    first, second = settings.tenants
    assert first.labels == {"customer": "Acme", "workspace": "emea"}
    assert str(first.auth.token) == f"file {tmp_path / 'conf/acme.token'}"
    assert first.tls.ca_file == tmp_path / "conf/cert.pem"
    assert (first.poll_interval_seconds, first.page_limit, first.tls.verify_hostname) == (2.5, 500, False)
    assert first.org_host == second.org_host == "acme.okta.com"
    assert settings.sinks["archive"].path == str(tmp_path / "conf/out/{tenant}/{date}/{hour}.ndjson")
    assert settings.sinks["archive"].compression == "zstd"
    assert settings.sinks["copy"].path == "/copy/{tenant}.ndjson"
    assert settings.warnings == ()


def test_everything_wrong_with_a_file_is_told_at_once(write, tmp_path: Path) -> None:
    write(
        """
        pipelines = 1
        [pipeline]
        format = "xml"
        dead_letter_dir = ""
        dedupe_window_seconds = 59
        retired = ["acme", "Bad", 3]

        [[tenants]]
        name = "acme"
        org_url = "https://user:hunter2@acme.okta.com"
        pol_interval_seconds = 3
        allowed_hosts = ["fine.acme.com", "https://x/"]
        labels = { customer = 3 }
        start_from = "yesterday"
        page_limit = 10.5
        q = "a b c d e f g h i j k"
        [tenants.auth]
        method = "ssws"
        token_env = "00hunter2"
        header = "Authorization: SSWS 00hunter2"
        [tenants.tls]
        ca_file = "gone.pem"
        key_password_env = "KEY_PASSWORD"

        [[tenants]]
        name = "acme"
        org_url = "acme-admin.okta.com"
        poll_interval_seconds = 0
        auth = { method = "magic", client_id = "x" }

        [[tenants]]
        org_url = "http://example.com"
        rate_limit_reserve = nan
        request_timeout_seconds = true
        proxy = "socks5://x"
        auth = { method = "ssws", token_env = "NOT_SET" }

        [[tenants]]
        name = "b"
        org_url = "b"
        auth = "00hunter2"

        [[tenants]]
        name = "c"
        org_url = "c"
        auth = { method = "ssws", token = "00hunter2" }

        [sinks.input]
        type = "file"
        path = "data/{date}.ndjson"

        [sinks."Bad Name"]
        type = "file"
        path = "data/{tenant}/{day}.ndjson"

        [sinks.pigeon]
        type = "pigeon"
        lofts = ["x"]

        [sinks.one]
        type = "file"
        path = "data/{tenant}/{date}.ndjson"

        [sinks.two]
        type = "file"
        compression = "zip"

        [sinks.three]
        type = "file"
        path = "data/./{tenant}/2026-01-31.ndjson"
        """
    )
    name = "1 to 63 of a-z, 0-9, _ and -, the first a letter or a digit"
    url = "a URL such as https://acme.okta.com, without path, query or user; also acme.okta.com or acme"
    assert problems() == [
        "okta.toml: " + line
        for line in [
            "pipelines: unknown key; did you mean pipeline? allowed: detections, hooks, pipeline, sinks, tenants",
            'pipeline.format: "xml" is not allowed; allowed: raw, ecs, ocsf',
            'pipeline.dead_letter_dir: "" is not allowed; allowed: the path of a folder',
            "pipeline.dedupe_window_seconds: 59 is not allowed; allowed: 60 to 604800",
            f'pipeline.retired[1]: "Bad" is not allowed; allowed: a list of former tenants\' names, each {name}',
            f"pipeline.retired[2]: 3 is not allowed; allowed: a list of former tenants' names, each {name}",
            'pipeline.retired[0]: "acme" is tenants[0].name already; every tenant, retired or not, needs its own name',
            f'tenants[0].org_url: "https://***@acme.okta.com" is not allowed; allowed: {url}',
            (
                'tenants[0].allowed_hosts[1]: "https://x/" is not allowed; '
                "allowed: a host such as login.acme.com, or host:port, without https:// and path"
            ),
            (
                'tenants[0].start_from: "yesterday" is not allowed; allowed: now, a look-back of 1 or more s, m, h or d '
                "such as 24h or 7d, or an ISO 8601 time such as 2026-01-31T08:00:00Z (without an offset it is UTC)"
            ),
            "tenants[0].page_limit: 10.5 is not allowed; allowed: whole numbers from 1 to 1000",
            'tenants[0].q: "a b c d e f g h i j k" is not allowed; allowed: up to 10 words of up to 40 characters each',
            "tenants[0].labels.customer: 3 is not allowed; allowed: a table in which every value is text in quotes",
            "tenants[0].auth.header: *** is not allowed; allowed: the name of an HTTP header, such as Authorization",
            (
                "tenants[0].auth.token_env: *** is not allowed; "
                "allowed: the name of an environment variable (letters, digits and _), not the secret itself"
            ),
            f"tenants[0].tls.ca_file: file {tmp_path}/gone.pem cannot be read: No such file or directory",
            "tenants[0].tls.key_password_env: given without cert_file; needed: the certificate whose key this password opens",
            (
                "tenants[0].pol_interval_seconds: unknown key; did you mean poll_interval_seconds? allowed: "
                "allowed_hosts, auth, display_name, filter, hooks, labels, name, org_url, page_limit, poll_interval_seconds, "
                "proxy, q, rate_limit_reserve, request_timeout_seconds, start_from, tls"
            ),
            (
                'tenants[1].org_url: "acme-admin.okta.com" is not allowed; allowed: https://acme.okta.com, '
                "the organisation's own URL; the one given is its admin console's, which has no API"
            ),
            "tenants[1].poll_interval_seconds: 0 is not allowed; allowed: 1 to 86401",
            'tenants[1].auth.method: "magic" is not allowed; allowed: ssws, private_key_jwt, client_secret, refresh_token',
            'tenants[1].name: "acme" is tenants[0].name already; every tenant, retired or not, needs its own name',
            f"tenants[2].name: missing; needed: {name}",
            (
                'tenants[2].org_url: "http://example.com" is not allowed; '
                "allowed: https://, as in https://example.com (http:// only for 127.0.0.0/8, ::1 and localhost)"
            ),
            "tenants[2].rate_limit_reserve: nan is not allowed; allowed: 0 to 0.9",
            "tenants[2].request_timeout_seconds: true is not allowed; allowed: more than 0, up to 300",
            (
                'tenants[2].proxy: "socks5://x" is not allowed; allowed: http://HOST:PORT or https://HOST:PORT, '
                "without path, user or password (this file holds no secrets), or nothing"
            ),
            "tenants[2].auth.token_env: environment variable NOT_SET is not set or is empty",
            'tenants[3].auth: *** is not allowed; allowed: a table [tenants.auth] with method = "ssws" '
            "and token_env or token_file, or another method",
            "tenants[4].auth.token_env: missing; needed: exactly one of token_env (a variable's name) and token_file (a path)",
            "tenants[4].auth.token: unknown key; did you mean token_env? allowed: header, method, prefix, token_env, token_file",
            (
                'sinks."Bad Name".path: "data/{tenant}/{day}.ndjson" is not allowed; '
                "allowed: a file's path, in which {tenant}, {date} and {hour} may stand and no other braces"
            ),
            'sinks.pigeon.type: "pigeon" is not allowed; allowed: file, elasticsearch, webhook',
            "sinks.two.path: missing; needed: a file's path, in which {tenant}, {date} and {hour} may stand",
            'sinks.two.compression: "zip" is not allowed; allowed: none, gzip, zstd',
            "sinks.input: this name is kept for the source's own dead letters; choose another one",
            'sinks.input.path: "data/{date}.ndjson" has no {tenant}; needed: {tenant} somewhere in it, since 5 tenants cannot share a file',
            f'sinks."Bad Name": "Bad Name" is not allowed as a sink\'s name; allowed: {name}',
            'sinks.three.path: "data/./{tenant}/2026-01-31.ndjson" can be the same file as sinks.one.path; needed: a file of its own',
        ]
    ]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("", "tenants", "missing; needed: at least one [[tenants]] table, one for each organisation"),
        (
            "tenants = []\n",
            "tenants",
            "an empty array is not allowed; allowed: at least one [[tenants]] table, one for each organisation",
        ),
        (
            "tenants = { name = 'x' }\n",
            "tenants",
            "a table is not allowed; allowed: at least one [[tenants]] table, one for each organisation",
        ),
        (
            "tenants = [3]\n",
            "tenants[0]",
            "3 is not allowed; allowed: at least one [[tenants]] table, one for each organisation",
        ),
    ],
)
def test_at_least_one_tenant(text: str, path: str, message: str, write) -> None:
    write(text + GOOD[GOOD.index("[sinks") :])
    assert problems() == [f"okta.toml: {path}: {message}"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "sinks: missing; needed"),
        ("[sinks]", "sinks: a table is not allowed; allowed"),
        ("[[sinks]]", "sinks: an array is not allowed; allowed"),
        ("sinks = 3", "sinks: 3 is not allowed; allowed"),
    ],
)
def test_at_least_one_sink(text: str, found: str, write) -> None:
    write(text + GOOD[: GOOD.index("[sinks")] if text.startswith("sinks") else GOOD[: GOOD.index("[sinks")] + text)
    needed = 'at least one [sinks.NAME] table, such as [sinks.archive] with type = "file"'
    assert problems() == [f"okta.toml: {found}: {needed}"]


def test_the_pipelines_table_has_to_be_one(write) -> None:
    write("pipeline = 3\n" + GOOD)
    assert problems() == ["okta.toml: pipeline: 3 is not allowed; allowed: a table [pipeline]"]


def test_a_retired_name_stands_once_and_is_no_tenants(write) -> None:
    write('[pipeline]\nretired = ["old", "old"]\n' + GOOD)
    reason = "every tenant, retired or not, needs its own name"
    assert problems() == [f'okta.toml: pipeline.retired[1]: "old" is pipeline.retired[0] already; {reason}']


def test_the_path_is_the_argument_else_the_variable_else_okta_toml(write, tmp_path: Path) -> None:
    write(GOOD)
    write(GOOD.replace("acme", "from-variable"), "by-variable.toml")
    write(GOOD.replace("acme", "from-argument"), "by-argument.toml")
    variable = {**ENVIRON, "OKTA_PIPELINE_CONFIG": "by-variable.toml"}
    assert load(environ=ENVIRON).tenants[0].name == "acme"
    assert load(environ={**ENVIRON, "OKTA_PIPELINE_CONFIG": ""}).tenants[0].name == "acme"
    assert load(environ=variable).tenants[0].name == "from-variable"
    assert load("by-argument.toml", variable).tenants[0].name == "from-argument"
    assert load(tmp_path / "by-argument.toml", variable).tenants[0].name == "from-argument"


def test_without_an_environment_that_of_the_process_counts(write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(GOOD, "elsewhere.toml")
    monkeypatch.setenv("OKTA_PIPELINE_CONFIG", "elsewhere.toml")
    monkeypatch.setenv("TOKEN", SECRET)
    assert load().tenants[0].auth.token.read().reveal() == SECRET


def test_a_folder_reached_by_a_link_is_the_links(write, tmp_path: Path) -> None:
    real = write(GOOD, "real/okta.toml")
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted/okta.toml").symlink_to(real)
    settings = load("mounted/okta.toml", ENVIRON)
    assert settings.sinks["archive"].path.startswith(str(tmp_path / "mounted/data"))


def test_a_file_that_is_not_there_or_not_readable(write, tmp_path: Path) -> None:
    assert problems() == ["okta.toml: there is no such file; write it there, or name another one in $OKTA_PIPELINE_CONFIG"]
    assert problems(path=str(tmp_path)) == [f"{tmp_path}: cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"[pipeline]\nformat = \n", "not TOML: Invalid value (at line 2, column 10)"),
        (b"a = 1\na = 2\n", "not TOML: Cannot overwrite a value (at line 2, column 6)"),
        (b"a = 1\nb = '\xff'\n", "line 2: not UTF-8 text, which TOML has to be"),
        (b"a = " + b"9" * 5000, "not TOML: Exceeds the limit (4300 digits) for integer string conversion"),
    ],
)
def test_a_file_that_is_no_toml(content: bytes, text: str, tmp_path: Path) -> None:
    file = tmp_path / "okta.toml"
    file.write_bytes(content)
    [line] = problems(path=str(file))
    assert line.startswith(f"{file}: {text}")


def test_the_mark_of_some_editors_is_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "okta.toml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(file, ENVIRON).tenants[0].name == "acme"


def test_missing_secrets_are_problems_of_their_own(write, tmp_path: Path) -> None:
    write("", "empty.token")
    write(
        GOOD
        + """
        [[tenants]]
        name = "b"
        org_url = "b"
        auth = { method = "ssws", token_file = "gone.token" }
        [[tenants]]
        name = "c"
        org_url = "c"
        auth = { method = "ssws", token_file = "empty.token" }
        """
    )
    assert problems({}) == [
        "okta.toml: tenants[0].auth.token_env: environment variable TOKEN is not set or is empty",
        f"okta.toml: tenants[1].auth.token_file: file {tmp_path}/gone.token cannot be read: No such file or directory",
        f"okta.toml: tenants[2].auth.token_file: file {tmp_path}/empty.token is empty",
    ]


def test_no_secret_is_in_the_settings(write, tmp_path: Path) -> None:
    write(SECRET, "token")
    write(GOOD + '[[tenants]]\nname = "b"\norg_url = "b"\nauth = { method = "ssws", token_file = "token" }\n')
    settings = load(environ=ENVIRON)
    assert SECRET not in repr(settings)
    assert SECRET.encode() not in pickle.dumps(settings)
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301
    assert [tenant.auth.token.resolve(ENVIRON).reveal() for tenant in settings.tenants] == [SECRET, SECRET]


def test_what_deserves_a_look_is_a_warning(write, tmp_path: Path) -> None:
    for name, mode in (("open.token", 0o644), ("closed.token", 0o600), ("open.store", 0o640)):
        write("00abc", name).chmod(mode)
    certificate(tmp_path, "c.okta.com")
    (tmp_path / "key.pem").chmod(0o640)
    write(
        GOOD
        + """
        [[tenants]]
        name = "b"
        org_url = "b"
        auth = { method = "ssws", token_file = "open.token" }
        tls.verify = false
        [[tenants]]
        name = "c"
        org_url = "c"
        auth = { method = "ssws", token_file = "closed.token" }
        tls = { cert_file = "cert.pem", key_file = "key.pem", verify_hostname = false }
        [[tenants]]
        name = "d"
        org_url = "d"
        auth = { method = "refresh_token", client_id = "0oa1", client_secret_file = "closed.token", token_store = "open.store" }
        """
    )
    token, key, store = tmp_path / "open.token", tmp_path / "key.pem", tmp_path / "open.store"
    assert load(environ=ENVIRON).warnings == (
        f"okta.toml: tenants[1].auth.token_file: other users may read file {token}; run: chmod 600 {token}",
        "okta.toml: tenants[1].tls.verify: false lets anyone on the way read the token and the events; for tests only",
        f"okta.toml: tenants[2].tls.key_file: other users may read file {key}; run: chmod 600 {key}",
        "okta.toml: tenants[2].tls.verify_hostname: false trusts whoever has a certificate of any name from any public authority; "
        "give the one in ca_file",
        f"okta.toml: tenants[3].auth.token_store: other users may read file {store}; run: chmod 600 {store}",
    )


SINKS = """
[sinks.search]
type = "elasticsearch"
hosts = ["http://localhost:9200", "http://search.example.com:9200"]
target = "logs-okta.system-{tenant}"
username = "elastic"
password_file = "password"
verify = false

[sinks.hook]
type = "webhook"
url = "http://siem.example.com/ingest"
secret_file = "signing"
headers = { Authorization = "Bearer 00hunter2" }
headers_env = { X-Key = "TOKEN" }
headers_file = { X-Other = "other" }
tenants = ["acme", "former"]
cert_file = "cert.pem"
key_file = "key.pem"
"""


def test_sinks_that_send(write, tmp_path: Path) -> None:
    certificate(tmp_path, "acme.okta.com")
    for name, mode in (("password", 0o600), ("signing", 0o644), ("other", 0o640), ("key.pem", 0o604)):
        if name != "key.pem":
            (tmp_path / name).write_text("aHVudGVyMg==")
        (tmp_path / name).chmod(mode)
    write('[pipeline]\nretired = ["former"]\n' + GOOD + SINKS)
    settings = load(environ=ENVIRON)
    assert [type(sink).__name__ for sink in settings.sinks.values()] == ["FileSinkConfig", "ElasticsearchSinkConfig", "WebhookSinkConfig"]
    assert [sink.format for sink in settings.sinks.values()] == ["raw", "raw", "raw"]
    assert settings.sinks["search"].password_file == tmp_path / "password"
    assert settings.sinks["hook"].headers_file == {"X-Other": tmp_path / "other"}
    in_the_clear = "http:// shows the sink's credentials to anyone on the way; use https://"
    assert settings.warnings == tuple(
        f"okta.toml: sinks.{line}"
        for line in [
            "search.verify: false lets anyone on the way read the events and what goes along with them; for tests only",
            f"search.hosts[1]: {in_the_clear}",
            f"hook.key_file: other users may read file {tmp_path}/key.pem; run: chmod 600 {tmp_path}/key.pem",
            f"hook.secret_file: other users may read file {tmp_path}/signing; run: chmod 600 {tmp_path}/signing",
            f"hook.headers_file.X-Other: other users may read file {tmp_path}/other; run: chmod 600 {tmp_path}/other",
            "hook.headers.Authorization: this looks like a credential; keep it out of this file, with headers_env or headers_file",
            f"hook.url: {in_the_clear}",
        ]
    )
    for secret in ("aHVudGVyMg", SECRET):
        assert secret not in str(settings.warnings)
    assert "aHVudGVyMg" not in repr(settings)


def test_everything_wrong_with_sinks_is_told_at_once(write) -> None:
    write(
        GOOD
        + """
        [sinks.search]
        type = "elasticsearch"
        hosts = ["ftp://x", "https://elastic:00hunter2@x:9200"]
        target = "{tenant}"
        username = "elastic"
        tenants = ["acme", "acmee", "globex"]
        severity_at_least = "FATAL"

        [sinks.hook]
        type = "webhook"
        encoding = "json"
        hec = { index = "main" }
        headers_env = { Authorization = "00hunter2" }
        secret_env = "NOT_SET"
        tenants = "acme"

        [sinks.nameless]
        url = "x"

        [sinks.copy]
        type = "file"
        path = "copy/{tenant}"
        batch_events = 3
        categories = ["x"]
        tenants = ["globex"]
        """
    )
    target = (
        "the name of an index or data stream such as logs-okta.bytewax-default, in which {tenant} and {date} may stand and no other "
        'braces: lower case, without \\ / * ? " < > | , # : and spaces, at most 255 bytes, not beginning with -, _, + or a placeholder'
    )
    host = "an http:// or https:// URL such as https://localhost:9200, maybe with a path, without query; also localhost:9200"
    no_user = "a URL without user and password, which go into username and password_env (this file holds no secrets)"
    assert problems() == [
        "okta.toml: sinks." + line
        for line in [
            'search.severity_at_least: "FATAL" is not allowed; allowed: DEBUG, INFO, WARN, ERROR',
            f'search.hosts[0]: "ftp://x" is not allowed; allowed: {host}',
            f'search.hosts[1]: "https://***@x:9200" is not allowed; allowed: {no_user}',
            f'search.target: "{{tenant}}" is not allowed; allowed: {target}',
            (
                "search.password_env: missing beside username; "
                "needed: exactly one of password_env (a variable's name) and password_file (a path)"
            ),
            'hook.tenants: "acme" is not allowed; allowed: a list of tenants\' names',
            "hook.url: missing; needed: an http:// or https:// URL such as https://siem.example.com/ingest, without a fragment",
            "hook.secret_env: environment variable NOT_SET is not set or is empty",
            (
                "hook.headers_env.Authorization: *** is not allowed; "
                "allowed: the name of an environment variable (letters, digits and _), not the secret itself"
            ),
            'hook.hec: given without encoding = "hec"; needed: that encoding, or no such table',
            "nameless.type: missing; needed: file, elasticsearch, webhook",
            'copy.categories[0]: "x" is not allowed; allowed: a list of authentication, user_management, administrative, system, security',
            (
                "copy.batch_events: unknown key; allowed: categories, compression, event_original, event_types, file_mode, format, keep, "
                "kinds, level_at_least, on_exhausted, path, raw_data, retry_for_seconds, severity_at_least, tenants, type"
            ),
            'search.tenants[1]: "acmee" is no tenant; did you mean acme? there are: acme',
            'search.tenants[2]: "globex" is no tenant; there are: acme',
            'copy.tenants[0]: "globex" is no tenant; there are: acme',
        ]
    ]


def test_of_very_many_tenants_some_are_named(write) -> None:
    tenant = '[[tenants]]\nname = "t{0}"\norg_url = "t{0}"\nauth = {{ method = "ssws", token_env = "TOKEN" }}\n'
    write(GOOD + 'tenants = ["x"]\n' + "".join(tenant.format(number) for number in range(40)))
    [line] = problems()
    assert line.startswith('okta.toml: sinks.archive.tenants[0]: "x" is no tenant; there are: acme, t0, t1, ')
    assert line.endswith(", t28 and 11 more")


def test_tls_files_of_sinks_that_openssl_refuses_are_a_configuration_error(write, tmp_path: Path) -> None:
    certificate(tmp_path, "siem.example.com")
    key = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"hunter2")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    (tmp_path / "locked.pem").write_bytes(pem)
    (tmp_path / "junk.pem").write_text("no certificate")
    tables = {
        "a": 'ca_file = "junk.pem"',
        "b": 'ca_file = "cert.pem"\ncert_file = "cert.pem"\nkey_file = "locked.pem"\nkey_password_env = "PASSWORD"',
        "c": 'cert_file = "cert.pem"',
        "d": 'ca_file = "cert.pem"\ncert_file = "cert.pem"\nkey_file = "key.pem"',
    }
    sink = '[sinks.{0}]\ntype = "webhook"\nurl = "https://siem.example.com/"\n{1}\n'
    write(GOOD + "".join(sink.format(name, keys) for name, keys in tables.items()))
    lines = problems({**ENVIRON, "PASSWORD": "hunter2"})
    assert [line.split(" (")[0] for line in lines] == [
        "okta.toml: sinks.a.ca_file: OpenSSL refuses this file",
        "okta.toml: sinks.b.cert_file: OpenSSL refuses this file or its key",
        "okta.toml: sinks.c.cert_file: OpenSSL refuses this file or its key",
    ]
    assert "hunter2" not in str(lines)


def test_what_only_use_shows_is_told_with_the_rest(write, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("no certificate")
    tenant = '[[tenants]]\nname = "{0}"\norg_url = "{0}"\nauth = {{ method = "ssws", token_env = "TOKEN" }}\n{1}\n'
    sink = '[sinks.{0}]\ntype = "webhook"\nurl = "https://siem.example.com/"\n{1}\n'
    good = '[[tenants]]\nname = "acme"\norg_url = "acme"\nauth = { method = "ssws", token_env = "TOKEN" }\nq = 5\n'
    write(
        '[pipeline]\nlog_fromat = "text"\nformat = "ecs"\n'
        + good
        + tenant.format("globex", 'tls = { ca_file = "junk.pem" }')
        + sink.format("a", 'ca_file = "junk.pem"\nraw_data = true')
        + sink.format("b", "linger_secs = 1")
        + sink.format("c", "event_original = false")
    )
    told = [line.split(": ")[1] for line in problems()]
    assert told == ["pipeline.log_fromat", "tenants[0].q", "tenants[1].tls", "sinks.b.linger_secs", "sinks.a.ca_file", "sinks.a.raw_data"]


def test_a_single_tenant_needs_no_placeholder(write) -> None:
    write(GOOD.replace("{tenant}/", ""))
    assert load(environ=ENVIRON).sinks["archive"].path.endswith("data/{date}.ndjson")


def test_tls_files_that_openssl_refuses_are_a_configuration_error(write, tmp_path) -> None:
    certificate(tmp_path, "acme.okta.com")
    other = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"secret")
    for name, encryption in (("other.pem", serialization.NoEncryption()), ("locked.pem", locked)):
        key = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        (tmp_path / name).write_bytes(key)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "junk.pem").write_text("no certificate")
    tenant = """
        [[tenants]]
        name = "{name}"
        org_url = "{name}"
        auth = {{ method = "ssws", token_env = "ACME" }}
        tls = {{ {tls} }}
        """
    tables = {
        "b": 'ca_file = "junk.pem"',
        "c": 'cert_file = "cert.pem", key_file = "other.pem"',
        "d": 'cert_file = "cert.pem", key_file = "locked.pem"',
        "e": 'cert_file = "cert.pem", key_file = "key.pem"',
    }
    write(GOOD + "".join(tenant.format(name=name, tls=tls) for name, tls in tables.items()))
    with pytest.raises(ConfigurationError) as caught:
        load(environ={**ENVIRON, "ACME": "00abc"})
    assert [problem.path for problem in caught.value.problems] == ["tenants[1].tls", "tenants[2].tls", "tenants[3].tls"]
    assert "secret" not in str(caught.value)
