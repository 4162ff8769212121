"""Gets the index template onto the server before the first event: without it the first event would decide the mapping of all others."""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sinks.delivery.target import Again
from sinks.elasticsearch.beside import Place, lifecycle_among
from sinks.elasticsearch.cluster import Answered, Cluster
from sinks.elasticsearch.lifecycle import Lifecycle, flat, has_stream_lifecycle, lifecycle_of, of_retention, span_text
from sinks.elasticsearch.neighbours import (
    FLEET_TEMPLATE,
    covers,
)
from sinks.elasticsearch.reply import refusal
from sinks.elasticsearch.retention import keep_by_policy
from sinks.elasticsearch.server import Server, read_server
from sinks.elasticsearch.server_error import ANSWER_FIX, read_whole_error
from sinks.elasticsearch.stored import StoredTemplate, is_same, read_component, read_template
from sinks.elasticsearch.template import (
    COMPONENT,
    FIRST_PRIORITY,
    NAME_PREFIX,
    VERSION,
    Additions,
    index_pattern,
    index_template,
    template_name,
)

__all__ = ["TemplateInstaller"]

_LOG = logging.getLogger(__name__)

_PERMISSION_FIX = (
    "Grant its role the cluster privileges monitor and manage_index_templates (OpenSearch: cluster_monitor and "
    "cluster_manage_index_templates), or install the template yourself and set manage_template = false."
)
_OVERLAP = re.compile(r"existing templates \[([^\]]*)\].* same priority")
_PRIORITIES = range(FIRST_PRIORITY, FIRST_PRIORITY - 5, -1)


class TemplateInstaller:
    """Installs one sink's template.

    Args:
        cluster: The servers.
        sink_name: The sink's name, which its template's name ends with.
        target: The data stream or index, with its placeholders.
        document_format: Of the documents: raw, ecs or ocsf.
        retention: How long the server keeps what is written; None for what applies anyway.
        label_keys: The labels that tenants are given.
        clock: Monotonic seconds.
        wall_clock: Seconds since 1970, for a `Retry-After` that is a date.
    """

    def __init__(
        self,
        cluster: Cluster,
        sink_name: str,
        target: str,
        document_format: str = "raw",
        retention: timedelta | None = None,
        label_keys: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._retention = retention
        self._label_keys = label_keys
        self._is_stream = "{date}" not in target
        self._pattern = index_pattern(target)
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
        if found is not None and found.document_format == self._format and found.version is not None and found.version > VERSION:
            _LOG.info(
                "sink %s: the index template %s on the server has version %d, newer than this program's %d: left as it is",
                self._sink, self._name, found.version, VERSION,
            )  # fmt: skip
            return None
        failure = self._bring_up(server, found)
        if failure is None and self._retention is not None and not self._in_template(server):
            return keep_by_policy(self._request, self._sink, self._name, self._pattern, self._retention, server, is_stream=self._is_stream)
        return failure

    def _bring_up(self, server: Server, found: StoredTemplate | None) -> Again | None:
        """Put the template where it isn't there as it should be."""
        component = self._component()
        if isinstance(component, Again):
            return component
        additions = self._additions(server, found, component)
        former_patterns = self._former_patterns(found)
        if found is not None and is_same(
            found, index_template(server, self._target, self._format, FIRST_PRIORITY, former_patterns, additions)
        ):
            return None
        former = () if found is None else found.index_patterns
        place = Place(self._sink, self._name, self._target, self._format, is_stream=self._is_stream)
        lifecycle = lifecycle_among(self._request, place, former, is_new=found is None)
        if lifecycle is None or isinstance(lifecycle, Again):
            return lifecycle
        if lifecycle and not additions.lifecycle and not (component and lifecycle_of(component)):
            if found is None:
                additions = replace(additions, lifecycle=lifecycle)
                _LOG.info("sink %s: index template %s keeps the lifecycle that applied so far: %s", self._sink, self._name, lifecycle)
            else:
                # Not taken over: it may delete what was written while there was none.
                _LOG.warning(
                    "sink %s: index template %s has no lifecycle and outranks one that would give it (%s), so events are kept for ever. "
                    "For that or another one write it into the component template %s, or set the sink's retention",
                    self._sink, self._name, lifecycle, COMPONENT,
                )  # fmt: skip
        failure = self._put(server, former_patterns, additions)
        if failure is None and found is not None:
            self._tell_change(found)
        return failure

    def _tell_change(self, found: StoredTemplate) -> None:
        if (found.version, found.document_format, bool(found.data_stream)) == (VERSION, self._format, self._is_stream):
            _LOG.info(
                "sink %s: index template %s has been changed, for %s; what exists follows at its next rollover",
                self._sink,
                self._name,
                self._target,
            )
            return
        _LOG.warning(
            "sink %s: index template %s brought to version %d; what exists of %s keeps its old mapping: a data stream until its next "
            "rollover (POST /NAME/_rollover), an index for good",
            self._sink, self._name, VERSION, ", ".join(found.index_patterns),
        )  # fmt: skip

    def _additions(self, server: Server, found: StoredTemplate | None, component: Mapping[str, Any] | None) -> Additions:
        """What an operator wrote into the template outlives our versions; a retention of the configuration goes before it."""
        settings = dict(flat(found.template.get("settings"))) if found else {}
        lifecycle = lifecycle_of(found.template) if found and not found.retention else Lifecycle()
        if self._retention is not None and self._in_template(server):
            lifecycle = of_retention(self._retention)
        elif component and lifecycle_of(component):
            # A template goes before its components, and they are where an operator is told to write.
            lifecycle = Lifecycle()
        return Additions(
            label_keys=sorted({*self._label_keys, *(found.label_keys if found else ())}),
            lifecycle=lifecycle,
            settings={name: value for name, value in settings.items() if not lifecycle_of({"settings": {name: value}})},
            has_component=component is not None,
            retention=span_text(self._retention) if self._retention is not None and self._in_template(server) else "",
        )

    def _in_template(self, server: Server) -> bool:
        return self._is_stream and has_stream_lifecycle(server)

    def _component(self) -> Mapping[str, Any] | Again | None:
        """The `template` of the operator's component; None where there is none, or where it may not be looked at."""
        answered = self._request("GET", f"/_component_template/{COMPONENT}")
        if isinstance(answered, Again):
            return answered
        return read_component(answered.answer.body) if answered.answer.status == 200 else None

    def tell_fleet(self, timeout_seconds: float) -> None:
        """Say so where Elastic's own Okta integration is installed: its ingest pipeline must not run on documents in its form.

        Whatever hinders the question hinders nothing else: documents go past the pipeline anyway.
        """
        self._deadline = self._clock() + timeout_seconds
        if isinstance(self._get(FLEET_TEMPLATE), StoredTemplate):
            _LOG.info(
                "sink %s: Elastic's Okta integration is installed on the server (index template %s): documents go past its ingest pipeline "
                "(pipeline=_none), since they are mapped already",
                self._sink, FLEET_TEMPLATE,
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

    def _get(self, name: str) -> StoredTemplate | Again | None:
        answered = self._request("GET", f"/_index_template/{name}")
        if isinstance(answered, Again):
            return answered
        if answered.answer.status == 404:
            return None
        if answered.answer.status != 200:
            return self._refusal(answered)
        try:
            return read_template(answered.answer.body)
        except ValueError:
            reason = f"{answered.origin} did not answer with an index template."
            return Again((), reason, ANSWER_FIX, "decode", answered.answer.status)

    def _former_patterns(self, found: StoredTemplate | None) -> Sequence[str]:
        """What the template matches beside the target: the servers refuse to leave an existing data stream without its template."""
        if found is None or not found.data_stream or "{date}" in self._target:
            return ()
        return [pattern for pattern in found.index_patterns if pattern != index_pattern(self._target)]

    def _put(self, server: Server, former_patterns: Sequence[str], additions: Additions) -> Again | None:
        """Put it in the first place that is free: two templates of one priority may not match the same name."""
        failure = None
        for priority in _PRIORITIES:
            body = json.dumps(index_template(server, self._target, self._format, priority, former_patterns, additions)).encode()
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
            if other is not None and any(covers(pattern, self._pattern) for pattern in other.index_patterns):
                _LOG.info("sink %s: its target has an index template already: %s", self._sink, name)
                return True, None
        return False, None

    def _request(self, method: str, path: str, body: bytes | None = None) -> Answered | Again:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self._cluster.request(method, path, body=body, headers=headers, timeout_seconds=self._deadline - self._clock())

    def _refusal(self, answered: Answered) -> Again:
        return refusal(answered.answer, (), _PERMISSION_FIX, answered.origin, self._wall_clock())


def _overlapping(body: bytes) -> Sequence[str]:
    error = read_whole_error(body)
    match = _OVERLAP.search(error.reason) if error else None
    return [name.strip() for name in match[1].split(",")] if match else []
