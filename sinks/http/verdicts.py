"""Of whom a refusal speaks: one table for every kind of target, by HTTP status and by the codes of Splunk's HTTP Event Collector. Pure.

`docs/delivery.md` shows it to users, and a test compares the two. What is in doubt is found out by asking: see `sinks.delivery.suspicion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sinks.delivery.target import Blame, ErrorType

__all__ = [
    "BUSY_CODES",
    "CODES",
    "EVENT_CODES",
    "NO_ANSWER_OF_ITS_KIND",
    "STATUSES",
    "Verdict",
    "is_page",
    "of_code",
    "of_status",
    "rest_is_its_own",
]


_LOOKED_AT_BYTES = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OF_A_GATEWAY = frozenset({502, 504})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer to a whole request means.

    Attributes:
        blame: Of whom it speaks.
        error_type: The kind of failure.
    """

    blame: Blame
    error_type: ErrorType


STATUSES: Mapping[int, Verdict] = MappingProxyType({
    400: Verdict("content", "bad_request"),
    401: Verdict("target", "auth"),
    402: Verdict("target", "permission"),
    # A firewall says it of one event's user agent just as a server says it of a missing privilege.
    403: Verdict("doubtful", "permission"),
    404: Verdict("doubtful", "not_found"),
    405: Verdict("doubtful", "not_found"),
    407: Verdict("target", "auth"),
    408: Verdict("doubtful", "timeout"),
    409: Verdict("content", "bad_request"),
    410: Verdict("target", "not_found"),
    413: Verdict("content", "bad_request"),
    415: Verdict("content", "bad_request"),
    421: Verdict("target", "not_found"),
    422: Verdict("content", "bad_request"),
    423: Verdict("target", "server"),
    425: Verdict("target", "server"),
    426: Verdict("target", "bad_request"),
    429: Verdict("target", "rate_limited"),
    451: Verdict("doubtful", "permission"),
    # One event may be what a server stumbles over; a load balancer with nobody behind it stumbles over any.
    500: Verdict("doubtful", "server"),
    # What stands in front of a server makes these of a reset and of a hang, which one event may be the cause of.
    502: Verdict("doubtful", "server"),
    503: Verdict("target", "server"),
    504: Verdict("doubtful", "server"),
    507: Verdict("target", "server"),
    529: Verdict("target", "rate_limited"),
})  # fmt: skip

_CLASSES: Mapping[int, Verdict] = MappingProxyType({
    3: Verdict("doubtful", "not_found"),
    4: Verdict("doubtful", "bad_request"),
    5: Verdict("doubtful", "server"),
})  # fmt: skip

NO_ANSWER_OF_ITS_KIND = Verdict("doubtful", "decode")
"""A success that is none: a page where Splunk or Elasticsearch would have said what became of the events."""

CODES: Mapping[int, Verdict] = MappingProxyType({
    1: Verdict("target", "permission"),  # token disabled
    2: Verdict("target", "auth"),  # token is required
    3: Verdict("target", "auth"),  # invalid authorization
    4: Verdict("target", "permission"),  # invalid token
    5: Verdict("content", "bad_request"),  # no data
    6: Verdict("content", "bad_request"),  # invalid data format
    7: Verdict("target", "permission"),  # incorrect index
    8: Verdict("doubtful", "server"),  # internal server error
    9: Verdict("target", "rate_limited"),  # server is busy
    10: Verdict("target", "bad_request"),  # data channel is missing
    11: Verdict("target", "bad_request"),  # invalid data channel
    12: Verdict("content", "bad_request"),  # event field is required
    13: Verdict("content", "bad_request"),  # event field cannot be blank
    14: Verdict("target", "bad_request"),  # ACK is disabled
    15: Verdict("content", "bad_request"),  # error in handling indexed fields
    16: Verdict("target", "auth"),  # query string authorization is not enabled
    18: Verdict("target", "rate_limited"),  # queues are full
    23: Verdict("target", "server"),  # server is shutting down
})  # fmt: skip
"""By the `code` in the answer of an HTTP Event Collector, which says more than its status."""

EVENT_CODES = frozenset({6, 12, 13, 15})
"""Those that mean one event, which `invalid-event-number` names."""

BUSY_CODES = frozenset({9, 18, 23})
"""Those that pass by themselves."""


def of_status(status: int) -> Verdict:
    """The verdict on a status that is no success."""
    return STATUSES.get(status) or _CLASSES.get(status // 100, NO_ANSWER_OF_ITS_KIND)


def of_code(code: int | None, status: int) -> Verdict:
    """The verdict on an answer of an HTTP Event Collector, whatever its status."""
    found = CODES.get(code) if code is not None else None
    return found or of_status(status)


def rest_is_its_own(status: int, body: bytes) -> bool:
    """Whether a `Retry-After` is the target's own word; what stands in front of it may ask for a rest over an event that it stumbles over.

    Args:
        status: The answer's.
        body: The answer's.
    """
    return status not in _OF_A_GATEWAY and not is_page(body)


def is_page(body: bytes) -> bool:
    """Whether an answer's body is a page for people, such as a proxy's or a firewall's."""
    return body[:_LOOKED_AT_BYTES].removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"<")
