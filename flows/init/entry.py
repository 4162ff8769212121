"""A sink's entry as TOML, and the words for what comes next. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flows.init.kinds import Kind
from okta_source.config.problems import quoted

__all__ = ["SinkEntry", "detections", "new_file", "next_steps"]

_SECRETS: Final = {
    "api_key": "the API key",
    "authorization": "the header's value",
    "password": "the password",
    "routing_key": "the integration key",
    "secret": "the signing secret",
    "url": "the webhook's URL",
}
_OMITTED: Final = {"compression": "none"}
"""What goes without saying."""


@dataclass(frozen=True, slots=True)
class SinkEntry:
    """What was answered.

    Attributes:
        name: The sink's name.
        kind: What it is.
        answers: Key → answer; empty where there is none.
    """

    name: str
    kind: Kind
    answers: Mapping[str, str]

    def toml(self) -> str:
        """The `[sinks.NAME]` table."""
        given = {key: answer for key, answer in self.answers.items() if answer and _OMITTED.get(key) != answer}
        return "\n".join([f"[sinks.{self.name}]", self.kind.table, *(_line(key, answer) for key, answer in given.items())]) + "\n"


def _line(key: str, answer: str) -> str:
    match key:
        case "hosts":
            return f"hosts = [{', '.join(quoted(host.strip()) for host in answer.split(','))}]"
        case "authorization_env" | "authorization_file":
            return f"headers_{key.rpartition('_')[2]} = {{ Authorization = {quoted(answer)} }}"
        case "index":
            return f"hec = {{ index = {quoted(answer)} }}"
        case _:
            return f"{key} = {quoted(answer)}"


def detections() -> str:
    """The rules that make alerts, for a file that has none."""
    return "[detections]\nmanaged = true\n"


def new_file(entry: SinkEntry) -> str:
    """What a file holds that has no organisation yet."""
    rules = f"{detections()}\n" if entry.kind.is_for_alerts else ""
    return f'[pipeline]\ndead_letter_dir = "data/dead-letter"\n\n{rules}{entry.toml()}'


def next_steps(entry: SinkEntry, *, has_tenants: bool, adds_rules: bool, config: str) -> Sequence[str]:
    """What is left to do.

    Args:
        entry: The sink.
        has_tenants: Whether the file has an organisation.
        adds_rules: Whether `[detections]` was put into the file for it.
        config: The option that names the configuration, with a space before it; empty for the usual place.
    """
    steps = []
    for key, answer in entry.answers.items():
        what = _SECRETS.get(key.rpartition("_")[0])
        if what and answer and key.endswith("_env"):
            steps.append(f"put {what} into the environment, the pipeline's too: export {answer}={_example(entry, key)}")
        elif what and answer and key.endswith("_file"):
            steps.append(f"put {what} into the file {answer}, and run: chmod 600 {answer}")
    if adds_rules:
        steps.append("look at the rules that make alerts; [detections] is in the file now: python -m flows.detections list")
    if not has_tenants:
        steps.append(f"add an organisation: python -m flows.init{config}")
    steps.append(f"see whether it works, with a marked test event: python -m flows.check --sink {entry.name} --send{config}")
    if has_tenants:
        steps.append("start the run anew: it reads the file at its start")
    return steps


def _example(entry: SinkEntry, key: str) -> str:
    if key != "authorization_env":
        return "…"
    return "'Splunk …'" if 'encoding = "hec"' in entry.kind.table else "'Bearer …'"
