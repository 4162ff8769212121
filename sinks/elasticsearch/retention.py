"""A sink's `retention` where no template can hold it: OpenSearch's index state management, or nothing."""

import json
import logging
from datetime import timedelta

import msgspec

from sinks.delivery.target import Again
from sinks.elasticsearch.lifecycle import ism_policy, span_text
from sinks.elasticsearch.neighbours import Ask
from sinks.elasticsearch.server import Server
from sinks.http.client import Answer

__all__ = ["keep_by_policy"]

_LOG = logging.getLogger(__name__)


class _Stored(msgspec.Struct):
    policy: msgspec.Raw
    seq_no: int = msgspec.field(name="_seq_no")
    primary_term: int = msgspec.field(name="_primary_term")


def keep_by_policy(
    ask: Ask, sink_name: str, policy_name: str, pattern: str, retention: timedelta, server: Server, *, is_stream: bool
) -> Again | None:
    """Put an ISM policy where the plugin answers; a warning where the server can't keep the sink's retention.

    Args:
        ask: Sends a request.
        sink_name: The sink's name.
        policy_name: The policy's.
        pattern: Of the indices.
        retention: How long they are kept.
        server: The kind of server.
        is_stream: Whether the target is a data stream.

    Returns:
        Why there was no answer, if there was none.
    """
    if server.distribution != "opensearch":
        _cannot(sink_name, retention, f"{server} knows a retention of data streams only, from 8.11 on; give the indices an ILM policy")
        return None
    path = f"/_plugins/_ism/policies/{policy_name}"
    found = ask("GET", path, None)
    if isinstance(found, Again):
        return found
    wanted = ism_policy(pattern, retention, is_stream=is_stream)
    stored = _stored(found.answer) if found.answer.status == 200 else None
    if found.answer.status != 404 and stored is None:
        _cannot(sink_name, retention, f"index state management doesn't answer (GET {path}: {found.answer.status})")
        return None
    if stored is not None and _same(msgspec.json.decode(stored.policy), wanted["policy"]):
        return None
    if stored is not None:
        path += f"?if_seq_no={stored.seq_no}&if_primary_term={stored.primary_term}"
    answered = ask("PUT", path, json.dumps(wanted).encode())
    if isinstance(answered, Again):
        return answered
    if answered.answer.status in (200, 201):
        _LOG.info(
            "sink %s: policy %s keeps for %s what is written to %s; indices that are there already have to be given it "
            "(POST /_plugins/_ism/add/NAME)",
            sink_name, policy_name, span_text(retention), pattern,
        )  # fmt: skip
    else:
        _cannot(sink_name, retention, f"the server refused the policy {policy_name} ({answered.answer.status})")
    return None


def _stored(answer: Answer) -> _Stored | None:
    try:
        return msgspec.json.decode(answer.body, type=_Stored)
    except (ValueError, RecursionError):
        return None


def _same(stored: object, wanted: dict[str, object]) -> bool:
    """Whether it says the same of the span and the indices; the server adds members of its own."""
    if not isinstance(stored, dict) or stored.get("description") != wanted["description"]:
        return False
    templates = stored.get("ism_template")
    patterns = [item.get("index_patterns") for item in templates if isinstance(item, dict)] if isinstance(templates, list) else []
    return patterns == [item["index_patterns"] for item in wanted["ism_template"]]  # type: ignore[attr-defined]


def _cannot(sink_name: str, retention: timedelta, why: str) -> None:
    _LOG.warning("sink %s: events are not kept for %s only, but for as long as the server does: %s", sink_name, span_text(retention), why)
