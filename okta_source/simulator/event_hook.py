"""An event hook of the simulated organisation, and what it made of its deliveries. Also a rule of EventBridge that does the same."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from okta_source.hooks.event_types import ELIGIBLE

__all__ = ["EventHook", "HookDelivery"]


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """One request to a hook's endpoint.

    Attributes:
        at: Unix time when it was sent.
        delivery_id: The envelope's `eventId`, the same for a repetition.
        uuids: Of its events.
        status: What was answered; 0 where nothing was.
        seconds: How long the answer took.
    """

    at: float
    delivery_id: str
    uuids: tuple[str, ...]
    status: int
    seconds: float


@dataclass(kw_only=True, eq=False)
class EventHook:
    """A hook; every attribute may be assigned while the organisation runs.

    Attributes:
        url: Where it delivers to.
        secret: What the header carries.
        header: The header's name.
        hook_id: Its id, which `targetEventHookIds` names.
        name: For people.
        form: `hook`, or `eventbridge` for a rule with an API destination: one event a request.
        event_types: What it delivers; EventBridge delivers everything.
        delay_seconds: From an event's persistence to its delivery; recorded ones took ten seconds.
        most_events: In one delivery.
        loss: Share of events that are never delivered.
        repeat: Share of deliveries that are sent twice.
        reorder: Share of events that come with a later delivery than their neighbours.
        timeout_seconds: How long an answer is waited for.
        retry_seconds: Until the one repetition after a 5xx or no answer; there is none after a 4xx.
        quiet_failures: After so many failures within `quiet_seconds` nothing is sent for as long; nothing of that time is ever delivered.
        quiet_seconds: See there.
        status: ACTIVE or INACTIVE.
        verification_status: VERIFIED or UNVERIFIED; only an active and verified hook delivers.
        deliveries: Every request so far.
    """

    url: str
    secret: str = field(repr=False)
    header: str = "authorization"
    hook_id: str = field(default_factory=lambda: f"who{secrets.token_hex(9)[:17]}")
    name: str = "SIEM"
    form: Literal["hook", "eventbridge"] = "hook"
    event_types: Collection[str] = ELIGIBLE
    delay_seconds: float = 10.0
    most_events: int = 100
    loss: float = 0.0
    repeat: float = 0.0
    reorder: float = 0.0
    timeout_seconds: float = 3.0
    retry_seconds: float = 1.0
    quiet_failures: int = 1500
    quiet_seconds: float = 900.0
    status: str = "ACTIVE"
    verification_status: str = "VERIFIED"
    deliveries: list[HookDelivery] = field(default_factory=list, repr=False)

    @property
    def delivers(self) -> bool:
        """Whether it sends anything."""
        return self.status == "ACTIVE" and (self.verification_status == "VERIFIED" or self.form == "eventbridge")

    def wants(self, event_type: str) -> bool:
        """Whether an event is due by it."""
        return self.form == "eventbridge" or event_type in self.event_types

    def as_resource(self, base_url: str) -> dict[str, Any]:
        """As the management API shows it: the secret is write-only, and the header's name comes back in lower case."""
        return {
            "id": self.hook_id,
            "status": self.status,
            "verificationStatus": self.verification_status,
            "name": self.name,
            "description": None,
            "createdBy": "00u-simulated",
            "events": {"type": "EVENT_TYPE", "items": sorted(self.event_types), "filter": None},
            "channel": {
                "type": "HTTP",
                "version": "1.0.0",
                "config": {
                    "uri": self.url,
                    "headers": [],
                    "method": "POST",
                    "authScheme": {"type": "HEADER", "key": self.header.lower()},
                },
            },
            "_links": {"self": {"href": f"{base_url}/api/v1/eventHooks/{self.hook_id}"}},
        }
