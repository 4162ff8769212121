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


def test_help_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "simulate" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])
    assert caught.value.code == 2
