"""`--help` has one shape, whichever command is asked."""

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flows.__main__ as of_flows
import okta_source.__main__ as of_okta_source
from flows.commands import COMMANDS as ALL
from flows.commands import GROUPS, OWN, module_of

COMMANDS = [(f"python -m flows.{name}", of_flows.main, name) for name in OWN]
COMMANDS += [(f"python -m okta_source {name}", of_okta_source.main, name) for name in of_okta_source.COMMANDS]
each_command = pytest.mark.parametrize(
    ("typed", "main", "name"), COMMANDS, ids=[typed.removeprefix("python -m ") for typed, _, _ in COMMANDS]
)


@each_command
def test_what_options_exit_codes_example(typed: str, main, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    usage, what, *_, exits, examples = text.rstrip().split("\n\n")
    assert usage.startswith(f"usage: {typed}")
    assert re.match(r"[A-Z]", what)
    assert exits.startswith("exit codes:\n  0 ")
    assert re.search(r"^  2 ", exits, re.MULTILINE)
    assert examples.startswith("examples:\n")
    assert all(line.startswith(f"  {typed}") for line in examples.splitlines()[1:])


@each_command
def test_an_option_that_may_be_left_out_says_what_holds_then(typed: str, main, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[argparse.ArgumentParser] = []

    def keep(parser: argparse.ArgumentParser, *_: object) -> None:
        met.append(parser)
        raise SystemExit

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", keep)
    with pytest.raises(SystemExit):
        main([name])
    (parser,) = met
    if isinstance(parser._subparsers, argparse._ArgumentGroup) and typed.startswith("python -m okta_source"):
        (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        parser = commands.choices[name]
    silent = [
        action.option_strings[-1]
        for action in parser._actions
        if action.option_strings and action.nargs != 0 and not action.required and action.default not in (None, "", [])
        if "default" not in (action.help or "")
    ]
    assert not silent


def test_all_commands_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    for main, commands in ((of_flows.main, ALL), (of_okta_source.main, of_okta_source.COMMANDS)):
        assert main([]) == 0
        listed = capsys.readouterr().out
        assert all(re.search(rf"^ +{name}\b", listed, re.MULTILINE) for name in commands)


def test_a_command_that_does_not_exist_is_told_beside_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert of_flows.main(["bakfill"]) == 2
    told = capsys.readouterr().err
    assert "no command 'bakfill'" in told
    assert "backfill" in told


def test_a_command_is_the_same_by_either_name() -> None:
    for name in OWN:
        module = module_of(name)
        assert callable(module.main)
        started = importlib.util.find_spec(f"flows.{name}.__main__" if module.__name__.endswith(".command") else f"flows.{name}")
        assert 'if __name__ == "__main__":' in Path(started.origin).read_text()


def test_every_command_is_in_one_group_of_the_help() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(ALL)


@pytest.mark.parametrize("name", ["audit", "check"])
def test_the_script_names_itself_in_the_help_of_a_command(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("okta_source.output.usage._by_script", True)
    with pytest.raises(SystemExit):
        of_flows.main([name, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: bytewax-okta {name} ")
    assert f"\n  bytewax-okta {name}" in text
    assert "python -m" not in text
    with pytest.raises(SystemExit):
        of_flows.main([name, "--colour"])
    assert re.search(r"^bytewax-okta.*: error: unrecognized arguments: --colour$", capsys.readouterr().err, re.MULTILINE)


def test_a_command_is_imported_only_when_it_is_asked_for() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys; from flows.__main__ import main; main([]); print(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"bytewax", "requests", "pydantic", "rich", "orjson"} & set(told.stderr.split())
