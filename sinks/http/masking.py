"""Hides secrets in what others say: a server, or a proxy in front of it, may repeat what it was sent. Pure."""

import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote

__all__ = ["Mask", "mask_of"]

Mask = Callable[[str], str]

_SHORTEST_SECRET = 4


def mask_of(secrets: Iterable[str]) -> Mask:
    """A mask for these, in each form in which a receiver may repeat them.

    Args:
        secrets: Header values, keys and the like; of several words such as `Bearer abc`, each but the first counts too.
    """
    forms: set[str] = set()
    for secret in secrets:
        for text in (secret.strip(), *secret.split()[1:]):
            forms |= {text, json.dumps(text)[1:-1], quote(text, safe=""), unquote(text)}
    # Longest first, or a part of one would leave the rest of it to be seen.
    found = sorted((form for form in forms if len(form) >= _SHORTEST_SECRET), key=len, reverse=True)
    if not found:
        return str
    pattern = re.compile("|".join(map(re.escape, found)))
    return lambda text: pattern.sub("***", text)
