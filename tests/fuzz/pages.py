"""Pages: through the tenant's own feed, poller and partition into what every sink sends, with whatever comes of them accounted for."""

import logging
import random
from hashlib import sha256

from okta_source.http.headers import Headers
from okta_source.polling import body_reader
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import Batch, Malformed
from okta_source.polling.outcome import Response, TransportFailure
from okta_source.polling.step import Page
from tests.fuzz.accounts import assert_accounted, assert_judged_rightly, certain_heads, readable
from tests.fuzz.bodies import array
from tests.fuzz.documents import Sinks, assert_kept
from tests.unit.okta_source.fakes import ORG
from tests.unit.okta_source.rig import Rig

__all__ = ["PageJudge", "make"]

_PAGES_A_WINDOW = 200
# Longer than any back-off.
_LATER_SECONDS = 400.0
# Instead of ten times: the third is no other than the ninth.
_TRIES = 3
_LARGEST_LETTER_BYTES = 4 * 1024 * 1024
_FEED = logging.getLogger("okta_source.fetching.feed")


def make(rng: random.Random) -> bytes:
    """A body."""
    return array(rng)


class PageJudge:
    """One tenant that is given one body after the other."""

    def __init__(self) -> None:
        self._link = ""
        self._armed: Response | None = None
        self._rig = Rig(self._answer, page_limit=1000)
        self._sinks = Sinks(self._rig.tenant, ORG)
        self._pages = 0
        self._seen: set[str] = set()
        self._delivered: set[str] = set()
        self._defects = _Defects()
        _FEED.addHandler(self._defects)
        _FEED.propagate = False
        self._tries, body_reader.DECODE_TRIES = body_reader.DECODE_TRIES, _TRIES

    def judge(self, body: bytes) -> str:
        """Ask for a page until it comes.

        Returns:
            What came of it.

        Raises:
            AssertionError: Something didn't hold.
        """
        rig = self._rig
        self._pages += 1
        self._link = f"{ORG}/api/v1/logs?after={self._pages}&limit=1000"
        if self._pages % _PAGES_A_WINDOW == 0:
            rig.partition._window = SeenWindow(3600.0)
            self._seen.clear()
            self._delivered.clear()
        headers = Headers([("Link", f'<{self._link}>; rel="next"')])
        answer = Response(200, headers, body, len(body))
        duplicates = rig.metrics.counts.events_duplicate
        tries = 0
        while not rig.feed._waiting and tries < _TRIES:
            tries += 1
            rig.clock.advance(_LATER_SECONDS)
            self._armed = answer
            rig.fetch()
            if self._defects.found:
                raise self._defects.found.pop()
        assert rig.feed._waiting, f"{_TRIES} times asked, and neither events nor a dead letter"
        page: Page = rig.feed._waiting[0][0]
        items = rig.partition.next_batch()
        assert rig.memory._used_bytes == 0, "the memory of a page that was taken is free"
        assert rig.partition._state.cursor.url == self._link, "it goes on behind the page"
        for item in items:
            if isinstance(item, Malformed):
                assert_kept(item)
        letters = [item.raw for item in items if isinstance(item, Malformed)]
        elements = readable(body)
        if not page.sliced.events and letters:
            self._assert_whole(body, items, tries, elements)
            return "letters"
        assert_accounted(body, page.sliced, letters)
        if elements is not None:
            assert_judged_rightly(body, elements, page.sliced)
        batches = [item for item in items if isinstance(item, Batch)]
        self._assert_delivered(page, batches, rig.metrics.counts.events_duplicate - duplicates)
        for batch in batches:
            self._sinks.take(batch)
        return "events" if page.sliced.heads else "nothing" if not letters else "malformed"

    def close(self) -> None:
        """Give back what is the process's."""
        _FEED.removeHandler(self._defects)
        _FEED.propagate = True
        body_reader.DECODE_TRIES = self._tries

    def _answer(self) -> Response | TransportFailure:
        answer, self._armed = self._armed, None
        return answer or TransportFailure("connection", "There is nothing more.", "Wait.")

    def _assert_whole(self, body: bytes, items: list[Batch | Malformed], tries: int, elements: list[object] | None) -> None:
        """A body of which nothing can be read is one dead letter, once it has been asked for often enough."""
        (letter,) = items
        assert isinstance(letter, Malformed)
        assert tries == _TRIES
        assert letter.raw == body if len(body) <= _LARGEST_LETTER_BYTES else sha256(body).hexdigest() in letter.reason
        assert elements is None or len(elements) > 2_000 or not certain_heads(body, elements), letter.reason

    def _assert_delivered(self, page: Page, batches: list[Batch], duplicates: int) -> None:
        heads = [head.uuid for head in page.sliced.heads]
        delivered = [head.uuid for batch in batches for head in batch.heads]
        assert len(heads) == len(delivered) + duplicates, "each event is delivered, or counted as a duplicate"
        assert len(set(delivered)) == len(delivered), "none twice in a page"
        if self._rig.partition._window.forgotten_mark is None:
            assert self._delivered.isdisjoint(delivered), "none twice, as long as the window has forgotten nothing"
        self._delivered.update(delivered)
        missing = list(heads)
        for uuid in delivered:
            missing.remove(uuid)
        assert all(_key(uuid) in self._seen or heads.count(uuid) > 1 or uuid.lower() in map(str.lower, delivered) for uuid in missing), (
            missing
        )
        self._seen.update(map(_key, heads))


def _key(uuid: str) -> str:
    return uuid.lower()


class _Defects(logging.Handler):
    """What the feed calls a defect and survives, for the judge to see."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.found.append(record.exc_info[1])
