"""Okta's events by dotted paths: which fields there are, and how to read some of them from an event's bytes, and no more.

    reader = FieldReader(["actor.alternateId", "target.user.id", "behaviors.new_device"])
    actor, user, device = (reader.accessor(path) for path in reader.paths)
    event = reader.decode(data)
    actor(event)  # "ada@example.com", or MISSING

Everything here is pure. Sigma rules and SCIM filters are compiled against the same accessors, so both mean the same by a path.
"""

from okta_source.events.fields.catalogue import (
    OKTA_FIELDS,
    PIPELINE_FIELDS,
    event_types,
    is_event_type,
    is_known,
    is_single,
    suggest_event_type,
    suggest_field,
)
from okta_source.events.fields.reader import Accessor, FieldReader, TreeReader, beside
from okta_source.events.fields.values import MISSING, members, scalars
from okta_source.events.fields.virtual import VIRTUAL_FIELDS

__all__ = [
    "MISSING",
    "OKTA_FIELDS",
    "PIPELINE_FIELDS",
    "VIRTUAL_FIELDS",
    "Accessor",
    "FieldReader",
    "TreeReader",
    "beside",
    "event_types",
    "is_event_type",
    "is_known",
    "is_single",
    "members",
    "scalars",
    "suggest_event_type",
    "suggest_field",
]
