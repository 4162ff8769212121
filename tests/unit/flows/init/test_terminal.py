"""`init sink` on a real terminal."""

import tomllib
from pathlib import Path

import pytest

from tests.unit.terminal import talk

SLACK = "https://hooks.slack.com/services/T0000/B0000/Xk3k9Q2kdl20sKd8"


def at_terminal(folder: Path, *answers: str) -> tuple[int, str]:
    return talk(folder, ["flows", "init", "sink"], answers)


@pytest.mark.parametrize(
    ("answers", "expected", "again"),
    [
        (
            ["kafka", "opensearch", "", "https://os.example.com:9200", "", "", "user", "okta", "secret", "./secrets/os"],
            {
                "type": "elasticsearch",
                "hosts": ["https://os.example.com:9200"],
                "target": "logs-okta.bytewax-default",
                "username": "okta",
                "password_file": "./secrets/os",
            },
            2,
        ),
        (
            ["slack", "chat", SLACK, "CHAT_URL", "", ""],
            {"type": "webhook", "encoding": "slack", "kinds": ["alerts"], "url_env": "CHAT_URL", "level_at_least": "high"},
            1,
        ),
        (
            ["webhook", "", "https://siem.example.com/in", "", ""],
            {"type": "webhook", "url": "https://siem.example.com/in", "headers_env": {"Authorization": "HOOK_AUTH"}},
            0,
        ),
        (["webhook", "", "SIEM_URL", "none"], {"type": "webhook", "url_env": "SIEM_URL"}, 0),
        (["file", "", "", "", "30d"], {"type": "file", "path": "data/{tenant}/{date}.ndjson", "keep": "30d"}, 0),
    ],
    ids=["opensearch", "slack", "webhook", "secret URL", "file"],
)
def test_it_explains_asks_and_asks_again(tmp_path: Path, answers: list[str], expected: dict[str, object], again: int) -> None:
    code, text = at_terminal(tmp_path, *answers)
    assert code == 0, text
    (sink,) = tomllib.loads((tmp_path / "okta.toml").read_text())["sinks"].values()
    assert sink == expected
    assert "Elasticsearch or OpenSearch: a data stream, its template included" in text
    assert text.count("That is not allowed; allowed: ") == again
    assert "python -m flows.check --sink" in text


def test_a_stop_leaves_no_file(tmp_path: Path) -> None:
    code, text = at_terminal(tmp_path, "slack", "", "\x04")
    assert code == 130, text
    assert not (tmp_path / "okta.toml").exists()
