"""What a receiver said, fit for a message: short, on one line, and with no secret in it. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sinks.http.masking import Mask

__all__ = ["json_value", "public_url", "secrets_in", "shown", "words"]

_LONGEST_WORDS = 200
_LOOKED_AT_JSON_BYTES = 64 * 1024
_LOOKED_AT_TEXT_BYTES = 4 * 1024
# Where servers put their words; `text` is Splunk's, `detail` and `title` are those of RFC 9457.
_MEMBERS = ("message", "error", "text", "detail", "title", "reason")
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def words(body: bytes, mask: Mask) -> str:
    """What an answer's body says; empty where it says nothing.

    Args:
        body: The body, of any kind.
        mask: Hides what must not be shown: a receiver may repeat what it was sent.
    """
    answer = json_value(body)
    text = _message(answer) if isinstance(answer, dict) else answer if isinstance(answer, str) else ""
    if not text and answer is not None:
        # Written anew, with no escapes behind which a secret could hide.
        text = json.dumps(answer, ensure_ascii=False)
    elif not text:
        text = body[:_LOOKED_AT_TEXT_BYTES].decode("utf-8-sig", errors="replace")
        if text.lstrip().startswith("<"):
            text = _MARKUP.sub(" ", text)
    return shown(text, mask)


def shown(text: str, mask: Mask) -> str:
    """A foreign text as it may be shown: masked, printable, on one short line."""
    # Masked while it is whole: half a secret would be found no more.
    printable = "".join(char if char.isprintable() else " " for char in mask(text))
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"


def public_url(url: str) -> str:
    """A URL without its credentials, query and fragment, any of which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def secrets_in(url: str) -> list[str]:
    """What `public_url` leaves out."""
    parts = urlsplit(url)
    values = [value for _, value in parse_qsl(parts.query)]
    return [parts.query, parts.username or "", parts.password or "", *values]


def json_value(body: bytes, limit_bytes: int = _LOOKED_AT_JSON_BYTES) -> Any:
    """An answer's body as JSON; None where it is something else, or longer.

    Args:
        body: The body, of any kind.
        limit_bytes: How long it may be.
    """
    if len(body) > limit_bytes:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _message(answer: Mapping[str, Any]) -> str:
    for member in _MEMBERS:
        value = answer.get(member)
        if isinstance(value, dict):
            value = _message(value)
        if isinstance(value, str) and value.strip():
            return value
    return ""
