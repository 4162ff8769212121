"""The status file: what `status` reads of a run that serves no metrics."""

import os
import time
from pathlib import Path

import pytest

from okta_source.__main__ import main
from okta_source.status.file import STATUS_FILE, look_into

TEXT = 'okta_tenant_info{tenant="acme",display_name="Acme",org="acme.okta.com"} 1\n'


def test_what_a_run_wrote_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / STATUS_FILE).write_text(TEXT)
    samples = look_into(tmp_path).samples
    assert samples is not None
    assert [labels["tenant"] for labels, _ in samples.each("okta_tenant_info")] == ["acme"]
    assert main(["status", str(tmp_path)]) == 0
    assert "Acme" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "problem"), [(None, "no run that writes it is on"), ("{", "can't be read")])
def test_a_file_that_is_not_there_or_is_something_else(
    text: str | None, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / STATUS_FILE).write_text(text)
    assert main(["status", str(tmp_path)]) == 2
    assert problem in capsys.readouterr().err


def test_a_run_that_was_killed_is_not_taken_for_one_that_lives(tmp_path: Path) -> None:
    path = tmp_path / STATUS_FILE
    path.write_text(TEXT)
    os.utime(path, (time.time() - 300,) * 2)
    look = look_into(tmp_path)
    assert look.samples is None
    assert "ended 300 s ago" in look.problem


def test_without_an_address_a_run_in_the_working_directory_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / STATUS_FILE).write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BYTEWAX_RECOVERY_DIRECTORY", raising=False)
    assert main(["status"]) == 0
    assert "Acme" in capsys.readouterr().out
