"""What a request's head decides: answered at once, or its body is wanted. Pure.

The order is fixed: path, method, secret, then what only somebody with the secret may learn. Content is never judged: Okta does not repeat
a delivery that was answered 4xx.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from okta_source.hooks.frame import LONGEST_BODY_BYTES

__all__ = ["CHALLENGE_HEADER", "Answer", "Result", "Wanted", "decide"]

CHALLENGE_HEADER: Final = "X-Okta-Verification-Challenge"
_LONGEST_CHALLENGE: Final = 1024
_MOST_DIGITS: Final = 12

Result = str
"""What is counted: accepted, verified, unauthorized, refused, too_large, overloaded or failed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Attributes:
        status: Of HTTP.
        result: What it counts as.
        tenant: Whom it counts for; empty where nobody is known.
        body: Empty but for a verification.
        headers: Further headers.
    """

    status: int
    result: Result
    tenant: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A delivery whose body is to be read.

    Attributes:
        tenant: Whose it is.
    """

    tenant: str


def decide(
    method: str, target: str, headers: Mapping[str, str], *, prefix: str, is_admitted: Callable[[str, Mapping[str, str]], bool]
) -> Answer | Wanted:
    """Decide on a request by its head.

    Args:
        method: Of HTTP.
        target: Path and query.
        headers: By name, without regard to case.
        prefix: What paths start with, such as `/hooks`.
        is_admitted: Whether the headers carry the secret of the tenant that the path names, known or not.
    """
    path = target.partition("?")[0]
    front, _, tenant = path.rpartition("/")
    if front != prefix or not tenant:
        return Answer(404, "refused")
    if method not in ("GET", "POST"):
        return Answer(405, "refused", headers=(("Allow", "GET, POST"),))
    if not is_admitted(tenant, headers):
        return Answer(401, "unauthorized", tenant)
    if method == "GET":
        return _verification(tenant, headers.get(CHALLENGE_HEADER, ""))
    length = headers.get("Content-Length", "").lstrip("0")
    # Python refuses to read thousands of digits as a number, and nobody needs them.
    if length.isascii() and length.isdigit() and (len(length) > _MOST_DIGITS or int(length) > LONGEST_BODY_BYTES):
        return Answer(413, "too_large", tenant)
    return Wanted(tenant)


def _verification(tenant: str, challenge: str) -> Answer:
    if not challenge or len(challenge) > _LONGEST_CHALLENGE:
        return Answer(400, "refused", tenant)
    body = json.dumps({"verification": challenge}).encode()
    return Answer(200, "verified", tenant, body, (("Content-Type", "application/json"),))
