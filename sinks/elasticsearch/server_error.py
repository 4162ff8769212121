"""What Elasticsearch and OpenSearch say when something fails: their words, and what a person can do about it. Pure."""

import re
from typing import Any

import msgspec

__all__ = [
    "ANSWER_FIX",
    "CREDENTIALS_FIX",
    "OVERLOAD_FIX",
    "ServerError",
    "excerpt",
    "firewall_fix",
    "privileges_fix",
    "read_error",
    "read_whole_error",
]

CREDENTIALS_FIX = "Look at the sink's api_key_env, or at username and password_env: the server doesn't know them."
ANSWER_FIX = "Look at the sink's hosts: do they speak Elasticsearch there, or is it a proxy or another service?"
OVERLOAD_FIX = "The server is overloaded: look at its load, or lower max_in_flight or batch_events."

# A refused event's reason stands in its dead letter and in the log; some servers put half a document into it.
_LONGEST_REASON_CHARACTERS = 1000
_LONGEST_EXCERPT_CHARACTERS = 200
_DEEPEST_CAUSE = 10
_BETWEEN_WORDS = re.compile(r"[\s\x00-\x1f]+")


class ServerError(msgspec.Struct, frozen=True):
    """An error in the server's words.

    Attributes:
        type: Its kind, such as `mapper_parsing_exception`; empty where there is none.
        reason: What happened; empty where the server doesn't say.
        text: Both, with what caused it, for people; limited in length.
    """

    type: str = ""
    reason: str = ""
    text: str = ""


def read_error(error: Any) -> ServerError:
    """The `error` of a failed item or request: an object of type, reason and caused_by, or in odd cases a text."""
    if not isinstance(error, dict):
        words = _clean(error)
        return ServerError("", words, _shorten(words))
    own_type, reason = _clean(error.get("type")), _clean(error.get("reason"))
    texts = [_phrase(own_type, reason)]
    cause: Any = error.get("caused_by")
    for _ in range(_DEEPEST_CAUSE):
        if not isinstance(cause, dict):
            break
        text = _phrase(_clean(cause.get("type")), _clean(cause.get("reason")))
        if text and text not in texts:
            texts.append(text)
        cause = cause.get("caused_by")
    return ServerError(own_type, reason, _shorten("; caused by ".join(filter(None, texts))))


def read_whole_error(body: bytes) -> ServerError | None:
    """The error of a request that failed as a whole; None where the body is not such a server's, like a proxy's page."""
    try:
        answer: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    return read_error(error) if error else None


def excerpt(body: bytes) -> str:
    """The beginning of an answer that is no such server's, fit for a message."""
    # Twice the length, since tags and indentation shrink.
    return _clean(body[: 2 * _LONGEST_EXCERPT_CHARACTERS].decode(errors="replace"))[:_LONGEST_EXCERPT_CHARACTERS]


def firewall_fix(*, events: bool) -> str:
    """What to do about a refusal that is somebody else's.

    Args:
        events: Whether events were sent.
    """
    cause, what = (", maybe because of what one event holds", "requests to _bulk") if events else ("", "these requests")
    return (
        "These are not the server's own words: what stands in front of it, a proxy, a firewall or a cloud's access policy, "
        f"answers{cause}. Look at its log, and let it pass {what}."
    )


def privileges_fix(index: str) -> str:
    """What to grant to whoever may not write."""
    return (
        f"Grant its role the index privileges create_doc and auto_configure on {index} "
        "(OpenSearch: the action groups create_index and write there, and cluster_composite_ops)."
    )


def _phrase(own_type: str, reason: str) -> str:
    return ": ".join(filter(None, (own_type, reason)))


def _clean(value: object) -> str:
    return "" if value is None else _BETWEEN_WORDS.sub(" ", str(value)).strip()


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON_CHARACTERS else text[: _LONGEST_REASON_CHARACTERS - 1] + "…"
