"""Elasticsearch and OpenSearch as a target: one `_bulk` request per attempt."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from isal import isal_zlib

from sinks.delivery.batch import Batch
from sinks.delivery.target import Again, Outcome
from sinks.elasticsearch.already_there import AlreadyThere
from sinks.elasticsearch.bulk import BulkEncoder
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.install import TemplateInstaller
from sinks.elasticsearch.lookup import Lookup
from sinks.elasticsearch.pipelines import tell_of_pipelines
from sinks.elasticsearch.reply import BULK_PATH, BULK_PATH_ALONE, read_reply
from sinks.http.client import HttpClient

__all__ = ["ElasticsearchTarget"]

# 15 bits of window, plus 16 for gzip's header and checksum. isal's level 1 makes a fifth of events of 1.4 KB, at 1.3 µs each.
_GZIP_LEVEL = 1
_LOOK_SECONDS = 5.0
_GZIP_WINDOW_BITS = 31


class ElasticsearchTarget:
    """Creates each event under its uuid in a data stream or an index.

    Delivery: effectively once. An event that is sent again is found there (409) and counts as a duplicate; only where a data stream rolled
    over between two attempts at the same event does it let it in twice.

    Args:
        sink_name: The sink's name.
        hosts: The URLs of one cluster's hosts.
        index: The data stream or index; `{tenant}` and `{date}` may stand in it.
        http: The connections.
        authorization: Gives the headers that authorise a request, anew for each; may raise `SecretUnavailable`.
        manage_template: Whether to install the index template before the first event.
        compression: Of the requests.
        document_format: Of the documents: raw, ecs or ocsf. Those in ecs have their `@timestamp`, and go past the default ingest pipeline
            of their index: Elastic's own for Okta would take them for Okta's raw events, and spoil them.
        retention: How long the server keeps what is written, with `manage_template`; None for what applies anyway.
        label_keys: The labels that tenants are given: each becomes a field.
        clock: Monotonic seconds.
        wall_clock: Seconds since 1970, for a `Retry-After` that is a date.
    """

    def __init__(
        self,
        sink_name: str,
        hosts: Sequence[str],
        index: str,
        *,
        http: HttpClient,
        authorization: Callable[[], Mapping[str, str]],
        manage_template: bool,
        compression: Literal["none", "gzip"],
        document_format: str = "raw",
        retention: timedelta | None = None,
        label_keys: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = Cluster(hosts, http, authorization, clock)
        is_ecs = document_format == "ecs"
        self._encoder = BulkEncoder(index, timestamped=is_ecs)
        self._bulk_path = BULK_PATH_ALONE if is_ecs else BULK_PATH
        self._installer = TemplateInstaller(self._cluster, sink_name, index, document_format, retention, label_keys, clock, wall_clock)
        self._already_there = AlreadyThere(Lookup(self._cluster, index, document_format), clock)
        self._clock = clock
        self._manage_template = manage_template
        self._is_ecs = is_ecs
        self._sink, self._index = sink_name, index
        self._ready = False
        self._preparing = threading.Lock()
        self._preparations = 0
        self._last_failure: Again | None = None
        self._wall_clock = wall_clock
        self._compress = compression == "gzip"
        self._headers = {"Content-Type": "application/x-ndjson"}
        if self._compress:
            self._headers["Content-Encoding"] = "gzip"

    @property
    def address(self) -> str:
        """The hosts, without what may stand in front of an @."""
        return self._cluster.address

    def prepare(self, timeout_seconds: float) -> Again | None:
        """Install the index template, where that is wanted, and look for ingest pipelines; one thread does, the others wait for it.

        Nothing may be indexed before: the first event would otherwise decide the mapping of all others.
        """
        if self._ready:
            return None
        seen = self._preparations
        if not self._preparing.acquire(timeout=timeout_seconds):
            return Again((), f"{self.address} took too long to answer about the index template.", error_type="timeout")
        try:
            if self._preparations == seen:
                failure = self._installer.install(timeout_seconds) if self._manage_template else None
                # Nothing of an event was in those requests, so none can be meant.
                self._last_failure = replace(failure, blame="target") if failure else None
                self._preparations += 1
                self._ready = self._last_failure is None
                if self._ready and self._is_ecs:
                    self._installer.tell_fleet(timeout_seconds)
                if self._ready:
                    tell_of_pipelines(self._cluster, self._sink, self._index, min(timeout_seconds, _LOOK_SECONDS), alone=self._is_ecs)
            return None if self._ready else self._last_failure
        finally:
            self._preparing.release()

    def send(self, batch: Batch, timeout_seconds: float) -> Outcome:
        """Send a batch as one `_bulk` request; what a read-only index holds already counts as duplicate."""
        deadline = self._clock() + timeout_seconds
        body = self._encoder.encode(batch)
        if self._compress:
            body = isal_zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW_BITS)
        answered = self._cluster.request("POST", self._bulk_path, body=body, headers=self._headers, timeout_seconds=timeout_seconds)
        if isinstance(answered, Again):
            return Outcome(again=[replace(answered, positions=range(len(batch)))])
        outcome = read_reply(answered.answer, len(batch), lambda: self._encoder.indices(batch), answered.origin, self._wall_clock())
        return self._already_there.told(outcome, batch, deadline) if outcome.again else outcome

    def scopes(self, batch: Batch) -> Sequence[str]:
        """The data stream or index of each event: a block or a missing shard concerns that one alone."""
        return self._encoder.indices(batch)

    def close(self) -> None:
        """Give the connections back."""
        self._cluster.close()
