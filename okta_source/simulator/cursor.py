"""Cursors: opaque to clients, positions in one organisation's log to the simulator.

They look like Okta's: `<milliseconds>_<number>`. The number also carries a check of the organisation, so that a cursor
of another one is refused. A cursor needs no memory: it means the same after the simulator was started again with the
same log.
"""

import base64
import re
import zlib
from urllib.parse import quote, unquote

from okta_source.simulator.log import EventLog
from okta_source.simulator.settings import Settings

_CHECKS = 997
_SHAPE = re.compile(r"(\d{1,15})_(\d{1,12})")
# These bytes become "++//" in base64: the characters that clients which decode and encode again get wrong.
_AWKWARD = b"\xfb\xef\xff"


class Cursors:
    """Writes and reads the cursors of one organisation.

    Args:
        log: Whose positions they are.
        organisation: Its name and seed; cursors of others are refused.
        settings: Say which form cursors have: `1783111394963_1384`, the same in percent-encoded base64, or with a comma.
    """

    def __init__(self, log: EventLog, organisation: str, settings: Settings) -> None:
        self._log = log
        self._organisation = organisation
        self._settings = settings

    def encode(self, position: int) -> str:
        """The cursor that continues at `position`, as it stands in a URL."""
        time_ms = ordinal = 0
        if position:
            time_ms = self._log.persisted_ms(position - 1)
            ordinal = position - self._log.first_at(time_ms)
        text = f"{time_ms}_{ordinal * _CHECKS + self._check(time_ms, ordinal)}"
        if self._settings.link_form == "comma_in_url":
            text += ",0"
        if self._settings.cursor_form == "encoded":
            return quote(base64.b64encode(_AWKWARD + text.encode()).decode(), safe="")
        return text

    def decode(self, raw: str) -> int | None:
        """The position of a cursor as it stood in the request's URL; None when it is no cursor of this log."""
        found = _SHAPE.fullmatch(self._plain(raw))
        if not found:
            return None
        time_ms = int(found[1])
        ordinal, check = divmod(int(found[2]), _CHECKS)
        if check != self._check(time_ms, ordinal) or (ordinal == 0) != (time_ms == 0):
            return None
        position = self._log.first_at(time_ms) + ordinal if ordinal else 0
        known = not position or (position <= len(self._log) and self._log.persisted_ms(position - 1) == time_ms)
        return position if known else None

    def _check(self, time_ms: int, ordinal: int) -> int:
        return zlib.crc32(f"{self._organisation}:{time_ms}:{ordinal}".encode()) % _CHECKS

    def _plain(self, raw: str) -> str:
        """The cursor without its form; empty when it isn't in exactly the form in which it was given out."""
        text = raw
        if self._settings.cursor_form == "encoded":
            try:
                packed = base64.b64decode(unquote(raw), validate=True)
            except ValueError:
                return ""
            if quote(base64.b64encode(packed).decode(), safe="") != raw or not packed.startswith(_AWKWARD):
                return ""
            text = packed.removeprefix(_AWKWARD).decode("ascii", "replace")
        return text.removesuffix(",0").removesuffix("%2C0") if self._settings.link_form == "comma_in_url" else text
