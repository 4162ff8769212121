"""API keys of Elasticsearch and OpenSearch in the forms in which people have them. Pure.

The API that makes one answers `{"id": …, "api_key": …, "encoded": …}`; a header wants `encoded`, which is `id:api_key` in Base64. Kibana
shows all of them, one click apart.
"""

import base64
import binascii
import re

from sinks.config.pasted import members_of, unwrapped, why_unusable

__all__ = ["ApiKeyProblem", "usable_api_key"]

_SCHEME = ("ApiKey",)
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_PAIR = re.compile(r"([A-Za-z0-9_-]+):([A-Za-z0-9_-]+)")
# An id has 20 characters, an api_key 22: 16 random bytes in Base64 without padding.
_HALF = re.compile(r"[A-Za-z0-9_-]{20}|[A-Za-z0-9_-]{22}")
_NEEDED = "needed: `encoded` of the answer that made the key, or id:api_key"


class ApiKeyProblem(ValueError):  # noqa: N818 (it names what is the case)
    """A text is no API key; the message says what was found, to stand behind where it was found, and never shows the text."""


def usable_api_key(text: str) -> str:
    """The key as an `Authorization: ApiKey …` header wants it.

    Args:
        text: As it was found: encoded, `id:api_key`, the JSON of the call that made it, any of them in quotes, behind `ApiKey` or a name.

    Raises:
        ApiKeyProblem: It is none, or half of one.
    """
    if _is_encoded_pair(text):
        return text
    inner = text if _ENCODED.fullmatch(text) else unwrapped(text, _SCHEME)
    members = members_of(inner)
    if members is not None:
        inner = _of_members(members)
    if pair := _PAIR.fullmatch(inner):
        return base64.b64encode(f"{pair[1]}:{pair[2]}".encode()).decode()
    if _HALF.fullmatch(inner) and not _is_encoded_pair(inner):
        msg = f"is half a key, its id or its api_key alone; {_NEEDED}"
        raise ApiKeyProblem(msg)
    if _ENCODED.fullmatch(inner):
        return inner
    if inner[:7].lower() in ("bearer ", "basic d"):
        msg = f"begins with {inner.partition(' ')[0]}: it is no API key; {_NEEDED}"
        raise ApiKeyProblem(msg)
    if why := why_unusable(inner) or (inner != text and why_unusable(text)):
        msg = f"{why}; {_NEEDED}"
        raise ApiKeyProblem(msg)
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        msg = "holds a line break, a space at one of its ends, or another character that no HTTP header can carry"
        raise ApiKeyProblem(msg)
    if " " in text or ":" in text:
        msg = f"holds a {'space' if ' ' in text else 'colon'}, and is no id:api_key; {_NEEDED}"
        raise ApiKeyProblem(msg)
    return text


def _is_encoded_pair(text: str) -> bool:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii() and decoded.decode().isprintable()


def _of_members(members: dict[str, str]) -> str:
    if "encoded" in members:
        return members["encoded"]
    if "id" in members and "api_key" in members:
        return f"{members['id']}:{members['api_key']}"
    if len(members) == 1:
        return unwrapped(next(iter(members.values())), _SCHEME)
    msg = f"is JSON without `encoded`, and without `id` beside `api_key`; {_NEEDED}"
    raise ApiKeyProblem(msg)
