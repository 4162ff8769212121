"""The kinds of input by their names: how each is made, and who judges it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from tests.fuzz import answers, archives, hooks, pages, tokens

__all__ = ["KINDS", "Judge", "Kind"]


class Judge(Protocol):
    """Takes inputs of one kind, one after the other."""

    def judge(self, data: bytes) -> str:
        """What came of an input.

        Raises:
            Exception: Something didn't hold.
        """
        ...

    def close(self) -> None:
        """Give back what is the process's."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input.

    Attributes:
        make: An input, from randomness alone.
        judge: Makes a judge.
        share: How many there are for each page.
    """

    make: Callable[[random.Random], bytes]
    judge: Callable[[], Judge]
    share: float


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "pages": Kind(pages.make, pages.PageJudge, 1.0),
        "answers": Kind(answers.make, answers.AnswerJudge, 0.1),
        "tokens": Kind(tokens.make, tokens.TokenJudge, 0.05),
        "hooks": Kind(hooks.make, hooks.HookJudge, 0.1),
        "archives": Kind(archives.make, archives.ArchiveJudge, 0.02),
    }
)
