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
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.prompt import Prompt
from rich.text import Text

from okta_source.config.file import CONFIG_VARIABLE, DEFAULT_PATH, config_path
from okta_source.config.problems import ConfigurationError, quoted
from okta_source.init.append import AppendError, append_entry, read_names
from okta_source.init.entry import Entry, next_steps
from okta_source.init.questions import BASICS, HOOKS, INSTEAD, METHODS, QUESTIONS, START, Question
from okta_source.output import shape_help

_DONE, _NOT_WRITTEN, _WRONG, _INTERRUPTED = 0, 1, 2, 130


class _WrongAnswerError(Exception):
    """An option is missing, or no good."""


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
    for key, question in _options().items():
        metavar = "{" + ",".join(METHODS) + "}" if key == "method" else key.rpartition("_")[2].upper()
        parser.add_argument(_option(key), dest=key, metavar=metavar, help=question)


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
        entry, references = _Answers(arguments, out, known).entry()
        is_new = append_entry(config, entry)
    except (_WrongAnswerError, ConfigurationError) as error:
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
        out.print(Text(f"  {number}. {step}"), soft_wrap=True)
    return _DONE


class _Answers:
    """Takes each answer from the options, or asks for it.

    Args:
        arguments: The options.
        out: The terminal.
        known: Names that are taken.
    """

    def __init__(self, arguments: argparse.Namespace, out: Console, known: Sequence[str]) -> None:
        self._arguments = arguments
        self._out = out
        self._known = known
        self._asks = sys.stdin.isatty() and sys.stdout.isatty()
        self._missing: list[str] = []

    def entry(self) -> tuple[Entry, list[tuple[str, str]]]:
        """The tenant, and key and value of what refers to its secrets.

        Raises:
            _WrongAnswerError: An option is missing, or no good.
        """
        name = self._answer(BASICS[0], "")
        org_url = self._answer(BASICS[1], name)
        if self._asks and not self._arguments.method:
            for method, meaning in METHODS.items():
                self._out.print(Text.assemble(("  " + method.ljust(16), "bold"), meaning), soft_wrap=True)
        method = self._answer(BASICS[2], name)
        self._refuse_missing()
        auth, references = {}, []
        for question in QUESTIONS[method]:
            key, value = self._key_and_value(question, name)
            if value and not (question.literal and value == "false"):
                auth[key] = value if question.literal else quoted(value)
            if key.endswith(("_env", "_file")):
                references.append((key, value))
        start_from = self._answer(START, name)
        hooks = self._hooks(name, references)
        self._refuse_missing()
        self._refuse_superfluous(method)
        return Entry(name, org_url, method, start_from, self._arguments.display_name, auth, hooks), references

    def _hooks(self, name: str, references: list[tuple[str, str]]) -> dict[str, str]:
        """The keys of `[tenants.hooks]`; none where nobody wants push."""
        secret, mode = HOOKS
        arguments = self._arguments
        if not (arguments.push or arguments.hook_mode or arguments.hook_secret_env or arguments.hook_secret_file):
            return {}
        key, value = self._key_and_value(secret, name)
        references.append((key, value))
        return {key.removeprefix("hook_"): quoted(value), "mode": quoted(self._answer(mode, name))}

    def _key_and_value(self, question: Question, name: str) -> tuple[str, str]:
        if question.instead and getattr(self._arguments, question.instead):
            if getattr(self._arguments, question.key):
                msg = f"{_option(question.key)} and {_option(question.instead)} exclude each other"
                raise _WrongAnswerError(msg)
            return question.instead, _checked(question.instead, getattr(self._arguments, question.instead), INSTEAD[question.instead])
        return question.key, self._answer(question, name)

    def _answer(self, question: Question, name: str) -> str:
        given = getattr(self._arguments, question.key)
        if given is not None:
            return _checked(question.key, given, lambda value: self._accepted(question, value))
        suggestion = question.suggested(name)
        if not self._asks:
            # In a script, what is usual needs no option; what only the person can know does.
            if not suggestion and not question.optional:
                self._missing.append(_option(question.key))
            return question.check(suggestion) if suggestion else ""
        self._out.print(Text(question.where, style="dim"), soft_wrap=True)
        while True:
            answer = Prompt.ask(question.text, console=self._out, default=suggestion or None, show_default=bool(suggestion)) or ""
            try:
                return self._accepted(question, answer.strip())
            except ValueError as error:
                # The answer is not repeated: it may have been a secret.
                self._out.print(Text(f"That is not allowed; allowed: {error}", style="red"), soft_wrap=True)

    def _accepted(self, question: Question, answer: str) -> str:
        if question.key == "name" and answer in self._known:
            msg = f"another name: {quoted(answer)} is in the file already"
            raise ValueError(msg)
        return answer if question.optional and not answer else question.check(answer)

    def _refuse_missing(self) -> None:
        if self._missing:
            msg = f"this is no terminal to ask on; give {', '.join(self._missing)}"
            raise _WrongAnswerError(msg)

    def _refuse_superfluous(self, method: str) -> None:
        allowed = {key for question in QUESTIONS[method] for key in (question.key, question.instead)}
        every = {key for questions in QUESTIONS.values() for question in questions for key in (question.key, question.instead) if key}
        for key in sorted(every - allowed):
            if getattr(self._arguments, key):
                msg = f"{_option(key)} does not go with --method {method}"
                raise _WrongAnswerError(msg)


def _checked(key: str, value: str, check: Callable[[str], str]) -> str:
    try:
        return check(value)
    except ValueError as error:
        msg = f"{_option(key)}: not allowed; allowed: {error}"
        raise _WrongAnswerError(msg) from None


def _option(key: str) -> str:
    return "--" + key.replace("_", "-")


def _questions() -> Iterator[Question]:
    yield from (*BASICS, START, *HOOKS)
    for questions in QUESTIONS.values():
        yield from questions


def _options() -> dict[str, str]:
    """Every option with its help."""
    options: dict[str, str] = {}
    for question in _questions():
        suggestion = f"; default: {question.suggestion}" if question.suggestion else ""
        options[question.key] = f"{question.text}: {question.where}{suggestion}"
        if question.instead:
            options[question.instead] = f"in place of {_option(question.key)}"
    return options
