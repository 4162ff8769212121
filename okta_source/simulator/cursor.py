"""Cursors: opaque to clients, positions in one organisation's log to the simulator.

They look like Okta's: `<milliseconds>_<number>`. The number also carries a check of the organisation, so that a cursor
of another one is refused. A cursor needs no memory: it means the same after the simulator was started again with the
same log.
"""

import base64
import re
import zlib
from urllib.parse import quote

from okta_source.simulator.log import EventLog

_CHECKS = 997
_SHAPE = re.compile(r"(\d{1,15})_(\d{1,12})")
# These bytes become "++//" in base64: the characters that clients which decode and encode again get wrong.
_AWKWARD = b"\xfb\xef\xff"


class Cursors:
    """Writes and reads the cursors of one organisation.

    Args:
        log: Whose positions they are.
        organisation: Its name and seed; cursors of others are refused.
        form: `okta` (`1783111394963_1384`), `encoded` (percent-encoded base64, which has to come back byte for byte) or
            `comma` (with a comma in it).
    """

    def __init__(self, log: EventLog, organisation: str, form: str) -> None:
        self._log = log
        self._organisation = organisation
        self._form = form

    def _check(self, time_ms: int, ordinal: int) -> int:
        return zlib.crc32(f"{self._organisation}:{time_ms}:{ordinal}".encode()) % _CHECKS

    def encode(self, position: int) -> str:
        """The cursor that continues at `position`, as it stands in a URL."""
        time_ms = ordinal = 0
        if position:
            time_ms = self._log.persisted_ms(position - 1)
            ordinal = position - self._log.first_at(time_ms)
        text = f"{time_ms}_{ordinal * _CHECKS + self._check(time_ms, ordinal)}"
        if self._form == "encoded":
            return quote(base64.b64encode(_AWKWARD + text.encode()).decode(), safe="")
        return f"{text},0" if self._form == "comma" else text

    def decode(self, raw: str) -> int | None:
        """The position of a cursor as it stood in the request's URL; None when it is no cursor of this log."""
        text = raw
        if self._form == "encoded":
            try:
                text = base64.b64decode(raw.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="), validate=True)[3:].decode()
            except ValueError:
                return None
        found = _SHAPE.fullmatch(text.removesuffix(",0").removesuffix("%2C0") if self._form == "comma" else text)
        if not found:
            return None
        time_ms = int(found[1])
        ordinal, check = divmod(int(found[2]), _CHECKS)
        if check != self._check(time_ms, ordinal):
            return None
        if not ordinal:
            return None if time_ms else 0
        position = self._log.first_at(time_ms) + ordinal
        if position > len(self._log) or self._log.persisted_ms(position - 1) != time_ms:
            return None
        if self._form == "encoded" and raw != self.encode(position):
            return None
        return position
