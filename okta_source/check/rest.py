"""What else of the file can be judged here: which tables there are, `[hooks]`, and `[detections]` with its rules.

`[pipeline]` and `[sinks]` are the main flow's, whose models are not known here: that they were not looked at is said.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import Field, ValidationError

from okta_source.check.configuration import Entry
from okta_source.check.report import failed
from okta_source.config.file import ConfigFile, read_config_file
from okta_source.config.hooks import HooksConfig
from okta_source.config.problems import ConfigurationError, explain, toml_path
from okta_source.config.strict import Strict
from okta_source.detections.problems import RulesError
from okta_source.detections.table import DetectionsConfig

__all__ = ["read_rest"]

_OF_THE_FLOW: Final = ("pipeline", "sinks")


class _Document(Strict):
    """The whole file: a key that isn't here is one that a run refuses."""

    pipeline: Any = None
    tenants: Any = None
    hooks: HooksConfig = Field(HooksConfig(), description="a table [hooks]")
    detections: DetectionsConfig | None = Field(None, description="a table [detections]")
    sinks: Any = None


def read_rest(path: str | None, environ: Mapping[str, str]) -> tuple[Sequence[Entry], str]:
    """Check what is no tenant's.

    Args:
        path: The file; nothing for the usual places.
        environ: The environment in which the file's name is looked up.

    Returns:
        An entry without a name where a run refuses the file for it; and a line that says what was not looked at, which may be nothing.
        Neither for a file that can't be read, which the tenants' part tells.
    """
    try:
        file = read_config_file(path, environ)
    except ConfigurationError:
        return [], ""
    wrong = _problems(file)
    entries = [Entry("", None, failed("\n".join(wrong), f"Correct {file.name} there; a run refuses the file for it."))] if wrong else []
    unseen = " and ".join(f"[{name}]" for name in _OF_THE_FLOW if name in file.raw)
    return entries, f"not looked at: {unseen} of {file.name}, which `bytewax-okta check` does" if unseen else ""


def _problems(file: ConfigFile) -> list[str]:
    context = {"folder": file.folder, "file": file.name}
    try:
        table = _Document.model_validate(file.raw, context=context).detections
    except ValidationError as error:
        return [f"{toml_path(place)}: {text}" for place, text in explain(error, _Document)]
    if table is not None:
        from okta_source.detections.library import load_rules  # noqa: PLC0415 (0.05 s, for those who detect)

        try:
            load_rules(table)
        except RulesError as error:
            return str(error).splitlines()
    return []
