"""An answer without what its request was authenticated with: a server, or a proxy that is proud of its diagnostics, may repeat it."""

from collections.abc import Iterable
from dataclasses import replace

from requests.structures import CaseInsensitiveDict

from okta_source.config.secret import MASK
from okta_source.polling.verdict import Response

__all__ = ["without"]

_SHORTEST = 4


def without(answer: Response, secrets: Iterable[str]) -> Response:
    """Mask credentials in a refusal, which goes into messages; a page of events is never touched.

    Args:
        answer: What came.
        secrets: The values of the request's credential headers, whole, and others. What stands behind a scheme such as `Bearer` is masked
            by itself; parts of a few characters are no secrets.
    """
    if answer.status == 200:
        return answer
    parts = {part for secret in secrets for part in (secret, secret.rpartition(" ")[2]) if len(part) >= _SHORTEST}
    body, headers = answer.body, dict(answer.headers)
    for part in sorted(parts, key=len, reverse=True):
        body = body.replace(part.encode(), MASK.encode())
        headers = {name: value.replace(part, MASK) for name, value in headers.items()}
    return replace(answer, body=body, headers=CaseInsensitiveDict(headers))
