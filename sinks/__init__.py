"""Where events go: file, search and webhook sinks, and the dead letters of what they couldn't deliver."""

from sinks.dead_letter import DeadLetterFile, DeadLetterSink
from sinks.documents import DocumentHead, Documents, Rejected
from sinks.errors import SinkStopped, stopped_in
from sinks.file import FileSink

__all__ = [
    "DeadLetterFile",
    "DeadLetterSink",
    "DocumentHead",
    "Documents",
    "FileSink",
    "Rejected",
    "SinkStopped",
    "stopped_in",
]
