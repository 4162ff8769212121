"""`ecs` as a `Format`: the mapper for events and for alerts, and what each document begins with. Pure."""

from typing import Any, Final

import msgspec

from flows.pipeline.formats import ecs
from flows.pipeline.formats.alerts import alert_to_ecs
from flows.pipeline.formats.moments import normalised
from sinks.documents import DocumentHead

__all__ = ["EcsFormat"]


class EcsFormat:
    """`ecs`."""

    name: Final = "ecs"

    def __init__(self) -> None:
        self._mapper = ecs.EcsMapper()
        self.body = self._mapper.body
        self.with_original = ecs.with_original
        self.without_original = ecs.without_original

    def context(self, tags: bytes) -> bytes:  # noqa: ARG002
        """Nothing: all that is common stands in the prefix."""
        return b""

    def prefix(self, tags: bytes, event_type: str, *, with_original: bool, namespace: str) -> bytes:
        """See `ecs.prefix`."""
        members: dict[str, Any] = msgspec.json.decode(tags[:-1] + b"}")
        members.pop("_okta_event_type", None)
        pipeline = {name.removeprefix("_okta_"): value for name, value in members.items()}
        return ecs.prefix(event_type, pipeline, event_original=with_original, namespace=namespace)

    def unmapped(self, head: DocumentHead) -> bytes:
        """The member that a data stream requires."""
        return b'"@timestamp":%b,' % normalised(head.published)

    def alert(self, text: bytes, *, with_original: bool, namespace: str) -> bytes:
        """See `alerts.alert_to_ecs`."""
        return alert_to_ecs(text, event_original=with_original, namespace=namespace, mapper=self._mapper)
