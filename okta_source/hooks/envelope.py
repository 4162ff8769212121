"""A delivery's body, as far as it is looked at: what kind it is, where it says it comes from, and its events as bytes. Pure.

Event hooks wrap a list of events in an object like CloudEvents 0.1 (Okta: "Event hooks", request body); EventBridge hands over one event as
`detail`. The event itself differs from `/logs` (no `request`, further members that are null) and stays byte for byte as it came.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from okta_source.polling.event import NOT_JSON, PageError, SlicedPage, slice_page

__all__ = ["Delivery", "NotADeliveryError", "open_envelope"]


class NotADeliveryError(ValueError):
    """The body is neither an event hook's nor EventBridge's; the message says what it is instead."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a body holds.

    Attributes:
        kind: What `_okta_source` says of its events.
        source: The envelope's own; empty where there is none.
        page: The events, as a page of `/logs` has them.
    """

    kind: Literal["hook", "eventbridge"]
    source: str
    page: SlicedPage


class _Data(msgspec.Struct):
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Envelope(msgspec.Struct):
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    source: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    detail: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    detail_type: msgspec.Raw | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="detail-type")


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_DATA = msgspec.json.Decoder(_Data)


def open_envelope(body: bytes) -> Delivery:
    """Open a body.

    Args:
        body: As it was delivered.

    Raises:
        NotADeliveryError: It is none.
    """
    try:
        envelope = _ENVELOPE.decode(body)
        events = _events_of(envelope)
        if events is not None:
            return Delivery("hook", _text(envelope.source), slice_page(bytes(events)))
        if envelope.detail is not msgspec.UNSET and envelope.detail_type is not msgspec.UNSET:
            return Delivery("eventbridge", _text(envelope.source), slice_page(b"[" + bytes(envelope.detail) + b"]"))
    except NOT_JSON as error:
        msg = f"not a delivery of Okta's or EventBridge's: {error}"
        raise NotADeliveryError(msg) from None
    except PageError as error:
        msg = f"not a delivery of Okta's or EventBridge's: in data.events, {error}"
        raise NotADeliveryError(msg) from None
    msg = "not a delivery: an event hook's has `data.events`, EventBridge's has `detail-type` and `detail`"
    raise NotADeliveryError(msg)


def _events_of(envelope: _Envelope) -> msgspec.Raw | None:
    if envelope.data is msgspec.UNSET:
        return None
    try:
        events = _DATA.decode(envelope.data).events
    except msgspec.ValidationError:
        return None  # `data` is no object
    return None if events is msgspec.UNSET else events


def _text(raw: msgspec.Raw | msgspec.UnsetType) -> str:
    if raw is msgspec.UNSET:
        return ""
    found = msgspec.json.decode(raw)
    return found if isinstance(found, str) else ""
