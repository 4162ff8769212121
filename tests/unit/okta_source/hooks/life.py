"""One tenant's life with push: an Okta of paper, a spool, the real partition, and crashes that cut the output back to the last snapshot."""

import json
import pickle
import uuid as uuids
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from requests.structures import CaseInsensitiveDict

from okta_source.config.hooks import TenantHooksConfig
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.fetching.pool import Shared
from okta_source.hooks.frame import Frame
from okta_source.hooks.segments import Retention
from okta_source.hooks.spool_writer import TenantSpool
from okta_source.metrics import TENANTS, TenantMetrics
from okta_source.partition import TenantPartition
from okta_source.polling.event import Batch, Malformed
from okta_source.polling.outcome import Response, TransportFailure
from okta_source.source import OktaSource
from tests.unit.okta_source.fakes import NOW, ORG, Clock, InlinePool, failure

HOOK = "who1a2b3c4d5e6f7g8h9"


def okta_uuid(number: int) -> str:
    """Of version 1, as Okta's are."""
    return str(uuids.UUID(fields=(number, 0, 0x11F0, 0x80, 0, 0xABCD)))


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_event(uuid: str, published: datetime, **more: Any) -> dict[str, Any]:
    return {"uuid": uuid, "published": stamp(published), "eventType": "user.session.start", **more}


def envelope(events: Sequence[Mapping[str, Any]], source: str = f"{ORG}/api/v1/eventHooks/{HOOK}") -> bytes:
    members = {"eventType": "com.okta.event_hook", "eventTypeVersion": "1.0", "cloudEventsVersion": "0.1", "source": source}
    return json.dumps({**members, "eventId": str(uuids.uuid4()), "data": {"events": list(events)}}, indent=1).encode()


def bridge(event: Mapping[str, Any], source: str = "aws.partner/okta.com/acme/stream") -> bytes:
    return json.dumps({"version": "0", "id": "1", "detail-type": "SystemLog", "source": source, "account": "1", "detail": event}).encode()


class PaperOkta:
    """A log in the order of persistence, served by cursor."""

    def __init__(self, limit: int = 5) -> None:
        self.log: list[dict[str, Any]] = []
        self.down = False
        self.refuses_cursor = False
        self.urls: list[str] = []
        self._limit = limit

    def get(self, url: str) -> Response | TransportFailure:
        self.urls.append(url)
        if self.down:
            return failure("connection")
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if "after" in query:
            if self.refuses_cursor:
                self.refuses_cursor = False
                body = b'{"errorCode":"E0000031","errorSummary":"Invalid search criteria"}'
                return Response(400, CaseInsensitiveDict({}), body, 0)
            start, since = int(query["after"]), ""
        else:
            start, since = 0, query["since"]
        page, position = [], start
        while position < len(self.log) and len(page) < self._limit:
            if self.log[position]["published"] >= since:
                page.append(self.log[position])
            position += 1
        following = f"{ORG}/api/v1/logs?limit={self._limit}&after={position}"
        if since and position < len(self.log):
            following += f"&since={since}"
        data = json.dumps(page).encode()
        return Response(200, CaseInsensitiveDict({"Link": f'<{following}>; rel="next"'}), data, len(data))

    def close(self) -> None:
        """Nothing is open."""


class Life:
    """A tenant from its first start to its last.

    Args:
        folder: For the spool.
        mode: Of push; None for none.
        start_from: As configured.
        window_seconds: Of the seen uuids.
        poll_interval_seconds: As configured.
    """

    def __init__(
        self,
        folder: Path,
        mode: str | None = "merge",
        *,
        start_from: str = "1h",
        window_seconds: float = 600.0,
        poll_interval_seconds: float = 10.0,
    ) -> None:
        self.okta = PaperOkta()
        self.clock = Clock(NOW)
        self.mode = mode
        self.output: list[tuple[str, str]] = []
        """Uuid and source of every event that went on."""
        self.letters: list[Malformed] = []
        self._folder = folder
        (folder / "acme").mkdir(parents=True, exist_ok=True)
        self._window_seconds = window_seconds
        self._keys: dict[str, Any] = {"start_from": start_from, "poll_interval_seconds": poll_interval_seconds, "page_limit": 5}
        self._saved: bytes | None = None
        self._saved_length = 0
        self._numbers = 0
        TENANTS.pop("acme", None)
        self.start_receiver()
        self.start()

    def start_receiver(self) -> None:
        """The receiver starts (anew): it writes to a segment of its own."""
        self.spool = TenantSpool(self._folder / "acme", Retention(86_400.0, 1 << 30), lambda: self.clock.now().timestamp())

    def start(self, *, until_drained: bool = False) -> None:
        """The flow starts (anew) from the last snapshot."""
        hooks = TenantHooksConfig(secret_env="SECRET", mode=self.mode) if self.mode else None  # type: ignore[arg-type]
        auth = {"method": "ssws", "token_env": "TOKEN"}
        tenant = TenantConfig(name="acme", org_url=ORG, auth=auth, hooks=hooks, **self._keys)  # type: ignore[arg-type]
        self.pool = InlinePool()
        self.control = RunControl(until_drained=until_drained, clock=self.clock)
        source = OktaSource(
            [tenant],
            dedupe_window_seconds=self._window_seconds,
            control=self.control,
            transport=lambda *_: self.okta,
            now=self.clock.now,
            spool_dir=self._folder,
        )
        source._shared = Shared(self.pool, clock=self.clock)  # type: ignore[arg-type]
        partition = source.build_part("okta", "acme", pickle.loads(self._saved) if self._saved else None)  # noqa: S301
        assert isinstance(partition, TenantPartition)
        self.partition = partition

    @property
    def metrics(self) -> TenantMetrics:
        return TENANTS["acme"]

    def happen(self, count: int = 1, *, ago_seconds: float = 0.0, **more: Any) -> list[dict[str, Any]]:
        """Events happen; they are not in the log before `persist`."""
        made = []
        for _ in range(count):
            self._numbers += 1
            made.append(make_event(okta_uuid(self._numbers), self.clock.now() - timedelta(seconds=ago_seconds), **more))
        return made

    def persist(self, events: Sequence[dict[str, Any]]) -> None:
        self.okta.log += events

    def hook(self, events: Sequence[Mapping[str, Any]]) -> None:
        """A delivery is in the spool, in the hook's form."""
        self.deliver(envelope([{**each, "insertionTimestamp": None} for each in events]))

    def deliver(self, body: bytes) -> None:
        self.spool.append([Frame(int(self.clock.now().timestamp() * 1000), body)])
        self.spool.sync()

    def step(self) -> None:
        """One call of Bytewax's, and whatever request it makes."""
        for item in self.partition.next_batch():
            if isinstance(item, Batch):
                self.output += [(head.uuid, item.source) for head in item.heads]
            else:
                self.letters.append(item)
        self.pool.run()

    def run(self, seconds: float, step_seconds: float = 0.25) -> None:
        """Let time go by."""
        for _ in range(int(seconds / step_seconds)):
            self.step()
            self.clock.advance(step_seconds)
        self.step()

    def snapshot(self) -> None:
        """Bytewax commits an epoch: what went on is in the file."""
        self._saved = pickle.dumps(self.partition.snapshot())
        self._saved_length = len(self.output)

    def crash(self) -> None:
        """`kill -9` and a start from the last snapshot: the file is cut back to it."""
        del self.output[self._saved_length :]
        self.start()

    @property
    def uuids(self) -> list[str]:
        return [uuid for uuid, _ in self.output]

    def saved_state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.partition.snapshot()
        return found
