"""The paths that a rule may name: those that can lead somewhere in an event."""

from typing import Final

__all__ = ["wrong_path"]

_OWN: Final = "_okta_"
_INSTEAD: Final = {
    "_okta_tenant": "write tenant",
    "_okta_org": "write tenant",
    "_okta_labels": "write tenant",
    "_okta_category": "write eventType",
    "_okta_action": "write eventType",
    "_okta_event_type": "write eventType",
    "_okta_ingested_at": "write published",
}


def wrong_path(path: str) -> str:
    """Why a path can't be a rule's; nothing where it can.

    What the pipeline puts in front of an event is there only in what it has written: a backtest would find it and the stream wouldn't.
    """
    names = path.split(".")
    if not all(names):
        return f"{path!r} is no path; needed: names with dots between them, such as actor.alternateId"
    first = names[0].lower()
    if first.startswith(_OWN):
        return f"{path} is this pipeline's own member and no part of the event; {_INSTEAD.get(first, 'leave it out')}"
    return ""
