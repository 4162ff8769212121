"""Where events go: file, search and webhook sinks, and the dead letters of what they couldn't deliver."""

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
