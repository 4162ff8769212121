"""`init` by options: what is written, what is refused, and that a file is never harmed."""

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.configuration.settings import load
from okta_source.__main__ import main
from okta_source.init import append
from tests.unit.okta_source.auth.fakes import EC_KEY, pem

Init = Callable[..., int]
TOKEN = "00Abcdefghijklmnopqrstuvwxyz0123456789abcd"


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OKTA_PIPELINE_CONFIG", raising=False)
    return lambda *arguments: main(["init", *arguments])


METHODS = {
    "ssws": [],
    "private_key_jwt": ["--client-id", "0oa1", "--key-id", "k1", "--dpop", "yes"],
    "client_secret": ["--client-id", "0oa1"],
    "refresh_token": ["--client-id", "0oa1"],
}


@pytest.mark.parametrize("method", METHODS)
def test_a_new_file_is_one_that_a_run_takes(init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str) -> None:
    assert (
        init(
            "--name", "acme", "--org-url", "acme", "--method", method, "--start-from", "7d", "--display-name", 'A "B" \\', *METHODS[method]
        )
        == 0
    )
    said = capsys.readouterr().out
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/acme.pem").write_text(pem(EC_KEY))
    (tmp_path / "secrets/acme.pem").chmod(0o600)
    environ = {"ACME_OKTA_TOKEN": "00x", "ACME_OKTA_CLIENT_SECRET": "s"}
    settings = load("okta.toml", environ)
    [tenant] = settings.tenants
    assert (tenant.name, tenant.org_url, tenant.display_name) == ("acme", "https://acme.okta.com", 'A "B" \\')
    assert tenant.auth.method == method
    assert getattr(tenant.auth, "dpop", False) is (method == "private_key_jwt")
    assert list(settings.sinks) == ["archive"]
    assert settings.warnings == ()
    assert "python -m okta_source check --tenant acme" in said
    assert ("authorize --tenant acme" in said) is (method == "refresh_token")
    expected = {"ssws": "export ACME_OKTA_TOKEN=", "private_key_jwt": "chmod 600 secrets/acme.pem"}
    assert expected.get(method, "export ACME_OKTA_CLIENT_SECRET=") in said


@pytest.mark.parametrize("end", ["", "\n", "# last"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_what_is_in_a_file_stays_byte_for_byte(init: Init, tmp_path: Path, end: str, line_break: str) -> None:
    text = '# mine  \n[sinks.x]\ntype = "file"\npath = "{tenant}"\n\n[[tenants]]   # the first\nname = "a"\norg_url = "a"\n'
    text += 'auth = { method = "ssws", token_env = "T" }\n' + end
    before = text.replace("\n", line_break).encode()
    file = tmp_path / "other.toml"
    file.write_bytes(before)
    file.chmod(0o640)
    assert init("--config", "other.toml", "--name", "b", "--org-url", "b.okta.com", "--token-file", "b.token") == 0
    after = file.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(line_break.encode())
    document = tomllib.loads(after.decode())
    assert [tenant["name"] for tenant in document["tenants"]] == ["a", "b"]
    assert document["tenants"][1]["auth"] == {"method": "ssws", "token_file": "b.token"}
    assert list(document["sinks"]) == ["x"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["other.toml"]


def test_a_file_without_sinks_gets_one(init: Init, tmp_path: Path) -> None:
    (tmp_path / "okta.toml").write_text("[pipeline]\n")
    assert init("--name", "a", "--org-url", "a") == 0
    assert list(tomllib.loads((tmp_path / "okta.toml").read_text())["sinks"]) == ["archive"]


def test_a_link_stays_a_link(init: Init, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "okta.toml").symlink_to("real/mine.toml")
    assert init("--name", "a", "--org-url", "a") == 0
    assert (tmp_path / "okta.toml").is_symlink()
    assert "[[tenants]]" in (tmp_path / "real/mine.toml").read_text()


def refused(init: Init, capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    file = Path("okta.toml")
    before = file.read_bytes() if file.exists() else None
    assert init(*arguments) == status
    assert (file.read_bytes() if file.exists() else None) == before
    printed = capsys.readouterr()
    assert TOKEN not in printed.out + printed.err
    return printed.err


def test_a_name_that_is_there_already(init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--name", "a", "--org-url", "a") == 0
    assert '"a" is in the file already' in refused(init, capsys, 2, "--name", "a", "--org-url", "b")


def test_a_name_that_came_in_between(init: Init, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert init("--name", "a", "--org-url", "a") == 0
    monkeypatch.setattr("okta_source.init.command.read_names", lambda _: [])
    assert 'has a tenant "a" already' in refused(init, capsys, 1, "--name", "a", "--org-url", "b")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "give --name, --org-url"),
        (("--name", "a"), "give --org-url"),
        (("--name", "a", "--org-url", "a", "--method", "refresh_token"), "give --client-id"),
        (("--name", "A!", "--org-url", "a"), "--name: not allowed; allowed: 1 to 63"),
        (("--name", "a", "--org-url", "https://a-admin.okta.com"), "https://a.okta.com"),
        (("--name", "a", "--org-url", "a", "--method", "sws"), "--method: not allowed; allowed: ssws"),
        (("--name", "a", "--org-url", "a", "--start-from", "soon"), "--start-from"),
        (("--name", "a", "--org-url", "a", "--token-env", TOKEN), "--token-env: not allowed"),
        (("--name", "a", "--org-url", "a", "--token-env", "lower_case_SECRET"), "--token-env: not allowed"),
        (("--name", "a", "--org-url", "a", "--token-file", TOKEN), "--token-file: not allowed"),
        (("--name", "a", "--org-url", "a", "--method", "client_secret", "--client-id", TOKEN), "--client-id: not allowed"),
        (("--name", "a", "--org-url", "a", "--token-env", "T", "--token-file", "t"), "exclude each other"),
        (("--name", "a", "--org-url", "a", "--client-id", "x"), "--client-id does not go with --method ssws"),
        (("--name", "a", "--org-url", "a", "--method", "client_secret", "--client-id", "x", "--dpop", "maybe"), "--dpop"),
    ],
)
def test_an_option_that_is_missing_or_no_good(
    init: Init, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], part: str
) -> None:
    assert part in refused(init, capsys, 2, *arguments)


def test_what_a_run_would_refuse_is_not_written(init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(init, capsys, 1, "--name", "a", "--org-url", "a", "--method", "client_secret", "--client-id", "with:colon")
    assert "okta.toml stays as it is" in said
    assert "tenants[0].auth.client_id" in said


@pytest.mark.parametrize("text", ["tenants = []\n", "sinks = {}\n"])
def test_a_file_that_can_not_be_continued(init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "okta.toml").write_text(text)
    said = refused(init, capsys, 1, "--name", "a", "--org-url", "a")
    assert "by hand" in said
    assert "[[tenants]]\nname = " in said


def test_a_file_that_is_no_toml(init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "okta.toml").write_text("[[tenants]\n")
    assert "okta.toml: not TOML" in refused(init, capsys, 2, "--name", "a", "--org-url", "a")


def test_a_full_disk_leaves_the_file_and_nothing_beside_it(
    init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "okta.toml").write_text("[pipeline]\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(append.os, "fsync", full)
    assert "No space left" in refused(init, capsys, 1, "--name", "a", "--org-url", "a")
    assert [entry.name for entry in tmp_path.iterdir()] == ["okta.toml"]


def test_other_tenants_may_be_wrong(init: Init, tmp_path: Path) -> None:
    (tmp_path / "okta.toml").write_text('[[tenants]]\nname = "broken"\n')
    assert init("--name", "a", "--org-url", "a") == 0


def test_the_suggested_variable_is_one_for_every_name(init: Init, tmp_path: Path) -> None:
    assert init("--name", "3-acme", "--org-url", "a") == 0
    assert 'token_env = "OKTA_3_ACME_OKTA_TOKEN"' in (tmp_path / "okta.toml").read_text()


def test_push_is_written_where_it_is_wanted(init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--name", "acme", "--org-url", "acme", "--hook-secret-env", "ACME_HOOK_SECRET") == 0
    said = capsys.readouterr().out
    assert "put the hooks' secret into the environment: export ACME_HOOK_SECRET=" in said
    assert "python -m okta_source hooks" in said
    assert init("--name", "globex", "--org-url", "globex", "--hook-secret-file", "globex.hook", "--hook-mode", "merge") == 0
    assert "chmod 600 globex.hook" in capsys.readouterr().out
    assert init("--name", "hooli", "--org-url", "hooli", "--push") == 0
    assert init("--name", "initech", "--org-url", "initech") == 0
    tables = [
        tenant.hooks for tenant in load("okta.toml", {f"{name}_OKTA_TOKEN": "t" for name in ("ACME", "GLOBEX", "HOOLI", "INITECH")}).tenants
    ]
    assert [table and (table.mode, table.secret_env, table.secret_file) for table in tables] == [
        ("wake", "ACME_HOOK_SECRET", None),
        ("merge", "", tmp_path / "globex.hook"),
        ("wake", "HOOLI_HOOK_SECRET", None),
        None,
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--hook-secret-env", "A", "--hook-secret-file", "b"],
        ["--hook-secret-env", "A", "--hook-mode", "poll"],
        ["--hook-secret-env", "Kd8x92jdKLjd02jdk3jsKD82jdkKDjd82hdKDj2k"],
    ],
)
def test_push_that_cannot_be_is_refused(init: Init, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--name", "acme", "--org-url", "acme", *options) == 2
    assert not (tmp_path / "okta.toml").exists()
    assert "Kd8x92" not in capsys.readouterr().err
