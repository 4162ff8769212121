"""`python -m okta_source simulate` in a process of its own."""

import hashlib
import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import requests

from okta_source.__main__ import main
from okta_source.simulator.registrations import METHODS

ROOT = Path(__file__).parents[4]


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "okta_source", "simulate", "--port", "0", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_until_ready(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    lines = []
    while (line := process.stdout.readline().rstrip("\n")) != "ready":
        assert line, process.communicate()[1]
        lines.append(line)
    return lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_announces_serves_and_stops_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    process = start(
        "--names", "acme,globex", "--events", "30", "--write-config", "okta.toml", "--sink-path", "out/{tenant}.ndjson",
        "--expect", "expect-{tenant}.txt", cwd=tmp_path,
    )  # fmt: skip
    try:
        announced = lines_until_ready(process)
        configuration = tomllib.loads((tmp_path / "okta.toml").read_text())
        assert [tenant["name"] for tenant in configuration["tenants"]] == ["acme", "globex"]
        assert configuration["sinks"]["archive"] == {"type": "file", "path": "out/{tenant}.ndjson"}
        for line, tenant in zip(announced, configuration["tenants"], strict=False):
            name, url = tenant["name"], tenant["org_url"]
            assert line.startswith(f"{name}  {url}  30 events")
            token_file = tmp_path / tenant["auth"]["token_file"]
            assert token_file.stat().st_mode & 0o777 == 0o600
            headers = {"Authorization": f"SSWS {token_file.read_text().strip()}", "Accept-Encoding": "identity"}
            with requests.get(f"{url}/api/v1/logs", headers=headers, timeout=10) as response:
                events = response.json()
                body = response.content
            expected = [line.split() for line in (tmp_path / f"expect-{name}.txt").read_text().splitlines()]
            assert [uuid for uuid, _ in expected] == [event["uuid"] for event in events]
            assert hashlib.sha256(first_event(body)).hexdigest() == expected[0][1]
    finally:
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def serving(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("method", METHODS)
def test_a_configuration_for_every_method_with_https(tmp_path: Path, method: str) -> None:
    process = start("--events", "30", "--write-config", "conf/okta.toml", "--auth", method, "--dpop", "--tls", cwd=tmp_path)
    try:
        announced = lines_until_ready(process)
        (tenant,) = tomllib.loads((tmp_path / "conf/okta.toml").read_text())["tenants"]
        auth = tenant["auth"]
        secret_file = tmp_path / "conf" / auth["private_key_file" if method == "private_key_jwt" else "client_secret_file"]
        assert (auth["method"], auth["client_id"], auth["dpop"]) == (method, f"0oa-acme-{method.replace('_', '-')}", True)
        assert secret_file.stat().st_mode & 0o777 == 0o600
        assert any(auth["client_id"] in line and str(secret_file.name) in line for line in announced)
        if method == "private_key_jwt":
            key = json.loads(secret_file.read_text())
            assert (key["kid"], key["alg"]) == (auth["key_id"], "RS256")
        url = f"{tenant['org_url']}/oauth2/v1/authorize"
        parameters = {"client_id": auth["client_id"], "redirect_uri": "http://127.0.0.1:8765/callback", "state": "s", "response_type": "x"}
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=10)
        answer = requests.get(url, parameters, timeout=10, allow_redirects=False, verify=tenant["tls"]["ca_file"])
        assert answer.status_code == (302 if method == "refresh_token" else 400)
        assert any(line.startswith("acme  sign in as admin@acme.example.com") for line in announced) == (method == "refresh_token")
    finally:
        serving(process)


def test_every_app_has_a_file_of_its_own(tmp_path: Path) -> None:
    process = start("--clients", "all", "--auth", "client_secret", "--write-config", "okta.toml", cwd=tmp_path)
    try:
        announced = lines_until_ready(process)
        url = announced[0].split()[1]
        shown = {line.split()[3]: tmp_path / line.split()[5] for line in announced if " client_id " in line}
        assert len(set(shown.values())) == 3
        for client_id, file in shown.items():
            if file.suffix == ".secret":
                form, auth = {"grant_type": "refresh_token"}, (client_id, file.read_text().strip())
                answer = requests.post(f"{url}/oauth2/v1/token", form, auth=auth, timeout=10)
                assert answer.json()["error"] in ("invalid_grant", "unauthorized_client")
    finally:
        serving(process)


def test_apps_without_a_configuration_go_to_the_screen(tmp_path: Path) -> None:
    process = start("--clients", "all", "--access-token-seconds", "77", cwd=tmp_path)
    try:
        announced = lines_until_ready(process)
        url = announced[0].split()[1]
        client_id, secret = next(line for line in announced if " client_secret: " in line).split()[3::2]
        form = {"grant_type": "client_credentials", "scope": "okta.logs.read"}
        answer = requests.post(f"{url}/oauth2/v1/token", form, auth=(client_id, secret), timeout=10)
        assert answer.json()["expires_in"] == 77
        assert len([line for line in announced if "client_id" in line]) == 3
        assert list(tmp_path.iterdir()) == []
    finally:
        serving(process)


def first_event(body: bytes) -> bytes:
    text = body.decode()
    _, end = json.JSONDecoder().raw_decode(text, 1)
    return text[1:end].encode()


def test_wrong_arguments_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--names", "Not A Name"]) == 2
    assert "--names: 'Not A Name'" in capsys.readouterr().err
    assert main(["simulate", "--names", "acme,acme"]) == 2
    assert main(["simulate", "--events", "-1"]) == 2
    assert main(["simulate", "--faults", "2"]) == 2
    assert main(["simulate", "--link-form", "sideways"]) == 2
    assert main(["simulate", "--clients", "password"]) == 2
    assert main(["simulate", "--access-token-seconds", "0"]) == 2


def test_help_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "simulate" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])
    assert caught.value.code == 2
