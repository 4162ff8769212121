"""Delivers the marked event by the code of a run, looks for it where that can be done, and takes it away again."""

import contextlib
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from okta_source.check.report import Verdict, failed, ok, warning
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, WebhookSinkConfig
from sinks.config.targets import make_cluster, make_lookup, make_target
from sinks.delivery.batch import Batch
from sinks.delivery.target import Again, Outcome
from sinks.documents import Documents
from sinks.errors import SecretUnavailable, SinkStopped
from sinks.file.archive_files import beside
from sinks.file.archive_reader import LineReader
from sinks.file.compression import SUFFIXES
from sinks.file.sink import FileSink
from sinks.paths import PathTemplate

__all__ = ["send_to_file", "send_to_search", "send_to_webhook"]

_DROPPED: Final = "Look at index.default_pipeline and index.final_pipeline of the target: one of them drops it."
_PIPELINE: Final = "Look at the target's ingest pipelines: one of them may move what it is given to another index, or under another id."


class _Deleted(msgspec.Struct):
    deleted: int = 0


def send_to_file(name: str, config: FileSinkConfig, documents: Documents, marker: str, now: datetime) -> Verdict:
    """Write it to a file beside the sink's own, read it there, and remove the file.

    The sink's own file stays untouched: a flow that runs has it open, and a resume would cut off what others append.

    Args:
        name: The sink's name.
        config: Its table.
        documents: The one document.
        marker: What stands in the file's name, unique.
        now: The event's time.
    """
    template = beside(PathTemplate(config.path, SUFFIXES[config.compression]).text, marker)
    path = Path(PathTemplate(template).render(documents.tenant, now))
    made = [folder for folder in path.parents if not os.path.lexists(folder)]
    try:
        sink = FileSink(name, template, [documents.tenant], compression=config.compression, file_mode=config.mode, journal_dir=None)
        part = sink.build_part("check", documents.tenant, None)
        try:
            part.write_batch([documents])
            part.snapshot()
        finally:
            part.close()
        found = documents.heads[0].uuid.encode() in b"".join(LineReader(str(path)).blocks())
        if not found:
            return failed(f"{path} was written, but what was written can't be read there", "Check the disk and the kernel log.")
    except SinkStopped as error:
        return failed(f"{error.path}: {error.reason}", f"{error.fix[:1].upper()}{error.fix[1:]}.")
    except OSError as error:
        return failed(f"{path}: {error.strerror or type(error).__name__}", "Look at the folder's rights and at the disk.")
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            for folder in made:
                folder.rmdir()
    return ok(f"{documents.heads[0].uuid} was written to {path}, found there, and removed; the sink's own file was not touched")


def send_to_search(name: str, config: ElasticsearchSinkConfig, documents: Documents, now: datetime) -> Verdict:
    """Index it, find it and delete it. The index template is installed before, as by a run.

    Args:
        name: The sink's name.
        config: Its table.
        documents: The one document.
        now: The event's time.
    """
    uuid = documents.heads[0].uuid
    timeout_seconds = config.request_timeout_seconds
    try:
        verdict = _delivered(name, config, documents)
        if verdict is not None:
            return verdict
        lookup = make_lookup(config)
    except (SecretUnavailable, OSError) as error:
        return failed(f"nothing was sent: {error}", "Look at what the sink's credentials and TLS files refer to.")
    index = lookup.index(documents.tenant, now)
    removal = f"Remove it: POST /{index}/_delete_by_query with {_by_id(uuid).decode()}"
    with contextlib.closing(lookup):
        lookup.refresh(index, timeout_seconds)
        held = lookup.held(index, [uuid], timeout_seconds)
    if isinstance(held, Again):
        fix = f"{held.fix} {removal}"
        return warning(f"{index} took {uuid}, but it can't be looked for: {held.reason}", fix)
    if isinstance(held, str) or not held[uuid]:
        return failed(f"the server took {uuid}, but it is not in {index}", _PIPELINE)
    with contextlib.closing(make_cluster(config)) as cluster:
        path = f"/{quote(index)}/_delete_by_query?refresh=true"
        answered = cluster.request(
            "POST", path, body=_by_id(uuid), headers={"Content-Type": "application/json"}, timeout_seconds=timeout_seconds
        )
    if not isinstance(answered, Again) and answered.answer.status == 200 and _deleted(answered.answer.body):
        return ok(f"{uuid} was delivered to {index}, found there, and deleted")
    why = answered.reason if isinstance(answered, Again) else f"HTTP {answered.answer.status}"
    return warning(f"{uuid} was delivered to {index} and found there, but it could not be deleted ({why})", f"{removal}.")


def send_to_webhook(name: str, config: WebhookSinkConfig, documents: Documents) -> Verdict:
    """Post it; whether the receiver keeps it, only the receiver can tell.

    Args:
        name: The sink's name.
        config: Its table.
        documents: The one document.
    """
    uuid = documents.heads[0].uuid
    try:
        verdict = _delivered(name, config, documents)
    except (SecretUnavailable, OSError) as error:
        return failed(f"nothing was sent: {error}", "Look at what the sink's credentials and TLS files refer to.")
    if verdict is not None:
        return verdict
    where = {
        "hec": f'search for "{uuid}" in Splunk; `| delete` hides it',
        "slack": "it is in the channel; delete the message there",
        "pagerduty": "it opened an incident of severity info; resolve it there",
    }.get(config.encoding, f"look for uuid {uuid} there, and delete it there")
    return ok(f"the receiver took {uuid}: {where}")


def _delivered(name: str, config: ElasticsearchSinkConfig | WebhookSinkConfig, documents: Documents) -> Verdict | None:
    """None where the target took it; else what is wrong."""
    batch = Batch((documents,))
    with contextlib.closing(make_target(name, config)) as target:
        hindrance = target.prepare(config.request_timeout_seconds)
        outcome = Outcome(again=[hindrance]) if hindrance else target.send(batch, config.request_timeout_seconds)
    return _refusal(outcome)


def _refusal(outcome: Outcome) -> Verdict | None:
    if outcome.delivered or outcome.duplicates:
        return None
    if outcome.dropped:
        return failed(outcome.notice.text if outcome.notice else "the server took the test event and did not keep it", _DROPPED)
    again: Sequence[Again] = outcome.again
    if again:
        return failed(again[0].reason, again[0].fix or "Look at the server's log.")
    refused = outcome.split or outcome.refused[0]
    return failed(f"the target refuses the test event for good: {refused.reason}", "Such events go to the dead letters; change the target.")


def _by_id(uuid: str) -> bytes:
    return json.dumps({"query": {"ids": {"values": [uuid]}}}).encode()


def _deleted(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Deleted).deleted > 0
    except (ValueError, RecursionError):
        return False
