"""The command: without a word behind it an organisation is added, as by `python -m okta_source init`; `sink` adds a place for events.

| exit | meaning |
|---|---|
| 0 | it is in the file |
| 1 | the file could not be written, or the name is there already |
| 2 | an answer is missing or no good, or the file is no TOML |
| 130 | interrupted; the file is as it was |
"""

import argparse
import shlex
import sys
from collections.abc import Collection, Sequence

from rich.console import Console
from rich.text import Text

import okta_source.init.command as for_tenants
from flows.configuration.sink_tables import problems_between, table_problems
from flows.init.entry import SinkEntry, detections, new_file, next_steps
from flows.init.kinds import BASICS, KINDS, WAYS, Kind, every_question
from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH, ConfigFile, config_path, tenant_names
from okta_source.config.problems import ConfigurationError, quoted, toml_path
from okta_source.init.append import AppendError, append_text, read_before
from okta_source.init.asking import Asking, WrongAnswerError, declare_options
from okta_source.init.question import Question
from okta_source.output import as_typed, shape_help

__all__ = ["main", "make_parser"]

_DONE, _NOT_WRITTEN, _WRONG, _INTERRUPTED = 0, 1, 2, 130
_EXITS = {
    _DONE: "it is in the file",
    _NOT_WRITTEN: "the file can't be written, or can't be added to",
    _WRONG: "an answer is missing or wrong: the file is as it was",
    _INTERRUPTED: "interrupted: the file is as it was",
}
_NOTES = "Whatever is not given is asked for on a terminal. No secret is ever asked for or written, only where it is to be found."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    arguments = make_parser().parse_args(argv)
    return _add_sink(arguments) if arguments.what == "sink" else for_tenants.run(arguments)


def _add_sink(arguments: argparse.Namespace) -> int:
    config = config_path(arguments.config)
    out = Console(highlight=False)
    try:
        before = read_before(config)
        names = _names(before)
        entry = _entry(Asking(arguments, out, names), names)
        append_text(config, entry.toml(), lambda known: _addition(config, known, entry), lambda file: _problem(file, entry.name))
    except (WrongAnswerError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG
    except AppendError as error:
        sys.stderr.write(f"{error}\n")
        return _NOT_WRITTEN
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write(f"\nStopped; {config} is as it was.\n")
        return _INTERRUPTED
    out.print(Text(f"\nThe sink {entry.name} is in {config}{'' if before else ', which is new'}. What is left:"))
    steps = next_steps(
        entry,
        has_tenants=bool(before and tenant_names(before.raw)),
        adds_rules=_lacks_rules(before, entry),
        config=f" --config {shlex.quote(arguments.config)}" if arguments.config else "",
    )
    for number, step in enumerate(steps, 1):
        out.print(Text(as_typed(f"  {number}. {step}")), soft_wrap=True)
    return _DONE


def _entry(asking: Asking, taken: Collection[str]) -> SinkEntry:
    """The sink.

    Raises:
        WrongAnswerError: An option is missing, or no good.
    """
    of_type, of_name, of_way = BASICS
    if not asking.given("type"):
        asking.explain((word, kind.does) for word, kind in KINDS.items())
    word = asking.answer(of_type)
    asking.refuse_missing()
    kind = KINDS[word]
    name = asking.answer(of_name, suggestion="" if kind.name in taken else kind.name)
    answers: dict[str, str] = {}
    asked = [*kind.questions]
    for question in kind.questions:
        _ask(asking, question, name, answers)
    if kind.ways:
        way = _way(asking, kind, of_way)
        asked += WAYS[way][1]
        for question in WAYS[way][1]:
            _ask(asking, question, name, answers)
        asked.append(of_way)
    asking.refuse_missing()
    asking.refuse_superfluous([*every_question(), of_way], asked, f"--type {word}" + (f" --credentials {way}" if kind.ways else ""))
    return SinkEntry(name, kind, answers)


def _ask(asking: Asking, question: Question, name: str, answers: dict[str, str]) -> None:
    if question.key == "target" and answers.get("format") == "ecs":
        # Where Elastic's own rules and dashboards look for such documents.
        answers["target"] = asking.answer(question, name, suggestion="logs-okta.system-default")
        return
    key, value = asking.key_and_value(question, name)
    answers[key] = value


def _way(asking: Asking, kind: Kind, question: Question) -> str:
    """How it proves who it is: what was said, or what the other options speak of, or what is usual."""
    spoken_of = (
        way
        for way in kind.ways
        if any(asking.given(key) for entry in WAYS[way][1] for key in (entry.key, *(other for other, _ in entry.instead)))
    )
    if asking.given("credentials") is None:
        if found := next(spoken_of, None):
            return found
        asking.explain((way, WAYS[way][0]) for way in kind.ways)
    way = asking.answer(question, suggestion=kind.ways[0])
    if way not in kind.ways:
        msg = f"--credentials: not allowed; allowed: {', '.join(kind.ways)}"
        raise WrongAnswerError(msg)
    return way


def _names(file: ConfigFile | None) -> list[str]:
    sinks = file.raw.get("sinks") if file else None
    return list(sinks) if isinstance(sinks, dict) else []


def _lacks_rules(file: ConfigFile | None, entry: SinkEntry) -> bool:
    return entry.kind.is_for_alerts and (file is None or "detections" not in file.raw)


def _addition(config: str, known: ConfigFile | None, entry: SinkEntry) -> str:
    if known is None:
        return new_file(entry)
    if entry.name in _names(known):
        msg = f"{config} has a sink {quoted(entry.name)} already; choose another name"
        raise AppendError(msg)
    return (f"{detections()}\n" if _lacks_rules(known, entry) else "") + entry.toml()


def _problem(file: ConfigFile, name: str) -> str:
    """Why a run would refuse the sink, but for its secrets, which need not be there yet."""
    pipeline = file.raw.get("pipeline")
    pipeline = pipeline if isinstance(pipeline, dict) else {}
    context = {"format": pipeline.get("format")}
    named = pipeline.get("retired")
    retired = [former for former in named if isinstance(former, str)] if isinstance(named, list) else []
    found = table_problems(file, {"sinks": {name: file.raw["sinks"][name]}}, context)
    found += [problem for problem in problems_between(file, retired, context) if problem[0][1] == name]
    return "\n".join(f"{toml_path(place)}: {text}" for place, text in found)


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    words = "Add an organisation to the configuration or, with the word sink, a place where events go. Says where to find the answers."
    parser = argparse.ArgumentParser(prog="python -m flows.init", description=words)
    for_tenants.add_arguments(parser)
    parser.description = words
    shape_help(
        parser,
        _EXITS,
        [
            "python -m flows.init",
            "python -m flows.init --name acme --org-url acme --method ssws --token-env ACME_OKTA_TOKEN",
            "python -m flows.init sink --help",
        ],
        _NOTES,
    )
    sink = parser.add_subparsers(dest="what", metavar="sink").add_parser(
        "sink", help="add a sink: files, Elasticsearch, OpenSearch, a webhook, Splunk, Slack, PagerDuty", prog="python -m flows.init sink"
    )
    sink.description = "Add a sink to the configuration: " + "; ".join(f"{word}: {kind.does}" for word, kind in KINDS.items()) + "."
    sink.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,  # what stands before the word counts as well
        help=f"the configuration to add to (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})",
    )
    declare_options(sink, [*BASICS, *every_question()], [("type", KINDS), ("credentials", WAYS)])
    shape_help(
        sink,
        _EXITS,
        [
            "python -m flows.init sink",
            "python -m flows.init sink --type elasticsearch --hosts https://es1.example.com:9200 --api-key-env ES_API_KEY",
            "python -m flows.init sink --type splunk --url https://splunk.example.com:8088/services/collector/event",
            "python -m flows.init sink --type slack --level-at-least high",
        ],
        _NOTES,
    )
    return parser
