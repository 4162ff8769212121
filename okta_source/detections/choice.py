"""Which rules a command is about: those of the configuration, those in the box, or files that are named."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from okta_source.config.problems import ConfigurationError
from okta_source.detections.sigma.rule import Rule
from okta_source.detections.table import DetectionsConfig, read_table, rule_files

__all__ = ["CONFIGURED", "MANAGED", "Choice", "ChoiceError", "choose"]

CONFIGURED: Final = "configured"
MANAGED: Final = "managed"


class ChoiceError(Exception):
    """There are no such rules; the message says what to name instead."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Rules as a table would name them.

    Attributes:
        config: The table.
        name: What was chosen, for people.
        beside_managed: Whether a run has the managed rules beside them, though they were not chosen.
        files: Where chosen rules stand, where files were named.
    """

    config: DetectionsConfig
    name: str
    beside_managed: bool = False
    files: frozenset[str] = frozenset()

    def holds(self, rule: Rule) -> bool:
        """Whether a rule was chosen itself, and is not just one that a chosen rule may refer to."""
        return not self.beside_managed or rule.about.file in self.files


def choose(given: Sequence[str], config_path: str | None, environ: Mapping[str, str] = os.environ) -> Choice:
    """The rules that are meant.

    Args:
        given: `configured` alone, or `managed`, files, folders and globs; by default what is configured, else what is in the box.
        config_path: The configuration, for its lists too; without one, as for every command.
        environ: The environment.

    Raises:
        ChoiceError: A path leads to no rules.
        ConfigurationError: The configuration can't be read though it is needed, or its table has a problem.
    """
    wants_config = set(given) == {CONFIGURED}
    table = _table(config_path, environ, needed=wants_config or config_path is not None)
    if wants_config and table is None:
        msg = f"the configuration has no table [detections]; name rules, or {MANAGED}"
        raise ChoiceError(msg)
    if not given or wants_config:
        return Choice(table or DetectionsConfig(), CONFIGURED if table else MANAGED)
    if CONFIGURED in given and len(set(given)) > 1:
        msg = (
            f"{CONFIGURED} stands alone: it means all that [detections] names; without it, files, folders, globs and {MANAGED} go together"
        )
        raise ChoiceError(msg)
    lists = table.lists if table else {}
    paths = [Path(text) for text in given if text != MANAGED]
    for path in paths:
        if not next(rule_files(path), None):
            msg = f"{path}: there are no rules; needed: a file of Sigma rules, a folder that holds some, a glob, {MANAGED} or {CONFIGURED}"
            raise ChoiceError(msg)
    config = DetectionsConfig.model_construct(
        managed=MANAGED in given, rules=tuple(paths), enable=(), disable=(), level_at_least="informational", lists=lists
    )
    beside_managed = not config.managed and (table is None or table.managed)
    return Choice(config, ", ".join(given), beside_managed, frozenset(map(str, config.files())))


def _table(path: str | None, environ: Mapping[str, str], *, needed: bool) -> DetectionsConfig | None:
    try:
        return read_table(path, environ)
    except ConfigurationError as error:
        is_missing = len(error.problems) == 1 and not error.problems[0].path
        if needed or not is_missing:
            raise
        return None
