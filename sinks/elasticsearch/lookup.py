"""Asks Elasticsearch and OpenSearch which events they hold: by id, and counted by the hour.

`_mget` reads documents from one index alone, and a data stream is several: so ids are looked up with `_search`, which sees what has been
refreshed. An answer of which a shard is missing is none (`allow_partial_search_results=false`): it would look like lost events.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

import msgspec

from sinks.delivery.target import Again
from sinks.documents import rfc3339
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.reply import refusal
from sinks.elasticsearch.server_error import ANSWER_FIX, read_whole_error

__all__ = ["Lookup", "NotThere"]

NotThere = Literal["closed", "absent"]
"""Why an index can't be asked, where the server is well: it is closed, or there is none of that name."""

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


class _Day(msgspec.Struct):
    key: str


class _Days(msgspec.Struct):
    buckets: list[_Day] = []


class _ByIndex(msgspec.Struct):
    indices: _Days = msgspec.field(default_factory=_Days)


class _Listed(msgspec.Struct):
    timed_out: bool
    aggregations: _ByIndex = msgspec.field(default_factory=_ByIndex)


_Answer = TypeVar("_Answer", _Found, _Counted, _Listed)
_MOST_INDICES: Final = 10_000


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

    @property
    def is_daily(self) -> bool:
        """Whether each day has an index of its own."""
        return _DATE in self._target

    def days(self, tenant: str, timeout_seconds: float) -> list[date] | Again:
        """The days of which there is an open index with documents, ascending; for a target with an index per day."""
        before, _, behind = self._target.replace("{tenant}", tenant).partition(_DATE)
        body = {"size": 0, "aggs": {"indices": {"terms": {"field": "_index", "size": _MOST_INDICES}}}}
        path = (
            "_search?allow_partial_search_results=false&ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open"
            "&filter_path=timed_out,aggregations.indices.buckets,error"
        )
        answer = self._ask(f"{before}*{behind}", path, body, timeout_seconds)
        if not isinstance(answer, bytes):
            return answer if isinstance(answer, Again) else []
        read = _read(answer, _Listed)
        if isinstance(read, Again):
            return read
        names = (bucket.key for bucket in read.aggregations.indices.buckets)
        texts = (name[len(before) : len(name) - len(behind)] for name in names if name.startswith(before) and name.endswith(behind))
        return sorted(filter(None, map(_day, texts)))

    def held(self, index: str, uuids: Sequence[str], timeout_seconds: float) -> Counter[str] | NotThere | Again:
        """How often each of these events is there; 0 for one that isn't."""
        found: Counter[str] = Counter()
        for start in range(0, len(uuids), _IDS_A_REQUEST):
            ids = uuids[start : start + _IDS_A_REQUEST]
            body = {"size": _COPIES * len(ids), "query": {"ids": {"values": ids}}, "_source": False, "sort": ["_doc"]}
            answer = self._ask(
                index, "_search?allow_partial_search_results=false&filter_path=timed_out,hits.hits._id,error", body, timeout_seconds
            )
            if not isinstance(answer, bytes):
                return answer
            read = _read(answer, _Found)
            if isinstance(read, Again):
                return read
            found.update(hit.id for hit in read.hits.hits)
        return found

    def by_hour(self, tenant: str, index: str, since: datetime, until: datetime, timeout_seconds: float) -> Mapping[datetime, int] | Again:
        """How many documents of a tenant there are in each hour of `@timestamp`; hours without any are left out, and none for no index."""
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
        if not isinstance(answer, bytes):
            return answer if isinstance(answer, Again) else {}
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

    def _ask(self, index: str, path: str, body: Mapping[str, Any] | None, timeout_seconds: float) -> bytes | NotThere | Again:
        """The body of a good answer."""
        data = None if body is None else json.dumps(body).encode()
        answered = self._cluster.request(
            "POST", f"/{quote(index, safe='*')}/{path}", body=data, headers=_HEADERS if data else {}, timeout_seconds=timeout_seconds
        )
        if isinstance(answered, Again):
            return answered
        answer = answered.answer
        if answer.status == 200:
            return answer.body
        error = read_whole_error(answer.body)
        if answer.status == 404 and error is not None and error.type == "index_not_found_exception":
            return "absent"
        if error is not None and error.type == "index_closed_exception":
            return "closed"
        fix = f"Grant the sink's user the index privileges read and maintenance on {index}."
        return refusal(answer, (), fix, answered.origin, time.time())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-05-10") else None
    except ValueError:
        return None


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
