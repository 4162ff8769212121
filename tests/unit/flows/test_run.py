"""What `run` looks at before it begins."""

from pathlib import Path

import pytest

from flows.configuration.settings import load
from flows.run import _files_unknown_to, main

CONFIG = """
[[tenants]]
name = "acme"
org_url = "acme"
auth = { method = "ssws", token_env = "TOKEN" }

[sinks.archive]
type = "file"
path = "data/{tenant}/{date}.ndjson"
compression = "gzip"
"""


def test_a_first_start_over_files_of_an_earlier_run_is_told(tmp_path: Path) -> None:
    config = tmp_path / "okta.toml"
    config.write_text(CONFIG)
    settings = load(config, {"TOKEN": "00abc"})
    state = tmp_path / "state"
    (tmp_path / "data" / "dead-letter" / "input").mkdir(parents=True)
    (tmp_path / "data" / "dead-letter" / "input" / "2026-01-31.ndjson").touch()
    assert list(_files_unknown_to(state, settings)) == []
    (tmp_path / "data" / "acme").mkdir()
    (tmp_path / "data" / "acme" / "2026-01-31.ndjson.gz").touch()
    (told,) = _files_unknown_to(state, settings)
    assert told.startswith(f"sinks.archive: there are files of an earlier run already ({tmp_path}/data/acme/2026-01-31.ndjson.gz …)")
    (state / "files").mkdir(parents=True)
    (state / "files" / "archive.acme.ndjson").touch()
    assert list(_files_unknown_to(state, settings)) == []


@pytest.mark.parametrize("wrong", [["--metrics-port", "0"], ["--metrics-port", "65536"], ["--snapshot-interval", "-1"], ["--state"]])
def test_wrong_arguments_exit_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong, {})
    assert ended.value.code == 2
    assert "usage: " in capsys.readouterr().err
