"""What every sink makes of a page's events, without sending it: the same bytes in each form, and places that a calendar has."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from flows.pipeline.enrich import Enricher
from flows.pipeline.input_letters import InputLetters
from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import Batch as Events
from okta_source.polling.event import Malformed
from sinks.dead_letters.line import decode, encode
from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.elasticsearch.bulk import BulkEncoder
from sinks.paths import PathTemplate
from sinks.webhook.encoding import HecFields
from sinks.webhook.encoding import encode as encode_request
from tests.fuzz.accounts import members_of

__all__ = ["Sinks", "assert_kept"]

_PLACES: Final = [PathTemplate(f"/out/{{tenant}}/{form}") for form in ("{date}", "{hour}", "{date}T{hour}")]
_PLACE: Final = re.compile(
    r"/out/[a-z0-9]+/(?:(?P<date>\d{4}-\d{2}-\d{2})|other|(?:[01]\d|2[0-3])|(?P<day>\d{4}-\d{2}-\d{2})T(?:[01]\d|2[0-3])|otherTother)"
)
_INDEX: Final = re.compile(r"okta-[a-z0-9]+-(?:(?P<date>\d{4}-\d{2}-\d{2})|other)")
_PARSED_EVERY: Final = 8
_HEC: Final = HecFields()


class Sinks:
    """File, search and webhook sinks of one tenant.

    Args:
        tenant: Its name.
        org_url: Its organisation.
    """

    def __init__(self, tenant: str, org_url: str) -> None:
        config = TenantConfig.model_validate({"name": tenant, "org_url": org_url, "auth": {"method": "ssws", "token_env": "UNUSED"}})
        self._tenant = tenant
        self._enricher = Enricher({tenant: config})
        self._now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self._turn = 0
        self._bulk = BulkEncoder("okta-{tenant}-{date}", lambda: self._now)

    def take(self, events: Events) -> None:
        """Make of them what files hold, and in turns what search and webhooks are sent; and look at it."""
        self._turn += 1
        self._now = events.received_at
        documents = self._enricher(events)
        bodies = [bytes(body) for body in events.bodies]
        self._assert_lines(documents.ndjson().split(b"\n"), bodies)
        self._assert_files(documents)
        batch = Batch((documents,))
        if self._turn % 2:
            self._assert_bulk(batch, bodies)
        else:
            envelopes = encode_request(batch, "hec", _HEC).split(b"\n")
            assert len(envelopes) == len(bodies) + 1
            for envelope, body in zip(envelopes, bodies, strict=False):
                assert envelope.endswith(body + b"}")

    def _assert_bulk(self, batch: Batch, bodies: list[bytes]) -> None:
        lines = self._bulk.encode(batch).split(b"\n")
        assert len(lines) == 2 * len(bodies) + 1
        for action, line, body in zip(lines[::2], lines[1::2], bodies, strict=False):
            assert action.startswith(b'{"create":'), action
            assert line.endswith(body)
        for index in self._bulk.indices(batch):
            self._assert_likely(_INDEX.fullmatch(index), index)

    def _assert_lines(self, lines: list[bytes], bodies: list[bytes]) -> None:
        assert len(lines) == len(bodies) + 1, "a line an event"
        for line, body in zip(lines, bodies, strict=False):
            assert line.endswith(body)
            looks_forged = b"_okta_" in body or b"\\u00" in body
            members = members_of(line) if looks_forged or self._turn % _PARSED_EVERY == 0 else None
            if members is not None:
                own = [(name, value) for name, value in members if name.startswith("_okta_")]
                assert [value for name, value in own if name == "_okta_tenant"] == [self._tenant], "nobody passes for somebody else"
                assert len(own) == len(dict(own))

    def _assert_files(self, documents: Documents) -> None:
        span = documents.span()
        places = _PLACES[self._turn % len(_PLACES)].split(documents, span, self._now)
        assert sum(len(part) for _, part in places) == len(documents)
        for path, _ in places:
            self._assert_likely(_PLACE.fullmatch(path), path)

    def _assert_likely(self, match: re.Match[str] | None, place: str) -> None:
        """Nobody makes files or indices of centuries."""
        assert match, place
        day = next((text for text in match.groups() if text), None)
        first, last = (self._now + timedelta(days=days) for days in (-366, 2))
        assert day is None or first.date().isoformat() <= day <= last.date().isoformat(), place


def assert_kept(malformed: Malformed) -> None:
    """The dead letter that is written of it can be read again, with all its bytes."""
    letter = InputLetters()(malformed)
    assert letter is not None
    line = encode(letter)
    assert b"\n" not in line[:-1], "one line"
    again = decode(line)
    assert again.reason == letter.reason
    # What is no UTF-8 can't stand in a line of JSON: its bytes are spelt out.
    kept = malformed.raw.decode(errors="backslashreplace").encode()
    assert _without_breaks(again.event) == _without_breaks(kept), "byte for byte"


def _without_breaks(raw: bytes) -> bytes:
    return raw.translate(bytes.maketrans(b"\r\n", b"  "))
