"""Deliveries: as frames in a spool that may be damaged, and as bodies that whoever has the secret may send."""

import random
from datetime import datetime, timedelta

from okta_source.hooks.admission import Answer, Wanted, decide
from okta_source.hooks.frame import Frame, encode, read_frames
from okta_source.hooks.push import PushState, TenantPush
from okta_source.hooks.segments import Position
from okta_source.http.headers import Headers
from okta_source.metrics.hooks import HookMetrics
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import Batch, Malformed
from tests.fuzz.bodies import array, event
from tests.fuzz.documents import Sinks, assert_kept
from tests.fuzz.odd import bend_bytes, one_of, value
from tests.unit.okta_source.fakes import NOW, ORG

__all__ = ["HookJudge", "make"]

_SOURCES = (
    f'"{ORG}/api/v1/eventHooks/who1a2b3c4d5e6f7g8h9"'.encode(), b'"aws.partner/okta.com/acme/x"', b'"https://other.okta.com/api/v1/eventHooks/x"',
    b'"https://["', b'"https://acme.okta.com:99999/"', b'"//[::"', b'"x"',
)  # fmt: skip
_TARGETS = (
    "/hooks/acme",
    "/hooks/acme?x=/hooks/other",
    "/hooks/",
    "/hooks",
    "//hooks/acme",
    "/hooks/../acme",
    "/hooks/acme/",
    "",
    "/hooks/\xff",
    "*",
)
_VALUES = ("", "x", "0", "99999999999", "9" * 5000, "-1", "\u0663", "00005", 'a"\\\x00', "x" * 2000, "1, 2")
_DELIVERIES_A_WINDOW = 200


def make(rng: random.Random) -> bytes:
    """A piece of a spool: mostly one whole frame."""
    source = one_of(rng, _SOURCES) if rng.random() < 0.9 else value(rng)
    if rng.random() < 0.7:
        body = b'{"eventType":"com.okta.event_hook","source":' + source + b',"data":{"events":' + array(rng) + b"}}"
    else:
        body = b'{"detail-type":"SystemLog","source":' + source + b',"detail":' + event(rng) + b"}"
    if rng.random() < 0.1:
        body = bend_bytes(rng, body)
    piece = encode(Frame(1_772_366_400_000 + int(rng.random() * 10_000), body))
    while rng.random() < 0.05:
        piece = bend_bytes(rng, piece + piece if rng.random() < 0.3 else piece)
    return piece


class HookJudge:
    """One tenant with push in `merge`, or in `wake`, that is given one piece after the other."""

    def __init__(self) -> None:
        self._sinks = Sinks("acme", ORG)
        self._now = NOW
        self._count = 0
        self._spool = _Spool()
        self._metrics = HookMetrics()
        self._begin()

    def judge(self, data: bytes) -> str:
        """Deliver what a piece of a spool holds.

        Returns:
            What came of it.

        Raises:
            AssertionError: Something didn't hold.
        """
        self._now += timedelta(seconds=1)
        self._count += 1
        if self._count % _DELIVERIES_A_WINDOW == 0:
            self._begin()
        self._knock(data)
        read = read_frames(data)
        assert 0 <= read.used_bytes <= len(data)
        assert read.wanted_bytes == 0 or read.wanted_bytes > len(data) - read.used_bytes
        assert b"".join(frame.body for frame in read.frames) in data or len(read.frames) != 1
        result = "nothing"
        for frame in read.frames:
            result = self._deliver(frame)
        return result

    def close(self) -> None:
        """Nothing is held."""

    def _deliver(self, frame: Frame) -> str:
        self._spool.frames = (frame,)
        before = dict(self._metrics.events)
        items = self._push.look()
        counted = {name: count - before.get(name, 0) for name, count in self._metrics.events.items()}
        letters = [item for item in items if isinstance(item, Malformed)]
        for letter in letters:
            assert_kept(letter)
            assert letter.raw in frame.body or letter.raw in frame.body.replace(b"\r", b" ").replace(b"\n", b" ")
        batches = [item for item in items if isinstance(item, Batch)]
        delivered = sum(len(batch.heads) for batch in batches)
        assert counted.get("delivered", 0) == delivered, "what is delivered is counted"
        assert counted.get("malformed", 0) >= len(letters), "what is malformed is counted"
        text = frame.body.replace(b"\r", b" ").replace(b"\n", b" ")
        for batch in batches:
            assert all(bytes(body) in text for body in batch.bodies), "byte for byte"
            self._sinks.take(batch)
        state = self._push.state()
        assert PushState.from_plain(state.to_plain()) == state, "what is saved can be read"
        assert letters or any(counted.values()) or b"[" in frame.body, "nothing goes without a trace"
        return "events" if delivered else "letters" if letters else "counted"

    def _knock(self, data: bytes) -> None:
        """The head of a request, made of the same bytes."""
        rng = random.Random(data[:64])
        names = ("Content-Length", "Authorization", "X-Okta-Verification-Challenge")
        headers = Headers([(name, one_of(rng, _VALUES)) for name in names if rng.random() < 0.7])
        method = one_of(rng, ("GET", "POST", "PUT", "get", ""))
        decided = decide(method, one_of(rng, _TARGETS), headers, prefix="/hooks", is_admitted=lambda tenant, _: tenant == "acme")
        if isinstance(decided, Wanted):
            assert (method, decided.tenant) == ("POST", "acme")
        else:
            assert isinstance(decided, Answer)
            assert decided.status in (200, 400, 401, 404, 405, 413)

    def _begin(self) -> None:
        self._push = TenantPush(
            tenant="acme",
            hosts=["acme.okta.com"],
            mode="wake" if self._count % 3 == 1 else "merge",
            reader=self._spool,  # type: ignore[arg-type]
            window=SeenWindow(3600.0),
            window_seconds=3600.0,
            started_at=NOW - timedelta(days=2),
            saved=PushState(),
            metrics=self._metrics,
            now=self._today,
            clock=self._seconds,
        )

    def _today(self) -> datetime:
        return self._now

    def _seconds(self) -> float:
        return self._now.timestamp()


class _Spool:
    """A spool of paper."""

    def __init__(self) -> None:
        self.frames: tuple[Frame, ...] = ()
        self.position = Position()

    def read(self) -> tuple[Frame, ...]:
        frames, self.frames = self.frames, ()
        return frames

    def size_bytes(self) -> int:
        return 0
