"""An answer → what became of the batch. Pure. `sinks.http.verdicts` has the table.

Splunk's HTTP Event Collector says more in its body (`{"text", "code", "invalid-event-number"}`; its REST reference lists the codes):
whether it took the events, which event of a batch it can't read, counted from 0, or that it is busy. Its success is `code` 0 and nothing
else: a page that a proxy puts in front of it with a 200 is none.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sinks.delivery.target import Again, Blame, ErrorType, Notice, Outcome, Refused
from sinks.http.client import Answer, retry_after_seconds
from sinks.http.masking import Mask
from sinks.http.verdicts import BUSY_CODES, EVENT_CODES, NO_ANSWER_OF_ITS_KIND, is_page, of_code, of_status, rest_is_its_own
from sinks.webhook.words import json_value, public_url, shown, words

__all__ = ["judge"]

_FIXES = MappingProxyType({
    401: "Give the receiver's credentials in headers_env or headers_file.",
    403: "Let the sink's credentials write there, or give others in headers_env or headers_file.",
    404: "Correct the sink's url.",
    405: "Correct the sink's url: it takes no POST.",
    407: "The proxy on the way wants credentials.",
    408: "Look at the network between this machine and the receiver.",
    410: "The receiver is gone for good: give its successor's url, or remove the sink.",
    413: "Raise the receiver's limit on the size of a request.",
    415: "Choose the encoding that the receiver takes.",
    425: "",
    429: "Raise the receiver's limit, or lower the sink's max_in_flight.",
})  # fmt: skip
_SIGNATURE_REFUSED = frozenset({400, 401, 403})
_SERVER_FIX = "Look at the receiver's load and at its log."
_PAGE_FIX = (
    "That is a page for people: a proxy, a firewall or a sign-in answers in the receiver's place. Look at what stands in front of it, and "
    "at the sink's url."
)

_PARTS_FIX = "Let the receiver answer 207 with a JSON list of each event's status, or with 200."
# What a 207 may say in general, and of each event; many repeat what they were sent.
_ANSWER_BYTES = 64 * 1024
_ANSWER_BYTES_PER_EVENT = 16 * 1024

_HEC_FIXES = MappingProxyType({
    1: "Enable the token in Splunk.",
    2: "Give Authorization in headers_env or headers_file, as: Splunk TOKEN.",
    3: "Give Authorization in headers_env or headers_file, as: Splunk TOKEN.",
    4: "Give a token that this Splunk knows, in headers_env or headers_file, as: Splunk TOKEN.",
    7: "Let the token write to that index, or correct the sink's index.",
    9: _SERVER_FIX,
    10: "The token has indexer acknowledgement on, which this program doesn't ask for: turn it off for the token (useACK), or give a GUID "
    "as X-Splunk-Request-Channel in headers; 200 means received, not indexed, either way.",
    11: "Give a GUID as X-Splunk-Request-Channel in headers; what stands there is none.",
    14: "Leave X-Splunk-Request-Channel out, or turn the token's indexer acknowledgement on.",
    16: "Give the token in the Authorization header (headers_env or headers_file), not in the url.",
})  # fmt: skip
_HEC_ANSWER_FIX = "Look at the sink's url: it ends in /services/collector/event, and what answers there is no HTTP Event Collector."


def judge(
    answer: Answer, events: int, *, address: str, is_hec: bool, now_epoch_seconds: float, mask: Mask, clock_words: str = ""
) -> Outcome:
    """What became of a batch.

    Args:
        answer: The receiver's.
        events: How many the batch has.
        address: Where it was sent, for messages.
        is_hec: Whether the receiver is a HTTP Event Collector.
        now_epoch_seconds: The present, for Retry-After.
        mask: Hides what must not be shown.
        clock_words: Where the request was signed and the receiver's clock is far from ours: a sentence about it. A refusal then is for
            the signature's time, which no event has a part in.
    """
    status = answer.status
    parsed = json_value(answer.body)
    said_json: Mapping[str, Any] = parsed if isinstance(parsed, dict) else {}
    code = _number(said_json, "code") if is_hec else None
    said = words(answer.body, mask) + (f" (code {code})" if code is not None else "")
    reason = f"{address} answered {status}{': ' if said else ''}{said.rstrip('.')}."
    if 200 <= status < 300:
        if status == 207 and not is_hec:
            return _parts(answer, events, address, said)
        if code == 0 or not is_hec:
            return Outcome(delivered=range(events))
        if code is None:
            return _all_again(events, reason, _PAGE_FIX if is_page(answer.body) else _HEC_ANSWER_FIX, status, None)
    unreadable = _number(said_json, "invalid-event-number")
    if code in EVENT_CODES and unreadable is not None and 0 <= unreadable < events:
        return _all_but(unreadable, events, reason, status)
    verdict = of_code(code, status)
    is_untimely = bool(clock_words) and status in _SIGNATURE_REFUSED
    fix = clock_words if is_untimely else _fix(answer, code, mask)
    if verdict.blame == "content" and not is_untimely:
        return Outcome(split=Refused(0, f"{reason} {fix}".strip(), status), too_large=status == 413)
    after_seconds = retry_after_seconds(answer.headers, now_epoch_seconds)
    is_busy = code in BUSY_CODES or (after_seconds is not None and rest_is_its_own(status, answer.body))
    blame: Blame = "target" if is_untimely or is_busy else verdict.blame
    return _all_again(events, reason, fix, status, after_seconds, blame, verdict.error_type)


def _all_again(
    events: int,
    reason: str,
    fix: str,
    status: int,
    after_seconds: float | None,
    blame: Blame = NO_ANSWER_OF_ITS_KIND.blame,
    error_type: ErrorType = NO_ANSWER_OF_ITS_KIND.error_type,
) -> Outcome:
    again = Again(range(events), reason, fix, error_type=error_type, status=status, after_seconds=after_seconds, blame=blame)
    return Outcome(again=[again])


def _fix(answer: Answer, code: int | None, mask: Mask) -> str:
    if code in _HEC_FIXES:
        return _HEC_FIXES[code or 0]
    if 300 <= answer.status < 400:
        return _redirect_fix(answer, mask)
    if is_page(answer.body) and answer.status < 500:
        return _PAGE_FIX
    return _FIXES.get(answer.status, _SERVER_FIX if answer.status >= 500 else "")


def _parts(answer: Answer, events: int, address: str, said: str) -> Outcome:
    """Of a 207 each part has a status of its own, where the answer says so in a way that can be read: a list, as long as the batch."""
    parsed = json_value(answer.body, _ANSWER_BYTES + events * _ANSWER_BYTES_PER_EVENT)
    if parsed is None:
        # A refusal may stand in it.
        reason = f"{address} answered 207, of which nothing can be read{': ' if said else ''}{said.rstrip('.')}."
        return _all_again(events, reason, _PAGE_FIX if is_page(answer.body) else _PARTS_FIX, 207, None)
    statuses = _statuses(parsed, events)
    if statuses is None:
        text = (
            f"{address} answers 207, by which it says that it may have refused some events, but not which ({said}). They count as "
            "delivered; look at the receiver's log."
        )
        return Outcome(delivered=range(events), notice=Notice(text, "207"))
    delivered, again, refused = [], [], []
    for position, status in enumerate(statuses):
        if 200 <= status < 300:
            delivered.append(position)
        elif of_status(status).blame == "content":
            refused.append(Refused(position, f"{address} refused it with {status} in an answer of 207.", status))
        else:
            again.append(position)
    if not again:
        return Outcome(delivered, (), (), refused)
    # One trouble: the target's where it is any part's, since that passes, and what is left then speaks for itself.
    first = min((statuses[position] for position in again), key=lambda status: of_status(status).blame != "target")
    verdict = of_status(first)
    reason = f"{address} did not take {len(again)} of {events} event(s): {first} in an answer of 207."
    trouble = Again(again, reason, _SERVER_FIX, verdict.error_type, first, blame=verdict.blame)
    return Outcome(delivered, (), [trouble], refused)


def _statuses(parsed: Any, events: int) -> Sequence[int] | None:
    candidates = [parsed, *parsed.values()] if isinstance(parsed, dict) else [parsed]
    for candidate in candidates:
        if isinstance(candidate, list) and len(candidate) == events and all(isinstance(item, dict) for item in candidate):
            found = [item.get("status", item.get("code")) for item in candidate]
            if all(isinstance(status, int) and 100 <= status < 600 for status in found):
                return found
    return None


def _number(said: Mapping[str, Any], member: str) -> int | None:
    value = said.get(member)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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
