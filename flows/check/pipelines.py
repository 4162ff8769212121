"""The ingest pipelines between a search sink and its index, tried out with the marked event: nothing is indexed."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from flows.check.asking import Asker, Said, member
from okta_source.check.report import Verdict, failed, ok, warning
from okta_source.polling.printable import printable
from sinks.elasticsearch.pipelines import SETTINGS

__all__ = ["judge_pipelines", "pipelines_of"]

_DEFAULT = SETTINGS[0]
_NONE = "_none"


def pipelines_of(settings: Mapping[str, Any], indices: Sequence[str], simulated: Any, *, alone: bool) -> list[tuple[str, str]]:
    """Each setting and the pipeline that it names.

    Args:
        settings: Flat settings by index.
        indices: Those that are written to.
        simulated: What `_simulate_index` says of one that is not there yet; asked only where there are no indices.
        alone: Whether documents go past the default pipeline, as those in format ecs do.
    """
    found = []
    for setting in SETTINGS:
        if alone and setting == _DEFAULT:
            continue
        values = [member(member(settings, index, "settings"), setting) for index in indices]
        if not indices:
            made = member(simulated, "template", "settings")
            values = [member(made, setting), member(made, *setting.split("."))]
        found += [(setting, value) for value in values if isinstance(value, str) and value and value != _NONE]
    return list(dict.fromkeys(found))


def judge_pipelines(asker: Asker, found: Sequence[tuple[str, str]], index: str, uuid: str, source: Mapping[str, Any]) -> Verdict:
    """Have the server run the pipelines on the marked event, one after the other.

    Args:
        asker: The server.
        found: Settings and the pipelines that they name.
        index: Where the event is to go.
        uuid: Its id.
        source: The event.
    """
    if not found:
        return ok("none: documents are indexed as they are sent")
    notes = []
    for setting, name in found:
        which = f"{setting} {printable(name, 100)}"
        body = {"docs": [{"_index": index, "_id": uuid, "_source": source}]}
        said = asker.ask("POST", f"/_ingest/pipeline/{quote(name, safe='')}/_simulate", body)
        verdict, note = _one(said, which, index, uuid, source)
        if verdict is not None:
            return verdict
        notes.append(note)
    if any(note for _, note in notes):
        changed = "; ".join(f"{which} {note}" for which, note in notes if note)
        return warning(changed, "See that this is meant: searches, rules and dashboards expect the documents as they are sent.")
    return ok(f"{', '.join(which for which, _ in notes)}: the test event passes unchanged")


def _one(said: Said, which: str, index: str, uuid: str, source: Mapping[str, Any]) -> tuple[Verdict | None, tuple[str, str]]:
    """A verdict where all is said, or a note."""
    if said.status in (400, 404) and ("does not exist" in said.reason or "pipeline" in said.reason):
        fix = "Make the pipeline, or take the setting away: PUT /INDEX/_settings with null for it (or change the template that sets it)."
        return failed(f"{which} is named, and there is no such pipeline: the server refuses every event", fix), ("", "")
    if said.status != 200:
        return None, (which, "can't be tried out with these credentials; it may change, move or drop events")
    docs = member(said.value, "docs")
    doc = docs[0] if isinstance(docs, list) and docs else None
    error = member(doc, "error")
    if error is not None:
        why = printable(str(member(error, "reason") or member(error, "type") or "no reason given"), 300)
        return failed(f"{which} fails over the test event: {why}", "Correct the pipeline: events that it fails over are dead letters."), (
            "",
            "",
        )
    passed = member(doc, "doc")
    if not isinstance(passed, dict):
        fix = "Take the drop out of the pipeline, or give the sink another target; dropped events are counted and never indexed."
        return failed(f"{which} drops the test event", fix), ("", "")
    where, key = passed.get("_index"), passed.get("_id")
    if where != index or key != uuid:
        what = f"to {printable(str(where), 100)}" if where != index else "to another id, so that repetitions are stored twice"
        return warning(f"{which} moves the test event {what}", "See that this is meant: an audit finds nothing there."), ("", "")
    return None, (which, "" if passed.get("_source") == source else "changes the test event")
