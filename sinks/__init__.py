"""Where events go: file, search and webhook sinks, and the dead letters of what they couldn't deliver.

Names are imported when they are asked for: a command that only reads files shall not load what speaks HTTP (0.3 s).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinks.dead_letters.sink import DeadLetterFile, DeadLetterSink
    from sinks.delivery.policy import DeliveryPolicy
    from sinks.delivery.target import Outcome, Target
    from sinks.documents import DocumentHead, Documents, Rejected
    from sinks.elasticsearch import ElasticsearchTarget
    from sinks.errors import SinkStopped, stopped_in
    from sinks.file.sink import FileSink
    from sinks.outbox.sink import KeyedSink
    from sinks.webhook import WebhookTarget

__all__ = [
    "DeadLetterFile",
    "DeadLetterSink",
    "DeliveryPolicy",
    "DocumentHead",
    "Documents",
    "ElasticsearchTarget",
    "FileSink",
    "KeyedSink",
    "Outcome",
    "Rejected",
    "SinkStopped",
    "Target",
    "WebhookTarget",
    "stopped_in",
]

_HOMES = {
    "DeadLetterFile": "sinks.dead_letters.sink",
    "DeadLetterSink": "sinks.dead_letters.sink",
    "DeliveryPolicy": "sinks.delivery.policy",
    "DocumentHead": "sinks.documents",
    "Documents": "sinks.documents",
    "ElasticsearchTarget": "sinks.elasticsearch",
    "FileSink": "sinks.file.sink",
    "KeyedSink": "sinks.outbox.sink",
    "Outcome": "sinks.delivery.target",
    "Rejected": "sinks.documents",
    "SinkStopped": "sinks.errors",
    "Target": "sinks.delivery.target",
    "WebhookTarget": "sinks.webhook",
    "stopped_in": "sinks.errors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(home), name)
