"""Attacks among the simulated events: what an intruder leaves in the log, for detections to find.

Each is a story of a few events over at most an hour, told of people whom the organisation has, from addresses of the documentation ranges
where none of its own people are.
"""

import json
import random
from collections.abc import Sequence
from typing import Any, Final

from okta_source.simulator.population import Entity, Population
from okta_source.simulator.schedule import timestamp, uuid1_text
from okta_source.simulator.stories import ATTACKS, Step

__all__ = ["ATTACKS", "ATTACK_SPAN_SECONDS", "attack_events"]

ATTACK_SPAN_SECONDS: Final = 3 * 3_600
"""How far back the attacks lie from the end of the backlog; no attack is longer."""

_BETWEEN_SECONDS: Final = 600


def attack_events(names: Sequence[str], population: Population, rng: random.Random, end_ms: int) -> list[tuple[int, bytes]]:
    """Attacks in the order of their names, one begun every ten minutes.

    Args:
        names: Names of `ATTACKS`.
        population: Whom the organisation has.
        rng: Where every choice comes from.
        end_ms: Where the backlog ends, in Unix milliseconds.

    Returns:
        When each event is published, in Unix milliseconds, and its bytes; in that order.
    """
    node = rng.getrandbits(47) | 1 << 40
    begin_ms = end_ms - ATTACK_SPAN_SECONDS * 1000
    steps = [
        (begin_ms + round((number * _BETWEEN_SECONDS + step.after) * 1000), step)
        for number, name in enumerate(names)
        for step in ATTACKS[name].tell(population, rng)
    ]
    steps.sort(key=lambda timed: timed[0])
    return [(ms, _render(step, ms, uuid1_text(ms, index, node), rng)) for index, (ms, step) in enumerate(steps)]


def _render(step: Step, ms: int, event_uuid: str, rng: random.Random) -> bytes:
    city, country, lat, lon = step.place
    raw, system = step.agent
    request_id = f"{rng.getrandbits(128):032x}"
    geography = {"city": city, "state": city, "country": country, "postalCode": None, "geolocation": {"lat": lat, "lon": lon}}
    event: dict[str, Any] = {
        "actor": _entity(step.actor),
        "client": {
            "userAgent": {"rawUserAgent": raw, "os": system, "browser": "UNKNOWN"},
            "zone": "null",
            "device": "Computer",
            "id": None,
            "ipAddress": step.address,
            "geographicalContext": geography,
        },
        "device": None,
        "authenticationContext": {"authenticationProvider": None, "authenticationStep": 0, "externalSessionId": step.session},
        "displayMessage": step.message,
        "eventType": step.event_type,
        "outcome": {"result": step.result, "reason": step.reason},
        "published": timestamp(ms),
        "securityContext": {"asNumber": 64511, "asOrg": "example hosting", "isp": "example hosting", "domain": ".", "isProxy": False},
        "severity": step.severity,
        "debugContext": {"debugData": {"requestId": request_id, **(step.debug or {})}},
        "legacyEventType": None,
        "transaction": {"type": "WEB", "id": request_id, "detail": {}},
        "uuid": event_uuid,
        "version": "0",
        "request": {"ipChain": [{"ip": step.address, "geographicalContext": geography, "version": "V4", "source": None}]},
        "target": [_entity(target) for target in step.targets] or None,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _entity(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.id,
        "type": entity.type,
        "alternateId": json.loads(entity.alternate),
        "displayName": json.loads(entity.display),
        "detailEntry": None,
    }
