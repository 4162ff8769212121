"""Takes each answer from the options, or asks for it on a terminal."""

import argparse
import sys
from collections.abc import Callable, Collection, Iterable

from rich.console import Console
from rich.prompt import Prompt
from rich.text import Text

from okta_source.config.problems import quoted
from okta_source.init.question import Question

__all__ = ["Asking", "WrongAnswerError", "declare_options", "option_of"]


class WrongAnswerError(Exception):
    """An option is missing, or no good."""


class Asking:
    """Takes each answer from the options, or asks for it.

    Args:
        arguments: The options.
        out: The terminal.
        known: Names that are taken.
    """

    def __init__(self, arguments: argparse.Namespace, out: Console, known: Collection[str]) -> None:
        self._arguments = arguments
        self._out = out
        self._known = known
        self._missing: list[str] = []
        self.asks = sys.stdin.isatty() and sys.stdout.isatty()

    def given(self, key: str) -> str | None:
        """An option's value; None where it wasn't given."""
        value: str | None = getattr(self._arguments, key)
        return value

    def explain(self, rows: Iterable[tuple[str, str]]) -> None:
        """Show what may be chosen, where somebody is asked."""
        if self.asks:
            for word, meaning in rows:
                self._out.print(Text.assemble(("  " + word.ljust(16), "bold"), meaning), soft_wrap=True)

    def answer(self, question: Question, name: str = "", *, suggestion: str | None = None) -> str:
        """The answer to a question with one form, as it is to be written.

        Args:
            question: The question.
            name: The new table's name, for what is suggested.
            suggestion: In place of the question's own.

        Raises:
            WrongAnswerError: The option is no good.
        """
        if (given := self.given(question.key)) is not None:
            return _checked(question.key, given, lambda value: self._accepted(question, value))
        suggested = question.suggested(name) if suggestion is None else suggestion
        if not self.asks:
            return self._usual(question, suggested)
        return self._asked(question, suggested, lambda answer: self._accepted(question, answer))

    def key_and_value(self, question: Question, name: str) -> tuple[str, str]:
        """The answer to a question with several forms, and the key that it is meant for.

        Raises:
            WrongAnswerError: The option is no good, or two of them exclude each other.
        """
        given = [(key, check) for key, check in ((question.key, question.check), *question.instead) if self.given(key)]
        if len(given) > 1:
            msg = f"{option_of(given[0][0])} and {option_of(given[1][0])} exclude each other"
            raise WrongAnswerError(msg)
        if given or not question.instead or not self.asks:
            key, check = given[0] if given else (question.key, question.check)
            return key, self.answer(question, name) if key == question.key else _checked(key, self.given(key) or "", check)
        found = ""

        def accept(answer: str) -> str:
            nonlocal found
            reasons = []
            for key, check in question.forms():
                found = key
                try:
                    return check(answer)
                except ValueError as error:
                    reasons.append(str(error))
            raise ValueError("; or ".join(reasons))

        answer = self._asked(question, question.suggested(name), accept)
        return found, answer

    def refuse_missing(self) -> None:
        """Stop where something could not be asked for.

        Raises:
            WrongAnswerError: Options are missing.
        """
        if self._missing:
            msg = f"this is no terminal to ask on; give {', '.join(self._missing)}"
            raise WrongAnswerError(msg)

    def refuse_superfluous(self, questions: Iterable[Question], wanted: Iterable[Question], choice: str) -> None:
        """Stop where an option was given that says nothing here.

        Args:
            questions: All that there are.
            wanted: Those that were asked.
            choice: What decided it, such as `--method ssws`.

        Raises:
            WrongAnswerError: There is such an option.
        """
        for key in sorted({*_keys(questions)} - {*_keys(wanted)}):
            if self.given(key):
                msg = f"{option_of(key)} does not go with {choice}"
                raise WrongAnswerError(msg)

    def _usual(self, question: Question, suggested: str) -> str:
        # In a script, what is usual needs no option; what only the person can know does.
        if not suggested and not question.optional:
            self._missing.append(option_of(question.key))
        return question.check(suggested) if suggested else ""

    def _asked(self, question: Question, suggested: str, accept: Callable[[str], str]) -> str:
        self._out.print(Text(question.where, style="dim"), soft_wrap=True)
        while True:
            answer = Prompt.ask(question.text, console=self._out, default=suggested or None, show_default=bool(suggested)) or ""
            try:
                return accept(answer.strip())
            except ValueError as error:
                # The answer is not repeated: it may have been a secret.
                self._out.print(Text(f"That is not allowed; allowed: {error}", style="red"), soft_wrap=True)

    def _accepted(self, question: Question, answer: str) -> str:
        if question.key == "name" and answer in self._known:
            msg = f"another name: {quoted(answer)} is in the file already"
            raise ValueError(msg)
        return answer if question.optional and not answer else question.check(answer)


def _keys(questions: Iterable[Question]) -> Iterable[str]:
    return (key for question in questions for key in (question.key, *(other for other, _ in question.instead)))


def _checked(key: str, value: str, check: Callable[[str], str]) -> str:
    try:
        return check(value)
    except ValueError as error:
        msg = f"{option_of(key)}: not allowed; allowed: {error}"
        raise WrongAnswerError(msg) from None


def option_of(key: str) -> str:
    """A key as an option."""
    return "--" + key.replace("_", "-")


def declare_options(parser: argparse.ArgumentParser, questions: Iterable[Question], choices: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Declare an option for each key that is asked for.

    Args:
        parser: The command's.
        questions: What it asks.
        choices: Keys whose answer is one of a few words, with these.
    """
    words = {key: "{" + ",".join(of) + "}" for key, of in choices}
    options: dict[str, str] = {}
    instead: dict[str, str] = {}
    for question in questions:
        suggestion = f"; default: {question.suggested('{name}').replace('{NAME}', 'NAME')}" if question.suggestion else ""
        options[question.key] = f"{question.text}: {question.where}{suggestion}"
        for key, _ in question.instead:
            options.setdefault(key, "")
            instead.setdefault(key, f"in place of {option_of(question.key)}")
    options = {key: text or instead[key] for key, text in options.items()}
    for key, text in options.items():
        parser.add_argument(option_of(key), dest=key, metavar=words.get(key, key.rpartition("_")[2].upper()), help=text)
