"""The parameters of `GET /api/v1/logs`, checked as Okta checks them."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

from okta_source.simulator.errors import OktaError
from okta_source.simulator.scim import Predicate, compile_filter

DAY_MS = 86_400_000
RETENTION_MS = 90 * DAY_MS
_TOO_OLD_MS = 180 * DAY_MS
_DEFAULT_SPAN_MS = 7 * DAY_MS
_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000
_MAX_WORDS = 10
_MAX_WORD_LENGTH = 40
_WORDS = re.compile(r"[\w.@]+")


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks for.

    Attributes:
        polling: No `until` and ascending: events in the order of their persistence, endlessly.
        since_ms: Lower bound in Unix milliseconds: of persistence when polling, of `published` otherwise.
        until_ms: Upper bound (exclusive) of `published`.
        limit: Most events of a page.
        descending: Newest first.
        after: The raw cursor, or None.
        matches: Decides whether an event is wanted; None when all are.
    """

    polling: bool
    since_ms: int
    until_ms: int
    limit: int
    descending: bool
    after: str | None
    matches: Predicate | None


def parse_query(query: dict[str, str], now_ms: int) -> Query:
    """Check the parameters.

    Args:
        query: Raw values by name.
        now_ms: The present in Unix milliseconds.

    Raises:
        OktaError: 400, with the code and the causes that Okta gives.
    """
    order = unquote(query.get("sortOrder", "ASCENDING"))
    if order not in ("ASCENDING", "DESCENDING"):
        raise invalid_parameter(name="sortOrder", cause="The value must be one of ASCENDING, DESCENDING")
    has_until = bool(query.get("until"))
    until_ms = _time("until", query["until"]) if has_until else now_ms
    since_ms = _time("since", query["since"]) if query.get("since") else until_ms - _DEFAULT_SPAN_MS
    if query.get("since") and since_ms < now_ms - _TOO_OLD_MS:
        raise OktaError(400, "E0000053", "Invalid parameter: The since parameter is over 180 days prior to the current day.")
    if has_until and since_ms > until_ms:
        raise invalid_parameter(name="until", cause="The until parameter must be after the since parameter")
    return Query(
        polling=not has_until and order == "ASCENDING",
        since_ms=max(since_ms, now_ms - RETENTION_MS),
        until_ms=until_ms,
        limit=_limit(query.get("limit")),
        descending=order == "DESCENDING",
        after=query.get("after"),
        matches=_matcher(query.get("filter", ""), query.get("q", "")),
    )


def invalid_parameter(name: str, cause: str) -> OktaError:
    """400 E0000001 for one parameter."""
    return OktaError(400, "E0000001", name, causes=(f"{name}: {cause}",))


def _limit(raw: str | None) -> int:
    if raw is None:
        return _DEFAULT_LIMIT
    if not raw.isdecimal() or int(raw) > _MAX_LIMIT:
        raise invalid_parameter(name="limit", cause=f"The limit must be an integer between 0 and {_MAX_LIMIT}")
    return int(raw)


def _time(name: str, raw: str) -> int:
    """Unix milliseconds of a raw ISO 8601 parameter; without a zone it is UTC."""
    text = unquote(raw)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        cause = f"The date format in your query is not recognized: {text!r}. Enter dates using ISO8601 string format."
        raise invalid_parameter(name=name, cause=cause) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _matcher(raw_filter: str, raw_words: str) -> Predicate | None:
    predicates: list[Predicate] = []
    if raw_filter:
        predicates.append(compile_filter(unquote_plus(raw_filter)))
    words = unquote_plus(raw_words).split()
    if len(words) > _MAX_WORDS:
        raise invalid_parameter(name="q", cause=f"At most {_MAX_WORDS} keywords are allowed")
    for word in words:
        if len(word) > _MAX_WORD_LENGTH:
            raise invalid_parameter(name="q", cause=f"A keyword may have at most {_MAX_WORD_LENGTH} characters")
    if words:
        # Values with a hyphen are found by their parts too.
        wanted = {part for word in words for part in _WORDS.findall(word.lower())}
        predicates.append(lambda event: wanted <= _words(event))
    if not predicates:
        return None
    return lambda event: all(predicate(event) for predicate in predicates)


def _words(value: Any) -> set[str]:
    """All words of all values, in lower case."""
    return {word for leaf in _leaves(value) for word in _WORDS.findall(leaf.lower())}


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    if value is None:
        return []
    return [value if isinstance(value, str) else json.dumps(value)]
