"""Gets the index template onto the server before the first event: without it the first event would decide the mapping of all others."""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from sinks.delivery.target import Again
from sinks.elasticsearch.cluster import Answered, Cluster
from sinks.elasticsearch.reply import refusal
from sinks.elasticsearch.server import Server, read_server
from sinks.elasticsearch.server_error import ANSWER_FIX, read_whole_error
from sinks.elasticsearch.template import FIRST_PRIORITY, NAME_PREFIX, VERSION, index_pattern, index_template, template_name

__all__ = ["TemplateInstaller"]

_LOG = logging.getLogger(__name__)

_PERMISSION_FIX = (
    "Grant its role the cluster privileges monitor and manage_index_templates (OpenSearch: cluster_monitor and "
    "cluster_manage_index_templates), or install the template yourself and set manage_template = false."
)
_FLEET_TEMPLATE = "logs-okta.system"
_OVERLAP = re.compile(r"existing templates \[([^\]]*)\].* same priority")
_PRIORITIES = range(FIRST_PRIORITY, FIRST_PRIORITY - 5, -1)


class _Meta(msgspec.Struct):
    format: str = "raw"


class _Template(msgspec.Struct):
    index_patterns: list[str] = []
    version: int | None = None
    data_stream: msgspec.Raw = msgspec.Raw()
    meta: _Meta | None = msgspec.field(name="_meta", default=None)

    @property
    def document_format(self) -> str:
        """Which documents it is for; one that doesn't say so is of a time when there was one format."""
        return self.meta.format if self.meta else "raw"


class _Named(msgspec.Struct):
    index_template: _Template
    name: str = ""


class _Found(msgspec.Struct):
    index_templates: list[_Named] = []


class TemplateInstaller:
    """Installs one sink's template.

    Args:
        cluster: The servers.
        sink_name: The sink's name, which its template's name ends with.
        target: The data stream or index, with its placeholders.
        document_format: Of the documents: raw, ecs or ocsf.
        clock: Monotonic seconds.
        wall_clock: Seconds since 1970, for a `Retry-After` that is a date.
    """

    def __init__(
        self,
        cluster: Cluster,
        sink_name: str,
        target: str,
        document_format: str = "raw",
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        self._sink = sink_name
        self._target = target
        self._format = document_format
        self._name = template_name(sink_name)
        self._clock = clock
        self._wall_clock = wall_clock
        self._deadline = 0.0

    def install(self, timeout_seconds: float) -> Again | None:
        """Detect the server and see to it that events of the target find a template.

        One of a higher version is left alone, as is one of ours that covers this target already under another sink's name.

        Args:
            timeout_seconds: For all requests together.

        Returns:
            None when it is there; otherwise what is wrong.
        """
        self._deadline = self._clock() + timeout_seconds
        server = self._detect()
        if isinstance(server, Again):
            return server
        found = self._get(self._name)
        if isinstance(found, Again):
            return found
        former_patterns = self._former_patterns(found)
        wanted = index_template(server, self._target, self._format, former_patterns=former_patterns)
        if found is not None:
            if found.document_format == self._format and found.version is not None and found.version > VERSION:
                _LOG.info(
                    "sink %s: the index template %s on the server has version %d, newer than this program's %d: left as it is",
                    self._sink, self._name, found.version, VERSION,
                )  # fmt: skip
                return None
            if _is_same(found, wanted):
                return None
        failure = self._put(server, former_patterns)
        if failure is None and found is not None:
            _LOG.warning(
                "sink %s: index template %s brought to version %d; what exists keeps its old mapping: a data stream until its next "
                "rollover (POST /%s/_rollover), an index for good",
                self._sink, self._name, VERSION, self._target,
            )  # fmt: skip
        return failure

    def tell_fleet(self, timeout_seconds: float) -> None:
        """Say so where Elastic's own Okta integration is installed: its ingest pipeline must not run on documents in its form.

        Whatever hinders the question hinders nothing else: documents go past the pipeline anyway.
        """
        self._deadline = self._clock() + timeout_seconds
        if isinstance(self._get(_FLEET_TEMPLATE), _Template):
            _LOG.info(
                "sink %s: Elastic's Okta integration is installed on the server (index template %s): documents go past its ingest pipeline "
                "(pipeline=_none), since they are mapped already",
                self._sink, _FLEET_TEMPLATE,
            )  # fmt: skip

    def _detect(self) -> Server | Again:
        answered = self._request("GET", "/")
        if isinstance(answered, Again):
            return answered
        if answered.answer.status != 200:
            return self._refusal(answered)
        server = read_server(answered.answer.body)
        if server is None:
            reason = f"{answered.origin} answers, but is neither Elasticsearch nor OpenSearch."
            return Again((), reason, ANSWER_FIX, "decode", answered.answer.status)
        return server

    def _get(self, name: str) -> _Template | Again | None:
        answered = self._request("GET", f"/_index_template/{name}")
        if isinstance(answered, Again):
            return answered
        if answered.answer.status == 404:
            return None
        if answered.answer.status != 200:
            return self._refusal(answered)
        try:
            found = msgspec.json.decode(answered.answer.body, type=_Found)
        except (ValueError, RecursionError):
            reason = f"{answered.origin} did not answer with an index template."
            return Again((), reason, ANSWER_FIX, "decode", answered.answer.status)
        return found.index_templates[0].index_template if found.index_templates else None

    def _former_patterns(self, found: _Template | None) -> Sequence[str]:
        """What the template matches beside the target: the servers refuse to leave an existing data stream without its template."""
        if found is None or not found.data_stream or "{date}" in self._target:
            return ()
        return [pattern for pattern in found.index_patterns if pattern != index_pattern(self._target)]

    def _put(self, server: Server, former_patterns: Sequence[str]) -> Again | None:
        """Put it in the first place that is free: two templates of one priority may not match the same name."""
        failure = None
        for priority in _PRIORITIES:
            body = json.dumps(index_template(server, self._target, self._format, priority, former_patterns)).encode()
            answered = self._request("PUT", f"/_index_template/{self._name}", body)
            if isinstance(answered, Again):
                return answered
            if answered.answer.status == 200:
                _LOG.info("sink %s: installed the index template %s on %s (%s)", self._sink, self._name, answered.origin, server)
                return None
            failure = self._refusal(answered)
            others = _overlapping(answered.answer.body)
            if not others:
                return failure
            settled, trouble = self._beside(others, failure)
            if settled:
                return trouble
        return failure

    def _beside(self, others: Sequence[str], failure: Again) -> tuple[bool, Again | None]:
        """Whether these templates in the way settle the matter, and then what is wrong, if anything is.

        Another sink's of this program that covers the target serves it too. One that covers only a part stands before this one's, at the
        next lower priority.
        """
        foreign = [name for name in others if not name.startswith(NAME_PREFIX)]
        if foreign:
            fix = f"Change the priority of index template {', '.join(foreign)}, or the sink's target, or set manage_template = false."
            return True, replace(failure, fix=fix)
        for name in others:
            other = self._get(name)
            if isinstance(other, Again):
                return True, other
            if other is not None and any(_covers(pattern, index_pattern(self._target)) for pattern in other.index_patterns):
                _LOG.info("sink %s: its target has an index template already: %s", self._sink, name)
                return True, None
        return False, None

    def _request(self, method: str, path: str, body: bytes | None = None) -> Answered | Again:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self._cluster.request(method, path, body=body, headers=headers, timeout_seconds=self._deadline - self._clock())

    def _refusal(self, answered: Answered) -> Again:
        return refusal(answered.answer, (), _PERMISSION_FIX, answered.origin, self._wall_clock())


def _is_same(found: _Template, wanted: Mapping[str, Any]) -> bool:
    return (found.document_format, found.version, sorted(found.index_patterns), bool(found.data_stream)) == (
        wanted["_meta"]["format"],
        wanted["version"],
        sorted(wanted["index_patterns"]),
        "data_stream" in wanted,
    )


def _overlapping(body: bytes) -> Sequence[str]:
    error = read_whole_error(body)
    match = _OVERLAP.search(error.reason) if error else None
    return [name.strip() for name in match[1].split(",")] if match else []


def _covers(pattern: str, other: str) -> bool:
    """Whether a pattern matches all that another one matches; a `*` of the other is matched by a `*` only."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), other) is not None
