"""Asks Elasticsearch and OpenSearch which events they hold: by id, and counted by the hour.

`_mget` reads documents from one index alone, and a data stream is several: so ids are looked up with `_search`, which sees what has been
refreshed. An answer of which a shard is missing is none (`allow_partial_search_results=false`): it would look like lost events.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from sinks.delivery.target import Again
from sinks.documents import rfc3339
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.reply import refusal
from sinks.elasticsearch.server_error import ANSWER_FIX, read_whole_error

__all__ = ["Lookup"]

_HEADERS: Final = {"Content-Type": "application/json"}
_IDS_A_REQUEST: Final = 1000
# A data stream's rollover may have let an event in twice; index.max_result_window is 10,000 unless somebody has lowered it.
_COPIES: Final = 2
_DATE: Final = "{date}"
_TENANT_FIELDS: Final = {"raw": "_okta_tenant", "ecs": "okta.pipeline.tenant", "ocsf": "unmapped._okta_tenant"}


class _Hit(msgspec.Struct):
    id: str = msgspec.field(name="_id")


class _Hits(msgspec.Struct):
    hits: list[_Hit] = []


class _Found(msgspec.Struct):
    timed_out: bool
    hits: _Hits = msgspec.field(default_factory=_Hits)


class _Bucket(msgspec.Struct):
    key: int
    doc_count: int


class _Buckets(msgspec.Struct):
    buckets: list[_Bucket] = []


class _Hours(msgspec.Struct):
    hours: _Buckets = msgspec.field(default_factory=_Buckets)


class _Counted(msgspec.Struct):
    timed_out: bool
    aggregations: _Hours = msgspec.field(default_factory=_Hours)


_Answer = TypeVar("_Answer", _Found, _Counted)


class Lookup:
    """Looks events up in one sink's data streams or indices.

    Needed privileges: `read`, and `maintenance` for the refresh; where that one is missing, what was indexed within the last
    `refresh_interval` is not seen.

    Args:
        cluster: The hosts.
        target: The data stream or index; `{tenant}` and `{date}` (of `published`, UTC) may stand in it.
        document_format: Of its documents: raw, ecs or ocsf.
    """

    def __init__(self, cluster: Cluster, target: str, document_format: str = "raw") -> None:
        self._cluster = cluster
        self._target = target
        self._tenant_field = _TENANT_FIELDS[document_format]

    @property
    def address(self) -> str:
        """The hosts, without what may stand in front of an @."""
        return self._cluster.address

    def index(self, tenant: str, published: datetime) -> str:
        """Where an event belongs."""
        day = published.astimezone(UTC).strftime("%Y-%m-%d") if _DATE in self._target else ""
        return self._target.replace(_DATE, day).replace("{tenant}", tenant)

    def held(self, index: str, uuids: Sequence[str], timeout_seconds: float) -> Counter[str] | Again:
        """How often each of these events is there; 0 for one that isn't, and for all where there is no such index."""
        found: Counter[str] = Counter()
        for start in range(0, len(uuids), _IDS_A_REQUEST):
            ids = uuids[start : start + _IDS_A_REQUEST]
            body = {"size": _COPIES * len(ids), "query": {"ids": {"values": ids}}, "_source": False, "sort": ["_doc"]}
            answer = self._ask(
                index, "_search?allow_partial_search_results=false&filter_path=timed_out,hits.hits._id,error", body, timeout_seconds
            )
            if isinstance(answer, Again):
                return answer
            if answer:
                read = _read(answer, _Found)
                if isinstance(read, Again):
                    return read
                found.update(hit.id for hit in read.hits.hits)
        return found

    def by_hour(self, tenant: str, index: str, since: datetime, until: datetime, timeout_seconds: float) -> Mapping[datetime, int] | Again:
        """How many documents of a tenant there are in each hour of `@timestamp`; hours without any are left out."""
        body = {
            "size": 0,
            "query": {
                "bool": {
                    "filter": [
                        {"term": {self._tenant_field: tenant}},
                        {"range": {"@timestamp": {"gte": rfc3339(since), "lt": rfc3339(until)}}},
                    ]
                }
            },
            "aggs": {"hours": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h", "min_doc_count": 1}}},
        }
        path = "_search?allow_partial_search_results=false&filter_path=timed_out,aggregations.hours.buckets,error"
        answer = self._ask(index, path, body, timeout_seconds)
        if isinstance(answer, Again):
            return answer
        if not answer:
            return {}
        read = _read(answer, _Counted)
        if isinstance(read, Again):
            return read
        return {datetime.fromtimestamp(bucket.key / 1000, UTC): bucket.doc_count for bucket in read.aggregations.hours.buckets}

    def refresh(self, index: str, timeout_seconds: float) -> Again | None:
        """Make visible what was indexed so far; what is wrong where that is refused, which need not hinder anyone."""
        answer = self._ask(index, "_refresh", None, timeout_seconds)
        return answer if isinstance(answer, Again) else None

    def close(self) -> None:
        """Give the connections back."""
        self._cluster.close()

    def _ask(self, index: str, path: str, body: Mapping[str, Any] | None, timeout_seconds: float) -> bytes | Again:
        """The body of a good answer; empty where there is no such index."""
        data = None if body is None else json.dumps(body).encode()
        answered = self._cluster.request(
            "POST", f"/{quote(index, safe='')}/{path}", body=data, headers=_HEADERS if data else {}, timeout_seconds=timeout_seconds
        )
        if isinstance(answered, Again):
            return answered
        answer = answered.answer
        if answer.status == 200:
            return answer.body
        error = read_whole_error(answer.body)
        if answer.status == 404 and error is not None and error.type == "index_not_found_exception":
            return b""
        fix = f"Grant the sink's user the index privileges read and maintenance on {index}."
        return refusal(answer, (), fix, answered.origin, time.time())


def _read(body: bytes, kind: type[_Answer]) -> _Answer | Again:
    try:
        read = msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError):
        return Again((), "The server answered with something that is no search result.", ANSWER_FIX, "decode", 200)
    if read.timed_out:
        return Again(
            (), "The search took too long for the server, which answered with a part.", "Look at the server's load.", "timeout", 200
        )
    return read
