"""The answer to a `_bulk` request → what became of each event. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import msgspec

from sinks.delivery.target import Again, Blame, ErrorType, Notice, Outcome, Refused
from sinks.elasticsearch.item_error import judge
from sinks.elasticsearch.server_error import (
    ANSWER_FIX,
    CREDENTIALS_FIX,
    OVERLOAD_FIX,
    ServerError,
    excerpt,
    firewall_fix,
    privileges_fix,
    read_error,
    read_whole_error,
)
from sinks.http.client import Answer, retry_after_seconds
from sinks.http.verdicts import NO_ANSWER_OF_ITS_KIND, of_status, rest_is_its_own

__all__ = ["BULK_PATH", "BULK_PATH_ALONE", "read_reply", "refusal"]

BULK_PATH = "/_bulk?filter_path=errors,items.*.status,items.*.error"
BULK_PATH_ALONE = f"{BULK_PATH}&pipeline=_none"
"""The same past an index's default ingest pipeline."""
"""Both servers keep the order of the items, so neither ids nor indices need be sent back."""


class _Item(msgspec.Struct):
    """One item; without a status it is as if it were missing."""

    status: int = 0
    error: msgspec.Raw = msgspec.Raw()


class _Entry(msgspec.Struct):
    """An item by its operation."""

    create: _Item = msgspec.field(default_factory=_Item)


class _Reply(msgspec.Struct):
    """A `_bulk` answer, as far as it is asked for."""

    errors: bool
    items: list[_Entry] | None = None


_REPLY = msgspec.json.Decoder(_Reply)


def read_reply(answer: Answer, count: int, indices: Callable[[], Sequence[str]], origin: str, now_epoch_seconds: float) -> Outcome:
    """Say what became of each event of a request.

    Args:
        answer: The server's.
        count: The number of events sent.
        indices: Gives the data stream or index of each event; called only where some failed.
        origin: The server, for messages.
        now_epoch_seconds: The present, for a `Retry-After` that is a date.
    """
    if answer.status != 200:
        return _whole(answer, count, indices, origin, now_epoch_seconds)
    try:
        reply = _REPLY.decode(answer.body)
    except (ValueError, RecursionError):
        return Outcome(again=[_no_bulk_answer(answer, range(count), origin)])
    if reply.items is None or len(reply.items) > count:
        return Outcome(again=[_no_bulk_answer(answer, range(count), origin)])
    items = [entry.create for entry in reply.items]
    if len(items) == count and {item.status for item in items} == {201}:
        return Outcome(range(count))
    return _item_by_item(items, count, indices(), origin)


def refusal(answer: Answer, positions: Sequence[int], permission_fix: str, origin: str, now_epoch_seconds: float) -> Again:
    """What is wrong when a whole request failed, of whatever kind, and it isn't for what was sent.

    Args:
        answer: The server's.
        positions: The events concerned.
        permission_fix: What to grant where privileges are missing.
        origin: The server, for messages.
        now_epoch_seconds: The present, for a `Retry-After` that is a date.
    """
    error = read_whole_error(answer.body)
    status = answer.status
    error_type: ErrorType
    if status == 401:
        error_type, fix = "auth", CREDENTIALS_FIX
    elif error is not None and error.type == "cluster_block_exception":
        error_type, fix = "server", "Look at the cluster's health, and at its settings cluster.blocks.*."
    elif status == 403:
        # Anybody else's words speak of no missing privilege.
        is_own = error is not None and error.type == "security_exception"
        error_type, fix = "permission", permission_fix if is_own else firewall_fix(events=bool(positions))
    elif status == 429:
        error_type, fix = "rate_limited", OVERLOAD_FIX
    elif status >= 500 or status == 408:
        error_type, fix = "server", "Look at the server's log, and at the load balancer's where there is one."
    elif 300 <= status < 400:
        # Without the query, which may hold a secret of a sign-in.
        there = urlsplit(answer.headers.get("Location", "")).netloc.rpartition("@")[2]
        error_type, fix = (
            "not_found",
            f"It redirects{f' to {there}' if there else ''}: give the host that answers itself in the sink's hosts.",
        )
    else:
        error_type, fix = "bad_request" if status == 400 else "not_found", ANSWER_FIX
    after_seconds = retry_after_seconds(answer.headers, now_epoch_seconds)
    # In its own words, which have a type, the server says what is wrong; anybody else on the way may mean an event.
    is_own = error is not None and status < 500 and (bool(error.type) or _is_no_bulk_server(error))
    is_busy = after_seconds is not None and rest_is_its_own(status, answer.body)
    blame: Blame = "target" if is_own or is_busy else of_status(status).blame
    return Again(positions, _said(answer, error, origin), fix, error_type, status, after_seconds, blame=blame)


def _whole(answer: Answer, count: int, indices: Callable[[], Sequence[str]], origin: str, now_epoch_seconds: float) -> Outcome:
    error = read_whole_error(answer.body)
    if answer.status == 413:
        # Its body may be empty, and a proxy's limit may be lower than the server's.
        reason = error.text if error else f"{origin} takes no request of this size (HTTP 413)."
        return Outcome(split=Refused(0, reason, 413), too_large=True)
    if of_status(answer.status).blame == "content" and not _is_no_bulk_server(error):
        # One event can spoil a whole request, as with an _id of more than 512 bytes.
        return Outcome(split=Refused(0, error.text if error else _said(answer, error, origin), answer.status))
    if 200 < answer.status < 300:
        return Outcome(again=[_no_bulk_answer(answer, range(count), origin)])
    fix = privileges_fix(" and ".join(sorted(set(indices()))[:2]))
    return Outcome(again=[refusal(answer, range(count), fix, origin, now_epoch_seconds)])


def _is_no_bulk_server(error: ServerError | None) -> bool:
    return error is not None and error.reason.startswith("no handler found for uri")


def _item_by_item(items: Sequence[_Item], count: int, indices: Sequence[str], origin: str) -> Outcome:
    delivered: list[int] = []
    dropped: list[int] = []
    duplicates: list[int] = []
    refused: list[Refused] = []
    groups: dict[tuple[str, str, int], tuple[list[int], Again]] = {}

    def again(position: int, template: Again) -> None:
        # One Again for all events of one trouble, in the words of the first.
        key = template.scope, template.error_type, template.status or 0
        groups.setdefault(key, ([], template))[0].append(position)

    for position, item in enumerate(items):
        if item.status == 201:
            delivered.append(position)
            continue
        if 200 <= item.status < 300:
            dropped.append(position)
            continue
        if item.status == 0:
            again(position, _missing(origin))
            continue
        error = read_error(msgspec.json.decode(item.error) if item.error else None)
        verdict = judge(item.status, error, indices[position])
        words = error.text or f"HTTP {item.status} without a word"
        if verdict.kind == "duplicate":
            duplicates.append(position)
        elif verdict.kind == "refused":
            refused.append(Refused(position, words, item.status))
        else:
            reason = f"{origin} did not take events: {words} (HTTP {item.status})."
            again(position, Again((), reason, verdict.fix, verdict.error_type, item.status, scope=verdict.scope))
    for position in range(len(items), count):
        again(position, _missing(origin))
    return Outcome(
        delivered,
        duplicates,
        [replace(template, positions=positions) for positions, template in groups.values()],
        refused,
        dropped=tuple(dropped),
        notice=_dropped_notice(origin, indices, dropped) if dropped else None,
    )


def _dropped_notice(origin: str, indices: Sequence[str], dropped: Sequence[int]) -> Notice:
    where = " and ".join(sorted({indices[position] for position in dropped})[:2])
    text = (
        f"{origin} takes events for {where} and doesn't keep them (noop): an ingest pipeline drops them. Look at index.default_pipeline "
        'and index.final_pipeline there; such events are counted as "dropped".'
    )
    return Notice(text, f"dropped, {where}")


def _missing(origin: str) -> Again:
    return Again((), f"{origin} did not say what became of some events.", ANSWER_FIX, "decode", 200)


def _no_bulk_answer(answer: Answer, positions: Sequence[int], origin: str) -> Again:
    words = excerpt(answer.body)
    reason = f"{origin} answered HTTP {answer.status}, but not to a _bulk request: {words or 'its body is empty'}"
    return Again(positions, reason, ANSWER_FIX, NO_ANSWER_OF_ITS_KIND.error_type, answer.status, blame=NO_ANSWER_OF_ITS_KIND.blame)


def _said(answer: Answer, error: ServerError | None, origin: str) -> str:
    words = error.text if error else excerpt(answer.body)
    return f"{origin} answered HTTP {answer.status}{': ' + words if words else ''}."
