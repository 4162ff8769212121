"""What is said of a tenant in trouble: each change once, and how often it was so, not the same line at every try. Pure: times are given."""

import re
from datetime import datetime

from okta_source.polling.outcome import Failure

__all__ = ["Repeats"]

# Ports, counts, ids and cursors differ from try to try and are no news.
_VARIES = re.compile(r"https?://\S+|[0-9a-f]*\d[0-9a-f]*")


class Repeats:
    """The troubles of one tenant, one after the other. For one thread at a time."""

    def __init__(self) -> None:
        self._said: tuple[str, ...] | None = None
        self._times = 0
        self._since: datetime | None = None
        self._again_from: datetime | None = None

    def failed(self, failure: Failure, now: datetime, *more: str) -> str | None:
        """Something has failed.

        Args:
            failure: What.
            now: UTC.
            more: What else is news when it changes, such as that nothing more is tried.

        Returns:
            None where the same has been said and nothing else since; else what is to be added to the message: nothing, or how often the
            trouble before this one was met after it had been said.
        """
        key = (failure.error_type, failure.stage, failure.code, _VARIES.sub("#", failure.message), *more)
        self._since = self._since or now
        if key == self._said:
            self._times += 1
            return None
        repeated = self._repeated()
        self._said, self._times, self._again_from = key, 1, now
        return f" ({repeated})" if repeated else ""

    def succeeded(self, now: datetime) -> str:
        """All is well again; returns how long it wasn't and how often the last trouble was met, empty for what was said whole."""
        if self._since is None:
            return ""
        told = "; ".join(part for part in (f"after {_span((now - self._since).total_seconds())}", self._repeated()) if part)
        self._said, self._times, self._since = None, 0, None
        return told

    def _repeated(self) -> str:
        if self._said is None or self._times < 2 or self._again_from is None:
            return ""
        return f"what was said before was so {self._times} times since {self._again_from:%H:%M:%S} UTC"


def _span(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"
