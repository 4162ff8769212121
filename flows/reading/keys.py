"""Events as an audit knows them: 16 bytes for the uuid, a number for the hour. Pure."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

__all__ = ["HOUR_SECONDS", "KEY_BYTES", "hour_of", "hour_start", "key_of"]

KEY_BYTES: Final = 16
HOUR_SECONDS: Final = 3600
_CANONICAL_LENGTH: Final = 36


def key_of(uuid: str) -> bytes:
    """16 bytes that stand for a uuid: its own, or a digest of one that is not in the usual form."""
    if len(uuid) == _CANONICAL_LENGTH:
        try:
            key = bytes.fromhex(uuid.replace("-", ""))
        except ValueError:
            pass
        else:
            if len(key) == KEY_BYTES:
                return key
    return blake2b(uuid.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


def hour_of(moment: datetime) -> int:
    """Whole hours since 1970, UTC: an event exactly on the hour belongs to the hour that begins."""
    return int(moment.timestamp() // HOUR_SECONDS)


def hour_start(hour: int) -> datetime:
    """When an hour begins."""
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)
