"""`python -m okta_source init`: a new tenant, by questions on a terminal or by options in a script.

| exit | meaning |
|---|---|
| 0 | the tenant is in the file |
| 1 | the file could not be written, or the tenant is there already |
| 2 | an answer is missing or no good, or the file is no TOML |
| 130 | interrupted; the file is as it was |
"""

import argparse
import shlex
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH, config_path
from okta_source.config.problems import ConfigurationError, quoted
from okta_source.init.append import AppendError, append_entry, read_names
from okta_source.init.asking import Asking, WrongAnswerError, declare_options
from okta_source.init.entry import Entry, next_steps
from okta_source.init.question import Question
from okta_source.init.questions import BASICS, HOOKS, METHODS, QUESTIONS, START
from okta_source.output import as_typed, shape_help

_DONE, _NOT_WRITTEN, _WRONG, _INTERRUPTED = 0, 1, 2, 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shape_help(
        parser,
        {
            0: "the tenant is in the file",
            1: "the file can't be written",
            2: "an answer is missing or wrong: the file is as it was",
            130: "interrupted: the file is as it was",
        },
        ["python -m okta_source init", "python -m okta_source init --name acme --org-url acme --method ssws --token-env ACME_OKTA_TOKEN"],
        "Whatever is not given is asked for on a terminal. No secret is ever asked for or written, only where it is to be found.",
    )
    parser.add_argument("--config", metavar="FILE", help=f"the configuration to add to (default: ${CONFIG_VARIABLE}, else {DEFAULT_PATH})")
    parser.add_argument("--display-name", default="", metavar="TEXT", help="the organisation's name for people")
    parser.add_argument("--push", action="store_true", help="ask for what event hooks need as well")
    declare_options(parser, _questions(), [("method", METHODS)])


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Args:
        arguments: As declared.

    Returns:
        The exit status.
    """
    config = config_path(arguments.config)
    out = Console(highlight=False)
    try:
        known = read_names(config)
        push = arguments.push or arguments.hook_mode or arguments.hook_secret_env or arguments.hook_secret_file
        entry, references = _entry(Asking(arguments, out, known), arguments.display_name, push=bool(push))
        is_new = append_entry(config, entry)
    except (WrongAnswerError, ConfigurationError) as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG
    except AppendError as error:
        sys.stderr.write(f"{error}\n")
        return _NOT_WRITTEN
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write(f"\nStopped; {config} is as it was.\n")
        return _INTERRUPTED
    done = f"{config} is new, with the tenant {entry.name} and a file sink." if is_new else f"The tenant {entry.name} is in {config}."
    out.print(Text(f"\n{done} What is left:"))
    option = f" --config {shlex.quote(arguments.config)}" if arguments.config else ""
    for number, step in enumerate(next_steps(entry, references, option), 1):
        out.print(Text(as_typed(f"  {number}. {step}")), soft_wrap=True)
    return _DONE


def _entry(asking: Asking, display_name: str, *, push: bool) -> tuple[Entry, list[tuple[str, str]]]:
    """The tenant, and key and value of what refers to its secrets.

    Raises:
        WrongAnswerError: An option is missing, or no good.
    """
    name = asking.answer(BASICS[0])
    org_url = asking.answer(BASICS[1], name)
    if not asking.given("method"):
        asking.explain(METHODS.items())
    method = asking.answer(BASICS[2], name)
    asking.refuse_missing()
    auth, references = {}, []
    for question in QUESTIONS[method]:
        key, value = asking.key_and_value(question, name)
        if value and not (question.literal and value == "false"):
            auth[key] = value if question.literal else quoted(value)
        if key.endswith(("_env", "_file")):
            references.append((key, value))
    start_from = asking.answer(START, name)
    hooks = _hooks(asking, name, references) if push else {}
    asking.refuse_missing()
    every = [question for questions in QUESTIONS.values() for question in questions]
    asking.refuse_superfluous(every, QUESTIONS[method], f"--method {method}")
    return Entry(name, org_url, method, start_from, display_name, auth, hooks), references


def _hooks(asking: Asking, name: str, references: list[tuple[str, str]]) -> dict[str, str]:
    """The keys of `[tenants.hooks]`."""
    secret, mode = HOOKS
    key, value = asking.key_and_value(secret, name)
    references.append((key, value))
    return {key.removeprefix("hook_"): quoted(value), "mode": quoted(asking.answer(mode, name))}


def _questions() -> Iterator[Question]:
    yield from (*BASICS, START, *HOOKS)
    for questions in QUESTIONS.values():
        yield from questions
