"""An answer without what its request was authenticated with: a server, or a proxy that is proud of its diagnostics, may repeat it."""

import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, unquote

from requests.structures import CaseInsensitiveDict

from okta_source.config.secret import MASK
from okta_source.polling.outcome import Response

__all__ = ["without"]

_SHORTEST = 4
_LARGEST_READ_BYTES = 1024 * 1024


def without(answer: Response, secrets: Iterable[str]) -> Response:
    """Mask credentials in a refusal, which goes into messages; a page of events is never touched.

    They are found as they are, behind JSON's escapes, percent-encoded and in base64, whole or in part.

    Args:
        answer: What came.
        secrets: The values of the request's credential headers, whole, and others. What stands behind a scheme such as `Bearer` is masked
            by itself; parts of a few characters are no secrets.
    """
    if answer.status == 200:
        return answer
    parts = {part for secret in secrets for part in (secret, secret.rpartition(" ")[2]) if len(part) >= _SHORTEST}
    forms = sorted({form for part in parts for form in _forms(part)}, key=len, reverse=True)
    body = _masked(_unescaped(bytes(answer.body[:_LARGEST_READ_BYTES])), forms, parts)
    headers = {name: _masked(value, forms, parts) for name, value in answer.headers.items()}
    return replace(answer, body=_encoded(body), headers=CaseInsensitiveDict(headers))


def _forms(secret: str) -> Iterable[str]:
    """How one may be repeated. In base64 its characters depend on how many bytes stand before it: one of three forms, less its ends."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="")
    raw = secret.encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        inner = encoded[(0, 2, 3)[before] : len(encoded) - (0, 3, 2)[(before + len(raw)) % 3] or None].rstrip("=")
        if len(inner) >= _SHORTEST:
            yield inner
            yield inner.translate({ord("+"): "-", ord("/"): "_"})


def _unescaped(body: bytes) -> str:
    """A body of JSON written anew, with no escapes behind which a secret could hide; any other as it is."""
    text = body.decode(errors="surrogateescape")
    if "\\" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _encoded(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="replace")  # half a surrogate pair, which stood there as an escape


def _masked(text: str, forms: Iterable[str], secrets: Iterable[str]) -> str:
    for form in forms:
        text = text.replace(form, MASK)
    if "%" in text and any(secret in unquote(text) for secret in secrets):
        for secret in sorted(secrets, key=len, reverse=True):  # other characters than need be are percent-encoded
            text = unquote(text).replace(secret, MASK)
    return text
