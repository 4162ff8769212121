"""Questions to a search server, whose answers are JSON or a reason why there is none."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sinks.delivery.target import Again
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.reply import refusal
from sinks.elasticsearch.server_error import ServerError, read_whole_error

__all__ = ["Asker", "Said", "member"]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer.

    Attributes:
        status: The HTTP status; 0 without an answer.
        value: Its JSON, where the status is 200; None otherwise.
        body: As it came.
        trouble: What is wrong, where it is not 200.
        error: The server's own words for that, where they are its own.
    """

    status: int
    value: Any = None
    body: bytes = b""
    trouble: Again | None = None
    error: ServerError | None = None

    @property
    def reason(self) -> str:
        """Why there is no JSON; a sentence."""
        return self.trouble.reason if self.trouble else ""

    @property
    def fix(self) -> str:
        """What to do about it."""
        return self.trouble.fix if self.trouble else ""


class Asker:
    """Asks one cluster; never raises for an expected failure.

    Args:
        cluster: The servers; closed by whoever made it.
        timeout_seconds: For each question.
    """

    def __init__(self, cluster: Cluster, timeout_seconds: float) -> None:
        self._cluster = cluster
        self._timeout_seconds = timeout_seconds

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, permission_fix: str = "") -> Said:
        """Put one question.

        Args:
            method: The HTTP method.
            path: With the query.
            body: As JSON; nothing for none.
            permission_fix: What to grant where privileges are missing.
        """
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"} if data else {}
        answered = self._cluster.request(method, path, body=data, headers=headers, timeout_seconds=self._timeout_seconds)
        if isinstance(answered, Again):
            return Said(0, trouble=answered)
        answer = answered.answer
        if answer.status != 200:
            trouble = refusal(answer, (), permission_fix, answered.origin, time.time())
            return Said(answer.status, body=answer.body, trouble=trouble, error=read_whole_error(answer.body))
        try:
            return Said(200, msgspec.json.decode(answer.body), answer.body)
        except (ValueError, RecursionError):
            return Said(200, None, answer.body)


def member(value: Any, *names: str) -> Any:
    """What stands at a path in foreign JSON; None where nothing does."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
