"""The events of one stretch of the log as exact bytes, any of which can be made again at any time.

A stretch is cut into blocks; each block is drawn from its own seed, so that a page in the middle of a million events
costs no more than its own block and nothing needs to be kept.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from okta_source.simulator import scenarios, sessions
from okta_source.simulator.catalogue import Kind
from okta_source.simulator.details import Details
from okta_source.simulator.population import Population
from okta_source.simulator.schedule import BURST_EVENTS, Schedule, timestamp, uuid1_text

_ORDERS = (
    ("actor", "client", "device", "authentication", "display", "type", "outcome", "published", "security", "severity", "debug",
     "legacy", "transaction", "uuid", "version", "request", "target"),
    ("severity", "request", "type", "display", "authentication", "published", "security", "uuid", "version", "debug", "actor",
     "client", "legacy", "outcome", "transaction", "target"),
    ("uuid", "published", "type", "version", "severity", "legacy", "display", "actor", "client", "request", "outcome", "target",
     "transaction", "debug", "authentication", "security", "device"),
)  # fmt: skip
_UNKNOWN = (
    ',"insertionTimestamp":"%s"',
    ',"x_sequence":18446744073709551615,"x_weight":1e3,"x_ratio":0.10',
    ',"riskContext":{"engine":{"version":3,"scores":[0.25,1E-2,12345678901234567890]},"note":"caf\\u00e9 \\ud83d\\ude80 a\\/b"}',
    ',"_embedded":{}',
)
_MAX_SESSIONS = 4
_FILLER_MEMBER_BYTES = len('"logOnlySecurityData":"",')


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of generated events.

    Attributes:
        number: Which stretch of its organisation this is; part of the seed and of the uuids' node.
        schedule: When its events happen.
        block_events: How many events are made together; small where few are asked for at a time.
    """

    number: int
    schedule: Schedule
    block_events: int


class EventFactory:
    """Makes the events of one organisation.

    Args:
        name: The organisation's name.
        seed: Same seed, same events (but for their times).
        users: How many people the organisation has.
        event_bytes: Mean size to pad events to, in bytes; None leaves them as they are (about 2.2 KB).
        hooks_of: The ids of the event hooks that an event of a type is due by, comma-joined; empty for none.
        everyday: Only what happens on a day without anything to look at, to people who stay at home; otherwise of everything something.

    Attributes:
        population: Whom and what the organisation has.
    """

    def __init__(
        self, name: str, seed: int, users: int, event_bytes: int | None = None, hooks_of: Callable[[str], str] = lambda _: "",
        *, everyday: bool = False,
    ) -> None:  # fmt: skip
        self._hooks_of = hooks_of
        self._everyday = everyday
        self._seed = f"{name}:{seed}"
        self.population = Population(name, random.Random(f"{self._seed}:population"), users)
        self._details = Details(self.population, lean=event_bytes is not None)
        self._event_bytes = event_bytes
        self._filler = self._details.filler(random.Random(f"{self._seed}:filler")) if event_bytes else ""
        self._node = random.Random(f"{self._seed}:node").getrandbits(47) | 1 << 40

    def uuid(self, stretch: Stretch, index: int) -> str:
        """The uuid of one event, without making the event."""
        return uuid1_text(stretch.schedule.published_ms(index), index, self._node ^ (stretch.number << 16))

    def block(self, stretch: Stretch, number: int) -> list[bytes]:
        """All events of one block, in the order of their persistence."""
        rng = random.Random(f"{self._seed}:{stretch.number}:{number}")
        active: list[sessions.Session] = []
        events: list[bytes] = []
        spare = 0
        first = number * stretch.block_events
        session = self._visit(rng)
        web_request = self._transaction(rng, session)
        for index in range(first, first + stretch.block_events):
            # Some events of a burst belong to somebody else: sessions interleave.
            if index % BURST_EVENTS == 0 or not session.steps or rng.random() < 0.15:
                if session.steps:
                    active.append(session)
                crowded = len(active) >= _MAX_SESSIONS
                session = active.pop(int(rng.random() * len(active))) if crowded else self._visit(rng)
                web_request = self._transaction(rng, session)
            event = self._event(rng, stretch, index, session, web_request)
            if self._event_bytes:
                spare += self._event_bytes - len(event)
                padded = self._padding(rng, event, spare)
                spare -= len(padded) - len(event)
                event = padded
            events.append(event)
        return events

    def _visit(self, rng: random.Random) -> sessions.Session:
        actor, kinds = scenarios.draw(rng, everyday=self._everyday)
        return sessions.start(self.population, rng, actor, kinds, lean=self._event_bytes is not None, everyday=self._everyday)

    @staticmethod
    def _transaction(rng: random.Random, session: sessions.Session) -> tuple[str, str]:
        """The transaction member of one request, and its id."""
        if not session.web:
            return '"transaction":{"type":null,"id":"unknown","detail":null}', "unknown"
        request_id = f"{rng.getrandbits(128):032x}"
        token = f'{{"requestApiTokenId":"00T{request_id[:17]}"}}'
        draw = rng.random()
        detail = token if draw < 0.1 else "{}" if draw < 0.7 else "null"
        return f'"transaction":{{"type":"WEB","id":"{request_id}","detail":{detail}}}', request_id

    def _event(self, rng: random.Random, stretch: Stretch, index: int, session: sessions.Session, web_request: tuple[str, str]) -> bytes:
        transaction, request_id = web_request
        kind: Kind = session.steps.pop()
        published = timestamp(stretch.schedule.published_ms(index))
        outcome = kind.outcomes[0] if len(kind.outcomes) == 1 else kind.outcomes[int(rng.random() * len(kind.outcomes))]
        # Of the request's id, so that the draws behind it, and all other events, stay what they are.
        by_agent = kind.event_type in scenarios.BY_AGENT
        if by_agent and request_id[-1] in "0123":
            outcome = ("FAILURE", "INVALID_CREDENTIALS")
        reason = "null" if outcome[1] is None else f'"{outcome[1]}"'
        draw = rng.random()
        members = {
            "actor": sessions.SYSTEM_ACTOR if by_agent else session.actor,
            "client": session.client,
            "device": session.device,
            "authentication": session.authentication,
            "security": session.security,
            "request": session.request,
            "transaction": transaction,
            "display": f'"displayMessage":"{kind.display_message}"' if draw > 0.01 else '"displayMessage":null',
            "type": f'"eventType":"{kind.event_type}"',
            "legacy": f'"legacyEventType":"{kind.legacy}"' if kind.legacy else '"legacyEventType":null',
            "severity": f'"severity":"{kind.severity}"',
            "version": '"version":"0"',
            "outcome": f'"outcome":{{"result":"{outcome[0]}","reason":{reason}}}',
            "published": f'"published":"{published}"',
            "uuid": f'"uuid":"{self.uuid(stretch, index)}"',
            "debug": self._details.debug(rng, kind, session, request_id),
            "target": self._details.targets(rng, kind, session),
        }
        hooks = self._hooks_of(kind.event_type)
        if hooks:
            members["debug"] = members["debug"].replace('"debugData":{', f'"debugData":{{"targetEventHookIds":"{hooks}",', 1)
        extra = ""
        if draw > 0.97:
            extra = _UNKNOWN[int(rng.random() * len(_UNKNOWN))]
            if "%s" in extra:
                extra %= published
        order = _ORDERS[0 if draw < 0.6 else 1 if draw < 0.8 else 2]
        return ("{" + ",".join([members[name] for name in order]) + extra + "}").encode()

    def _padding(self, rng: random.Random, event: bytes, spare: int) -> bytes:
        """`event` with filler in its debug data, such that the mean of many events is the wanted size.

        Args:
            rng: Draws how much of what is missing this event makes up for.
            event: The event without filler.
            spare: How many bytes the block's events so far, this one included, are short of their share.
        """
        missing = int(spare * (0.5 + rng.random())) - _FILLER_MEMBER_BYTES
        if missing <= 0:
            return event
        half = len(self._filler) // 2
        place = int(rng.random() * half)
        text = (self._filler[place : place + half] * (1 + missing // half))[:missing]
        return event.replace(b'"debugData":{', f'"debugData":{{"logOnlySecurityData":"{text}",'.encode(), 1)
