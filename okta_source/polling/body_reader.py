"""What a tenant's bodies hold: events, what is no event, or nothing that can be read. Pure; remembers what asking again has brought."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b, sha256

from okta_source.polling.event import Malformed, PageError, SlicedPage, slice_page
from okta_source.polling.outcome import Failure, Response
from okta_source.polling.salvage import salvage
from okta_source.polling.verdict import undecodable

__all__ = ["DECODE_TRIES", "BodyReader", "Decoded", "Undecodable"]

_LARGEST_LETTER_BYTES = 4 * 1024 * 1024
_BEGINNING_BYTES = 64 * 1024
_TOO_LARGE = "the body is larger than any page of 1,000 events; where the events are that large, lower page_limit"

DECODE_TRIES = 10
"""How often a body that can't be decoded is asked for before it goes to the dead letters whole."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body that is an array.

    Attributes:
        sliced: Its events.
        malformed: Its elements that are no events, for the dead letters.
    """

    sliced: SlicedPage
    malformed: tuple[Malformed, ...]


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A body that is none.

    Attributes:
        failure: What is wrong with it.
        letter: The body for the dead letters, once it has been asked for often enough: go on behind it. None: ask again. One beyond the
            size of a real page is there with its beginning, its size and its hash.
    """

    failure: Failure
    letter: Malformed | None


class BodyReader:
    """Reads the bodies of one cursor after the other.

    Args:
        tenant: The tenant's name.
        org_url: The organisation's origin, for messages.
    """

    def __init__(self, tenant: str, org_url: str) -> None:
        self._tenant = tenant
        self._org_url = org_url
        self._refused = b""
        self._tries = 0
        self._first_at: datetime | None = None

    def read(self, response: Response, now: datetime, *, may_skip: bool) -> Decoded | Undecodable:
        """Take a body apart.

        Args:
            response: A 200 answer.
            now: UTC.
            may_skip: Whether the answer says where to go on without its body.
        """
        body = response.body
        first_at = self._first_at = self._first_at or now
        self._tries += 1
        tries = self._tries
        try:
            sliced = self._slice(response)
        except PageError as error:
            failure = undecodable(str(error), self._org_url)
            if not may_skip or tries < DECODE_TRIES:
                return Undecodable(failure, None)
            self._begin_anew()
            raw, reason = _letter(body, str(error), is_cut=response.is_cut)
            return Undecodable(failure, Malformed(self._tenant, reason, raw, 200, tries, first_at, now))
        self._begin_anew()
        if not sliced.malformed:
            return Decoded(sliced, ())
        malformed = tuple(
            Malformed(self._tenant, reason, raw, 200, tries, first_at, now, uuid, published)
            for raw, reason, uuid, published in sliced.malformed
        )
        return Decoded(sliced, malformed)

    def _begin_anew(self) -> None:
        self._tries = 0
        self._first_at = None

    def _slice(self, response: Response) -> SlicedPage:
        """Cut a body into events; one that has been refused before, byte for byte, is taken apart."""
        body = response.body
        if response.is_cut:
            raise PageError(_TOO_LARGE)
        try:
            return slice_page(body)
        except PageError as refusal:
            refused = blake2b(body).digest()
            if refused != self._refused:
                self._refused = refused
                raise
            try:
                return salvage(body)  # the same bytes twice are Okta's own and no accident of the way
            except PageError:
                raise refusal from None  # what the body is, such as HTML, says more than that it holds no event


def _letter(body: bytes | bytearray, reason: str, *, is_cut: bool) -> tuple[bytes, str]:
    """What is kept of a body that can't be read: all of it where it may be a page, else enough to see what it was."""
    if len(body) <= _LARGEST_LETTER_BYTES and not is_cut:
        return bytes(body), reason
    size = f"more than {len(body):,}" if is_cut else f"{len(body):,}"
    digest = sha256(body).hexdigest()
    return bytes(body[:_BEGINNING_BYTES]), f"{reason} (the first {_BEGINNING_BYTES // 1024} KiB of {size} bytes, SHA-256 {digest})"
