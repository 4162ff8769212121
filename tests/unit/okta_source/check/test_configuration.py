"""What `check` says of the file itself: all problems of every tenant, in a run's own words, and no request while there is one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from okta_source.__main__ import main
from okta_source.check.configuration import read_tenants
from tests.unit.okta_source.check.checked import Check
from tests.unit.okta_source.wire import TOKEN, certificate

Start = Callable[..., Any]
GOOD = '[[tenants]]\nname = "{name}"\norg_url = "{url}"\nauth = {{ method = "ssws", token_env = "{env}" }}\n'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[Any]]]:
    monkeypatch.setenv("TEST_OKTA_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)

    def check(text: str | None, *arguments: str) -> tuple[int, list[Any]]:
        if text is not None:
            (tmp_path / "okta.toml").write_text(text)
        status = main(["check", "--json", *arguments])
        tenants = json.loads(capsys.readouterr().out)["tenants"]
        return status, [(tenant["tenant"], tenant["ok"], {step["step"]: step for step in tenant["steps"]}) for tenant in tenants]

    return check


def tenant(name: str, url: str = "https://acme.okta.com", env: str = "TEST_OKTA_TOKEN") -> str:
    return GOOD.format(name=name, url=url, env=env)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (None, "okta.toml: there is no such file"),
        ("[[tenants]\n", "okta.toml: not TOML"),
        ("", "tenants: missing; needed: at least one [[tenants]] table"),
        ("tenants = []", "tenants: an empty array is not allowed"),
        ('tenants = "x"', 'tenants: "x" is not allowed'),
    ],
)
def test_a_file_that_is_wrong_as_a_whole(run: Callable[..., Any], text: str | None, part: str) -> None:
    status, [(name, ok, steps)] = run(text)
    assert (status, name, ok) == (2, "", False)
    assert steps["configuration"]["status"] == "failed"
    assert part in steps["configuration"]["detail"]
    assert "init" in steps["configuration"]["fix"]
    assert steps["logs"]["detail"] == "configuration failed before"
    assert run(text, "--tenant", "acme")[1][0][0] == "acme"


def test_every_problem_stands_with_its_tenant_and_nobody_is_asked(run: Callable[..., Any], organisation: Start) -> None:
    okta, url = organisation()
    broken = '[[tenants]]\nname = "b"\norg_url = "https://b.okta.com/x"\npoll_interval_seconds = 0\ncolour = 1\nauth = { method = "sws" }\n'
    nameless = '[[tenants]]\norg_url = "c"\nauth = { method = "ssws", token_env = "TEST_OKTA_TOKEN" }\n'
    status, [good, bad, third, twice] = run(tenant("a", url) + broken + nameless + tenant("a", url))
    assert (status, [good[0], bad[0], third[0], twice[0]]) == (2, ["a", "b", "tenants[2]", "a"])
    assert [found[1] for found in (good, bad, third, twice)] == [False] * 4
    assert bad[2]["configuration"]["detail"].split("\n") == [
        'tenants[1].org_url: "https://b.okta.com/x" is not allowed; allowed: a URL such as https://acme.okta.com, without path, '
        "query or user; also acme.okta.com or acme",
        "tenants[1].poll_interval_seconds: 0 is not allowed; allowed: 1 to 86401",
        'tenants[1].auth.method: "sws" is not allowed; allowed: ssws, private_key_jwt, client_secret, refresh_token',
        bad[2]["configuration"]["detail"].split("\n")[3],
    ]
    assert "tenants[1].colour: unknown key" in bad[2]["configuration"]["detail"]
    assert "okta.toml" in bad[2]["configuration"]["fix"]
    assert "tenants[2].name: missing" in third[2]["configuration"]["detail"]
    assert 'tenants[3].name: "a" is tenants[0].name already' in twice[2]["configuration"]["detail"]
    assert (good[2]["configuration"]["status"], good[2]["secret"]["status"]) == ("ok", "ok")
    assert "no request is made while the configuration is wrong (b, tenants[2], a)" in good[2]["logs"]["detail"]
    assert okta.requests == []


def test_another_tenants_problem_is_no_matter_where_one_is_asked_for(run: Callable[..., Any], organisation: Start) -> None:
    _, url = organisation()
    text = tenant("a", url) + '[[tenants]]\nname = "b"\n'
    status, [(name, ok, _)] = run(text, "--tenant", "a")
    assert (status, name, ok) == (0, "a", True)
    assert run(text, "--tenant", "b")[0] == 2


def test_a_tenant_that_is_not_there(run: Callable[..., Any]) -> None:
    status, [(name, _, steps)] = run(tenant("acme") + tenant("globex"), "--tenant", "akme")
    assert (status, name) == (2, "akme")
    assert steps["configuration"]["detail"] == 'there is no tenant "akme" in okta.toml; there are: acme, globex'


def test_sinks_and_the_pipeline_are_not_looked_at(run: Callable[..., Any], organisation: Start) -> None:
    _, url = organisation()
    status, _ = run(f'[pipeline]\nformat = "no such"\n{tenant("a", url)}[sinks.x]\ntype = "no such"\n')
    assert status == 0


@pytest.mark.parametrize(
    ("auth", "parts"),
    [
        ('method = "ssws"\ntoken_env = "NOT_SET"', ("tenants[0].auth.token_env", "NOT_SET is not set or is empty")),
        ('method = "ssws"\ntoken_file = "no-such-file"', ("tenants[0].auth.token_file", "cannot be read: No such file")),
        ('method = "ssws"\ntoken_file = "empty"', ("is empty",)),
        ('method = "ssws"\ntoken_file = "two words"', ("a space, line break or other character",)),
        (
            'method = "private_key_jwt"\nclient_id = "0oa1"\nkey_id = "k"\nprivate_key_file = "empty"',
            ("tenants[0].auth.private_key_file", "is empty"),
        ),
        (
            'method = "private_key_jwt"\nclient_id = "0oa1"\nkey_id = "k"\nprivate_key_file = "two words"',
            ("tenants[0].auth.private_key_file",),
        ),
        ('method = "client_secret"\nclient_id = "0oa1"\nclient_secret_env = "NOT_SET"', ("tenants[0].auth.client_secret_env", "NOT_SET")),
    ],
)
def test_a_secret_that_is_not_there_is_no_error_of_the_file(check: Check, tmp_path: Path, auth: str, parts: tuple[str, ...]) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "two words").write_text("hunter2 hunter2")
    checked = check("https://acme.okta.com", auth=auth)
    assert (checked.exit, checked.failed, checked.status("configuration")) == (1, "secret", "ok")
    for part in parts:
        assert part in checked.words("secret")
    assert "hunter2" not in str(checked.tenants)


def test_a_secret_file_that_is_a_folder(check: Check, tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    assert check("https://acme.okta.com", auth='method = "ssws"\ntoken_file = "token"').failed == "secret"


def test_a_key_that_lacks_its_password(check: Check, tmp_path: Path) -> None:
    certificate(tmp_path, "127.0.0.1")
    tls = '[tenants.tls]\ncert_file = "cert.pem"\nkey_file = "key.pem"\nkey_password_env = "NOT_SET"'
    checked = check("https://acme.okta.com", tls=tls)
    assert checked.failed == "secret"
    assert "tenants[0].tls.key_password_env" in checked.words("secret")


def test_certificates_that_openssl_refuses_are_a_configuration_error(check: Check, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    checked = check("https://acme.okta.com", tls='[tenants.tls]\nca_file = "ca.pem"')
    assert (checked.exit, checked.failed) == (2, "configuration")
    assert "tenants[0].tls: OpenSSL refuses these files" in checked.words("configuration")


def test_a_secret_that_others_may_read_is_a_warning(check: Check, tmp_path: Path, organisation: Start) -> None:
    _, url = organisation()
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o644)
    checked = check(url, auth='method = "ssws"\ntoken_file = "token"')
    assert (checked.exit, checked.status("secret"), checked.status("logs")) == (0, "warning", "ok")
    assert "chmod 600" in checked.steps["secret"]["fix"]


def test_the_usual_places_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.toml").write_text(tenant("other", env="T"))
    (tmp_path / "okta.toml").write_text(tenant("usual", env="T"))
    assert [entry.name for entry in read_tenants(None, None, {"T": "x"}).entries] == ["usual"]
    assert [entry.name for entry in read_tenants(None, None, {"T": "x", "OKTA_PIPELINE_CONFIG": "other.toml"}).entries] == ["other"]
    assert [entry.name for entry in read_tenants("other.toml", None, {"T": "x"}).entries] == ["other"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tenant]\n", "tenant: unknown key; did you mean tenants? allowed: detections, hooks, pipeline, sinks, tenants"),
        ("[hooks]\nlisen = 1\n", "hooks.lisen: unknown key; did you mean listen?"),
        ("[detections]\nmanagd = true\n", "detections.managd: unknown key; did you mean managed?"),
        (
            '[detections]\ndisable = ["push_bombin"]\n',
            'okta.toml: detections.disable[0]: "push_bombin" is not allowed; did you mean push_bombing?',
        ),
    ],
)
def test_what_is_no_tenants_is_checked_as_far_as_it_is_known(run: Callable[..., Any], text: str, problem: str) -> None:
    status, [(_, ok, acme), (name, _, rest)] = run(tenant("acme") + text)
    assert (status, ok, name) == (2, False, "")
    assert acme["dns"]["detail"] == "no request is made while the configuration is wrong (the file)"
    assert rest["configuration"]["status"] == "failed"
    assert rest["configuration"]["detail"].startswith(problem)


def test_what_is_not_looked_at_is_said(
    organisation: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables of the main flow: whoever reads that all is fine would think of them too."""
    _, url = organisation()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEST_OKTA_TOKEN", TOKEN)
    line = "not looked at: [pipeline] and [sinks] of okta.toml, which `bytewax-okta check` does"
    (tmp_path / "okta.toml").write_text(tenant("acme", url) + '[pipeline]\nformatt = "raw"\n[sinks.x]\ntyp = "file"\n')
    assert main(["check"]) == 0
    assert capsys.readouterr().out.rstrip().endswith(line)
    assert main(["check", "--json"]) == 0
    printed = capsys.readouterr()
    assert list(json.loads(printed.out)) == ["tenants"]
    assert printed.err.strip() == line
    (tmp_path / "okta.toml").write_text(tenant("acme", url) + "[hooks]\n[detections]\n")
    assert main(["check"]) == 0
    assert "not looked at" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "failed", "found"),
    [
        ('"{token}"', "", "environment variable TEST_OKTA_TOKEN"),
        ("export TOKEN={token}", "", "environment variable TEST_OKTA_TOKEN"),
        ('{{"token": "{token}"}}', "", "environment variable TEST_OKTA_TOKEN"),
        ('"{token}', "secret", "environment variable TEST_OKTA_TOKEN begins with a quotation mark"),
        ("${{{token}}}", "secret", "environment variable TEST_OKTA_TOKEN begins with $"),
    ],
)
def test_a_token_as_it_was_pasted_is_taken_or_told(
    run: Callable[..., Any], organisation: Start, monkeypatch: pytest.MonkeyPatch, form: str, failed: str, found: str
) -> None:
    _, url = organisation()
    monkeypatch.setenv("TEST_OKTA_TOKEN", form.format(token=TOKEN))
    status, [(_, ok, steps)] = run(tenant("acme", url))
    assert (status, ok, steps["secret"]["status"]) == (int(bool(failed)), not failed, "failed" if failed else "ok")
    assert found in steps["secret"]["detail"]
    assert TOKEN not in json.dumps(steps)
