"""`init sink` by options: each kind is one that a run takes, what is refused, and that a file is never harmed."""

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.configuration.settings import load
from flows.init.command import main
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, WebhookSinkConfig

Init = Callable[..., int]
TENANT = '[[tenants]]\nname = "acme"\norg_url = "acme"\nauth = { method = "ssws", token_env = "ACME_OKTA_TOKEN" }\n'
SECRETS = {
    "Slack": "https://hooks.slack.com/services/T0000/B0000/Xk3k9Q2kdl20sKd8",
    "Splunk": "0d1c2b3a-4f5e-6789-abcd-ef0123456789",
    "Elasticsearch": "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==",
    "Standard Webhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OKTA_PIPELINE_CONFIG", raising=False)
    (tmp_path / "okta.toml").write_text(TENANT)
    return lambda *arguments: main(["sink", *arguments])


KINDS = {
    "file": (["--type", "file", "--keep", "90d", "--compression", "zstd"], {}),
    "elasticsearch": (["--type", "elasticsearch", "--hosts", "https://es1.example.com:9200, es2:9200"], {"SEARCH_API_KEY": "aWQ6a2V5"}),
    "opensearch": (
        ["--type", "opensearch", "--hosts", "http://127.0.0.1:9200", "--username", "okta", "--password-env", "PASSWORD"],
        {"PASSWORD": "p"},
    ),
    "open to all": (["--type", "opensearch", "--hosts", "http://127.0.0.1:9200", "--credentials", "none"], {}),
    "webhook": (["--type", "webhook", "--url", "https://siem.example.com/in"], {"HOOK_AUTH": "Bearer x"}),
    "signed": (
        ["--type", "webhook", "--url-env", "WHERE", "--credentials", "signature"],
        {"WHERE": "https://siem.example.com/in", "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    ),
    "splunk": (["--type", "splunk", "--url", "https://s.example.com:8088/services/collector/event"], {"SPLUNK_AUTH": "Splunk 0000"}),
    "slack": (["--type", "slack"], {"SLACK_URL": "https://hooks.slack.com/services/x"}),
    "pagerduty": (["--type", "pagerduty", "--level-at-least", "critical"], {"PAGERDUTY_KEY": "k" * 32}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_one_that_a_run_takes(init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    options, secrets = KINDS[kind]
    assert init(*options) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    settings = load("okta.toml", {"ACME_OKTA_TOKEN": "t", **secrets})
    ((name, sink),) = settings.sinks.items()
    assert settings.warnings == ()
    assert all(f"export {variable}=" in said for variable in secrets), "each variable is named, and none of them is needed before"
    assert f"python -m flows.check --sink {name} --send" in said
    assert said.index("export") < said.index("--send") if secrets else True
    assert (settings.detections is not None) is (kind in ("slack", "pagerduty")), "alerts need rules"
    match sink:
        case FileSinkConfig():
            assert (name, sink.compression, sink.path) == ("archive", "zstd", str(tmp_path / "data/{tenant}/{date}.ndjson"))
        case ElasticsearchSinkConfig():
            assert (name, sink.target) == ("search", "logs-okta.bytewax-default")
            assert sink.has_credentials is (kind != "open to all")
        case WebhookSinkConfig():
            encodings = {"splunk": "hec", "slack": "slack", "pagerduty": "pagerduty"}
            assert (name, sink.encoding) == (kind if kind in encodings else "hook", encodings.get(kind, "json"))
            assert sink.kinds == (("alerts",) if kind in ("slack", "pagerduty") else ("events",))


def test_what_goes_to_elastics_own_rules_has_their_name(init: Init) -> None:
    assert init("--type", "elasticsearch", "--hosts", "es:9200", "--format", "ecs", "--api-key-file", "key") == 0
    sink = tomllib.loads(Path("okta.toml").read_text())["sinks"]["search"]
    assert sink["target"] == "logs-okta.system-default"
    assert sink["api_key_file"] == "key"


def test_splunks_index(init: Init) -> None:
    assert init("--type", "splunk", "--url", "https://s/services/collector/event", "--authorization-file", "splunk", "--index", "okta") == 0
    sink = tomllib.loads(Path("okta.toml").read_text())["sinks"]["splunk"]
    assert (sink["hec"], sink["headers_file"]) == ({"index": "okta"}, {"Authorization": "splunk"})


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "# last"])
def test_what_is_in_a_file_stays_byte_for_byte(init: Init, tmp_path: Path, end: str, line_break: str) -> None:
    text = f"# mine  \n{TENANT}[sinks.archive]   # the first\ntype = 'file'\npath = '{{tenant}}'\n{end}"
    before = text.replace("\n", line_break).encode()
    (tmp_path / "real.toml").write_bytes(before)
    (tmp_path / "real.toml").chmod(0o640)
    (tmp_path / "link.toml").symlink_to("real.toml")
    assert init("--config", "link.toml", "--type", "slack", "--url-file", "secrets/slack") == 0
    after = (tmp_path / "real.toml").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(line_break.encode())
    document = tomllib.loads(after.decode())
    assert list(document["sinks"]) == ["archive", "slack"]
    assert document["detections"] == {"managed": True}
    assert stat.S_IMODE((tmp_path / "real.toml").stat().st_mode) == 0o640
    assert (tmp_path / "link.toml").is_symlink()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link.toml", "okta.toml", "real.toml"]


def test_a_file_that_is_named_before_the_word_is_meant_too(init: Init, tmp_path: Path) -> None:
    assert main(["--config", "other.toml", "sink", "--type", "file"]) == 0
    assert tomllib.loads((tmp_path / "other.toml").read_text())["sinks"]["archive"]["type"] == "file"
    assert (tmp_path / "okta.toml").read_text() == TENANT


def test_rules_that_are_there_stay(init: Init, tmp_path: Path) -> None:
    (tmp_path / "okta.toml").write_text(f'{TENANT}[detections]\nrules = ["rules/"]\n')
    assert init("--type", "slack") == 0
    assert tomllib.loads((tmp_path / "okta.toml").read_text())["detections"] == {"rules": ["rules/"]}


def test_a_new_file_says_that_an_organisation_is_missing(init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--config", "new.toml", "--type", "file") == 0
    said = capsys.readouterr().out
    assert "new.toml, which is new" in said
    assert "add an organisation: python -m flows.init --config new.toml" in said
    assert main(["--config", "new.toml", "--name", "acme", "--org-url", "acme"]) == 0
    settings = load("new.toml", {"ACME_OKTA_TOKEN": "t"})
    assert list(settings.sinks) == ["archive"]
    assert [tenant.name for tenant in settings.tenants] == ["acme"]


def refused(init: Init, capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    before = Path("okta.toml").read_bytes()
    assert init(*arguments) == status
    assert Path("okta.toml").read_bytes() == before
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "give --type"),
        (("--type", "elasticsearch"), "give --hosts"),
        (("--type", "kafka"), "--type: not allowed; allowed: file, elasticsearch, webhook"),
        (("--type", "webhook", "--url", "siem"), "--url: not allowed; allowed: an http:// or https:// URL"),
        (("--type", "webhook", "--url", "https://u:p@siem/in"), "without user"),
        (("--type", "webhook", "--url", "https://siem/in", "--url-env", "WHERE"), "exclude each other"),
        (
            ("--type", "webhook", "--url", "https://siem/in", "--hosts", "es"),
            "--hosts does not go with --type webhook --credentials header",
        ),
        (("--type", "webhook", "--url", "https://siem/in", "--credentials", "user"), "allowed: header, signature, none"),
        (("--type", "webhook", "--url", "https://s/in", "--credentials", "none", "--secret-env", "S"), "--secret-env does not go with"),
        (("--type", "file", "--credentials", "user"), "--credentials does not go with --type file"),
        (("--type", "file", "--name", "input"), "--name: not allowed"),
        (("--type", "slack", "--level-at-least", "loud"), "informational, low, medium, high, critical"),
    ],
)
def test_an_option_that_is_missing_or_no_good(
    init: Init, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], part: str
) -> None:
    assert part in refused(init, capsys, 2, *arguments)


PLACES = [
    ("--type", "slack", "--url-env"),
    ("--type", "slack", "--url-file"),
    ("--type", "elasticsearch", "--hosts", "es", "--api-key-env"),
    ("--type", "elasticsearch", "--hosts", "es", "--api-key-file"),
    ("--type", "elasticsearch", "--hosts", "es", "--username"),
    ("--type", "webhook", "--url", "https://siem/in", "--secret-file"),
]


@pytest.mark.parametrize("whose", SECRETS)
def test_a_secret_in_the_place_of_its_name_is_neither_written_nor_repeated(
    init: Init, capsys: pytest.CaptureFixture[str], whose: str
) -> None:
    for options in PLACES:
        assert SECRETS[whose] not in refused(init, capsys, 2, *options, SECRETS[whose])


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--type", "file", "--path", "data/all.ndjson", "--name", "second"), "has no {tenant}"),
        (("--type", "file", "--keep", "9 weeks"), "sinks.archive.keep"),
        (("--type", "elasticsearch", "--hosts", "es", "--target", "Logs"), "sinks.search.target"),
    ],
)
def test_what_a_run_would_refuse_is_not_written(
    init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], part: str
) -> None:
    (tmp_path / "okta.toml").write_text(TENANT + TENANT.replace('"acme"', '"globex"'))
    said = refused(init, capsys, 1, *arguments)
    assert "okta.toml stays as it is" in said
    assert part in said


def test_a_name_that_is_there_already(init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--type", "slack", "--name", "chat") == 0
    assert '"chat" is in the file already' in refused(init, capsys, 2, "--type", "slack", "--name", "chat")
    assert init("--type", "file") == 0
    assert "give --name" in refused(init, capsys, 2, "--type", "file")


def test_a_file_that_cannot_be_continued(init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "okta.toml").write_text("sinks = {}\n")
    assert "by hand:\n\n[sinks.slack]\n" in refused(init, capsys, 1, "--type", "slack")
    (tmp_path / "okta.toml").write_text("[sinks\n")
    assert "not TOML" in refused(init, capsys, 2, "--type", "slack")
