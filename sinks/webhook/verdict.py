"""An answer → what became of the batch. Pure.

| status | verdict |
|---|---|
| 2xx | delivered |
| 408, 425, 429, 5xx | again, after Retry-After where the receiver gives it |
| 413 | in halves, down to the event that is too large |
| 3xx and other 4xx | refused |

Splunk's HTTP Event Collector says more in its body (`{"text", "code", "invalid-event-number"}`; its REST reference lists the codes): which
event of a batch it can't read, counted from 0, or that it is busy.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sinks.delivery.target import Again, ErrorType, Outcome, Refused
from sinks.http.client import Answer, retry_after_seconds
from sinks.http.masking import Mask
from sinks.webhook.words import json_object, public_url, shown, words

__all__ = ["judge"]

_AGAIN: MappingProxyType[int, tuple[ErrorType, str]] = MappingProxyType({
    408: ("timeout", "Look at the network between this machine and the receiver."),
    425: ("server", ""),
    429: ("rate_limited", "Raise the receiver's limit, or lower the sink's max_in_flight."),
})  # fmt: skip
_SERVER_FIX = "Look at the receiver's load and at its log."

_FIXES = MappingProxyType({
    401: "Give the receiver's credentials in headers_env or headers_file.",
    403: "Let the sink's credentials write there, or give others in headers_env or headers_file.",
    404: "Correct the sink's url.",
    405: "Correct the sink's url: it takes no POST.",
    410: "The receiver is gone for good: give its successor's url, or remove the sink.",
    413: "Raise the receiver's limit on the size of a request.",
    415: "Choose the encoding that the receiver takes.",
})  # fmt: skip

_HEC_BUSY = 9
# Invalid data format, event field is required, event field cannot be blank: the one event is meant.
_HEC_UNREADABLE_EVENT = frozenset({6, 12, 13})
_HEC_FIXES = MappingProxyType({
    1: "Enable the token in Splunk.",
    2: "Give Authorization in headers_env or headers_file, as: Splunk TOKEN.",
    3: "Give Authorization in headers_env or headers_file, as: Splunk TOKEN.",
    4: "Give a token that this Splunk knows, in headers_env or headers_file, as: Splunk TOKEN.",
    7: "Let the token write to that index, or correct the sink's index.",
    10: "Turn the token's indexer acknowledgement off, or give X-Splunk-Request-Channel in headers.",
    11: "Give a GUID as X-Splunk-Request-Channel in headers.",
})  # fmt: skip


def judge(answer: Answer, events: int, *, address: str, is_hec: bool, now_epoch_seconds: float, mask: Mask) -> Outcome:
    """What became of a batch.

    Args:
        answer: The receiver's.
        events: How many the batch has.
        address: Where it was sent, for messages.
        is_hec: Whether the receiver is a HTTP Event Collector.
        now_epoch_seconds: The present, for Retry-After.
        mask: Hides what must not be shown.
    """
    status = answer.status
    if 200 <= status < 300:
        return Outcome(delivered=range(events))
    hec = json_object(answer.body) if is_hec else {}
    code = _number(hec, "code")
    said = words(answer.body, mask) + (f" (code {code})" if code is not None else "")
    reason = f"{address} answered {status}{': ' if said else ''}{said.rstrip('.')}."
    if status in _AGAIN or status >= 500 or code == _HEC_BUSY:
        error_type, fix = _AGAIN.get(status, ("server", _SERVER_FIX))
        after_seconds = retry_after_seconds(answer.headers, now_epoch_seconds)
        again = Again(range(events), reason, fix, error_type=error_type, status=status, after_seconds=after_seconds)
        return Outcome(again=[again])
    unreadable = _number(hec, "invalid-event-number")
    if code in _HEC_UNREADABLE_EVENT and unreadable is not None and 0 <= unreadable < events:
        return _all_but(unreadable, events, reason, status)
    if status == 413 and events > 1:
        return Outcome(split=Refused(0, reason, status), too_large=True)
    fix = _redirect_fix(answer, mask) if 300 <= status < 400 else _HEC_FIXES.get(code or 0, "") or _FIXES.get(status, "")
    why = f"{reason} {fix}".strip()
    return Outcome(refused=[Refused(position, why, status) for position in range(events)])


def _number(hec: Mapping[str, Any], member: str) -> int | None:
    value = hec.get(member)
    return value if isinstance(value, int) else None


def _all_but(refused: int, events: int, reason: str, status: int) -> Outcome:
    """One event is refused, and all the others are sent again: Splunk doesn't promise what became of those in front of it."""
    others = [position for position in range(events) if position != refused]
    again = Again(others, f"{reason} The others go again without that event.", error_type="bad_request", status=status, at_once=True)
    return Outcome(again=[again] if others else (), refused=[Refused(refused, reason, status)])


def _redirect_fix(answer: Answer, mask: Mask) -> str:
    try:
        location = shown(public_url(answer.headers.get("Location", "")), mask)
    except ValueError:
        location = ""
    where = f" ({location})" if location.startswith("http") else ""
    return f"Redirects are not followed; put the final URL{where} into the sink's url."
