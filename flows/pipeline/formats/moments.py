"""When an event happened, as documents say it."""

from datetime import UTC, datetime
from typing import Final

import msgspec

__all__ = ["timestamp"]

_PLAIN_LENGTH: Final = len('"2026-01-31T12:00:00.000Z"')
_MOMENT = msgspec.json.Decoder(datetime)


def timestamp(published: msgspec.Raw) -> bytes | msgspec.Raw:
    """`published` as a JSON text that every index reads: as Okta writes it, or in UTC with milliseconds where it comes in another form."""
    if len(published) == _PLAIN_LENGTH:
        text = bytes(published)
        if text[11] == 84 and text[24] == 90:  # T, Z
            return published
    return normalised(_MOMENT.decode(published))


def normalised(moment: datetime) -> bytes:
    """A moment in UTC with milliseconds, or microseconds where it has some."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:  # in the first or the last hours of the calendar
        moment = moment.replace(tzinfo=UTC)
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return b'"%b"' % moment.isoformat(timespec=precision).replace("+00:00", "Z").encode()
