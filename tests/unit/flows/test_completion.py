"""Completion knows what the parsers know."""

import shutil
import subprocess
from pathlib import Path

import pytest

from flows.commands import COMMANDS
from flows.completion import main, parser_of


def script_for(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([shell]) == 0
    return capsys.readouterr().out


def offered(script: str, folder: Path, *typed: str) -> list[str]:
    """What bash offers for the last word."""
    file = folder / "completion"
    file.write_text(script)
    words = " ".join(f"'{word}'" for word in ("bytewax-okta", *typed))
    asked = f"source {file}; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _bytewax_okta; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    told = subprocess.run(["bash", "-c", asked], cwd=folder, capture_output=True, text=True, check=True)
    assert not told.stderr
    return told.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_offers_commands_options_words_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = script_for("bash", capsys)
    (tmp_path / "okta.toml").touch()
    assert offered(script, tmp_path, "") == list(COMMANDS)
    assert offered(script, tmp_path, "back") == ["backfill", "backtest"]
    assert offered(script, tmp_path, "run", "--s") == ["--state", "--snapshot-interval"]
    assert offered(script, tmp_path, "run", "--config", "ok") == ["okta.toml"]
    assert offered(script, tmp_path, "state", "") == ["show", "accept"]
    assert offered(script, tmp_path, "completion", "") == ["bash", "zsh", "fish"]
    assert "--write-config" in offered(script, tmp_path, "simulate", "--")


def test_fish_and_zsh_know_every_command_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    fish, zsh = script_for("fish", capsys), script_for("zsh", capsys)
    for name in COMMANDS:
        assert f"-f -a {name} -d '" in fish
        assert f"\n    {name}) options=('--" in zsh
    assert "__fish_seen_subcommand_from run' -l state -r -d 'the state directory, made where there is none'" in fish
    assert "'--until-drained:end once every tenant is drained and outboxes are empty, for cron'" in zsh
    quoted = [line for line in (fish + zsh).splitlines() if line.count("'") % 2]
    assert not quoted


def test_every_command_of_this_package_has_a_parser_to_be_asked() -> None:
    for name in COMMANDS:
        assert "--help" in parser_of(name).format_help()
