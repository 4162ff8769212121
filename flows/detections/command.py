"""`python -m flows.detections list | lint | explain`.

| exit | meaning |
|---|---|
| 0 | done; `lint`: nothing is wrong |
| 1 | `lint`: something is |
| 2 | an argument, the configuration or a rule in force can't be used |
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from flows.detections.explain import explain, lists_of, state_of
from flows.terminal.screen import screen_of
from okta_source.config.problems import ConfigurationError
from okta_source.detections.choice import ChoiceError, choose
from okta_source.detections.library import check_rules, load_rules
from okta_source.detections.problems import RulesError
from okta_source.detections.rules import Active, RuleSet
from okta_source.detections.sigma.rule import LEVELS, Rule
from okta_source.output import shape_help

__all__ = ["main", "make_parser"]

EXIT_DONE, EXIT_PROBLEM, EXIT_USAGE = 0, 1, 2
_COLUMNS: Final = ("level", "name", "state", "alerts", "lists", "title")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    arguments = make_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except (ChoiceError, ConfigurationError, RulesError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    return code


def _list(arguments: argparse.Namespace) -> int:
    choice = choose(arguments.rules, arguments.config)
    rules, doubts = load_rules(choice.config, beside_managed=choice.beside_managed)
    rows = [_row(active, rules) for active in rules.rules if (active.alerts or arguments.all) and choice.holds(active.rule)]
    rows.sort(key=lambda row: (-LEVELS.index(row["level"]), row["name"]))
    off = [_off(rule) for rule in rules.off if choice.holds(rule)]
    rows += off if arguments.all else []
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
        return EXIT_DONE
    shown = screen_of(sys.stdout).writing.shown
    table = [_COLUMNS, *([_cell(row[column]) for column in _COLUMNS] for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(_COLUMNS))]
    for row in table:
        sys.stdout.write("  ".join(shown(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    sys.stdout.write(f"{len(rows)} rules; {len(off)} more are off\n" if not arguments.all else f"{len(rows)} rules\n")
    for doubt in doubts:
        sys.stderr.write(f"warning: {doubt}\n")
    return EXIT_DONE


def _lint(arguments: argparse.Namespace) -> int:
    choice = choose(arguments.paths, arguments.config)
    found = check_rules(choice.config, beside_managed=choice.beside_managed)
    for problem in found.problems:
        sys.stdout.write(f"{problem}\n" if problem.is_error else f"{problem} (warning)\n")
    sys.stdout.write(f"{found.count} rules, {len(found.problems)} problems\n")
    return EXIT_PROBLEM if found.problems else EXIT_DONE


def _explain(arguments: argparse.Namespace) -> int:
    name = arguments.rule
    path = Path(name)
    choice = choose([name], arguments.config) if path.is_file() else choose(arguments.rules, arguments.config)
    only = None if path.is_file() else frozenset({name})
    try:
        rules, _ = load_rules(choice.config, None, only, beside_managed=choice.beside_managed)
    except RulesError as error:
        if not (only and len(error.problems) == 1 and error.problems[0].place == "--rule"):
            raise
        sys.stderr.write(f"{error.problems[0].message}\n")
        return EXIT_USAGE
    chosen = [
        active for active in rules.rules if (name in active.rule.about.names if only else active.alerts and choice.holds(active.rule))
    ]
    shown = screen_of(sys.stdout).writing.shown
    for number, active in enumerate(chosen):
        if number:
            sys.stdout.write("\n")
        sys.stdout.writelines(f"{shown(line)}\n" for line in explain(active, rules))
    return EXIT_DONE


def _row(active: Active, rules: RuleSet) -> dict[str, Any]:
    about = active.rule.about
    return {
        "id": about.id, "name": about.name, "title": about.title, "level": about.level, "state": state_of(active.rule),
        "alerts": active.alerts, "lists": sorted(set(lists_of(active, rules))), "file": about.file, "version": active.version,
    }  # fmt: skip


def _off(rule: Rule) -> dict[str, Any]:
    about = rule.about
    return {
        "id": about.id, "name": about.name, "title": about.title, "level": about.level, "state": state_of(rule), "alerts": "off",
        "lists": [], "file": about.file, "version": "",
    }  # fmt: skip


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.detections", description="Rules: those in force, what is wrong with them, what they mean."
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: $OKTA_PIPELINE_CONFIG, else okta.toml)")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="the rules in force, with level, state and the lists that they want")
    listing.add_argument("--rules", nargs="+", default=[], metavar="PATH", help="files, folders, globs, `managed` or `configured`")
    listing.add_argument("--all", action="store_true", help="those that are off, and those that only serve others, too")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=_list)
    lint = commands.add_parser("lint", help="every problem of rules at once; exit 1 when there is one")
    lint.add_argument("paths", nargs="*", metavar="PATH", help="files, folders, globs, `managed` (default: what is configured)")
    lint.set_defaults(run=_lint)
    meaning = commands.add_parser("explain", help="what a rule means, event types and state included")
    meaning.add_argument("rule", metavar="RULE", help="an id, a name, or a file of rules")
    meaning.add_argument("--rules", nargs="+", default=[], metavar="PATH", help="where to look for it (default: what is configured)")
    meaning.set_defaults(run=_explain)
    for command in (listing, lint, meaning):
        command.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    shape_help(
        parser,
        {0: "no problem", 1: "lint: a rule has a problem", 2: "an argument or the configuration can't be used"},
        ["python -m flows.detections list", "python -m flows.detections lint rules/", "python -m flows.detections explain push_bombing"],
    )
    return parser
