"""How a field of a document is indexed: the pieces of which every format's mapping is made. Pure data.

A value that doesn't fit its type is left out of the index and stays in `_source`. Booleans are keywords, since OpenSearch refuses a
document over any other value of a boolean; `true` finds them all the same.
"""

from typing import Any

from sinks.elasticsearch.server import Server

__all__ = [
    "Fields",
    "date_field",
    "free_object_field",
    "geo_point_field",
    "ip_field",
    "keyword_field",
    "long_field",
    "object_field",
    "text_field",
]

# Lucene takes 32,766 bytes at most; the servers count characters, of at most 4 bytes each.
_LONGEST_KEYWORD_CHARACTERS = 8191

# The servers parse nothing deeper; the default of 20 would have them refuse the event.
_DEEPEST_JSON = 1000

Fields = dict[str, Any]
"""A part of an index's mapping."""


def object_field(**properties: Fields) -> Fields:
    """An object with these members; others aren't indexed."""
    return {"dynamic": False, "properties": properties}


def free_object_field(server: Server) -> Fields:
    """An object with members of any name, each searchable as a keyword without a mapping of its own."""
    if server.distribution == "elasticsearch":
        return {"type": "flattened", "ignore_above": _LONGEST_KEYWORD_CHARACTERS, "depth_limit": _DEEPEST_JSON}
    if server.version >= (2, 7):
        return {"type": "flat_object"}
    return {"type": "object", "enabled": False}


def keyword_field() -> Fields:
    """A text that is searched as a whole."""
    return {"type": "keyword", "ignore_above": _LONGEST_KEYWORD_CHARACTERS}


def date_field() -> Fields:
    """A point in time."""
    return {"type": "date", "ignore_malformed": True}


def long_field() -> Fields:
    """An integer."""
    return {"type": "long", "ignore_malformed": True}


def ip_field() -> Fields:
    """An address."""
    return {"type": "ip", "ignore_malformed": True}


def geo_point_field() -> Fields:
    """A place."""
    return {"type": "geo_point", "ignore_malformed": True}


def text_field() -> Fields:
    """A text whose words are searched, and as a whole."""
    return {"type": "text", "fields": {"keyword": keyword_field()}}
