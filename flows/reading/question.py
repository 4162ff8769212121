"""What is asked of every line, and the view of a line in each format that a file sink writes.

| format | what is asked |
|---|---|
| raw | the line itself |
| ecs | `event.original`, Okta's own bytes, with the pipeline's tags from `okta.pipeline` |
| ocsf | `raw_data` with the tags from `unmapped`; without `raw_data` the line can't be asked, and the search says so |
"""

import json
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, NamedTuple

import msgspec

from flows.pipeline.scim.needles import Conjunct, Needle, needles
from flows.pipeline.scim.predicate import Matcher, moment
from flows.pipeline.scim.syntax import All, Condition
from okta_source.events.fields import members

__all__ = ["Asker", "Hit", "NotAnEvent", "NotSearchable", "Question", "original_of"]

_OWN: Final = ("uuid", "published", "_okta_event_type", "_okta_tenant")
_MOST_TENANTS: Final = 8  # to look for in each line
_TAGS: Final = ("tenant", "org", "category", "action", "source", "ingested_at", "labels")


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for.

    Attributes:
        condition: What a filter and the options say.
        alerts: Alerts are looked for, not events.
        since: The first moment, in seconds since 1970.
        until: The moment after the last.
        tenants: Only theirs; everybody's where it is empty.
        fields: Of each hit the values of these fields are wanted, not its line.
        limit: Most hits of one part of a file; its newest.
    """

    condition: Condition = field(default_factory=lambda: All(()))
    alerts: bool = False
    since: float = -inf
    until: float = inf
    tenants: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()
    limit: int | None = None


class Hit(NamedTuple):
    """A line that was looked for.

    Attributes:
        at: When it was published, in seconds since 1970.
        key: What is the same for every copy of the event: tenant and uuid.
        line: Its bytes as stored, without the line feed; nothing where fields are wanted.
        values: The texts of each wanted field.
    """

    at: float
    key: str
    line: bytes
    values: tuple[tuple[str, ...], ...] = ()


class NotAnEvent(Exception):  # noqa: N818 (it names what is the case)
    """A line that holds no event."""


class NotSearchable(Exception):  # noqa: N818
    """An event whose format doesn't keep what could be asked."""


class Asker:
    """Asks lines.

    Args:
        question: What is looked for.

    Attributes:
        conjuncts: What must stand in a line's bytes, see `flows.pipeline.scim.needles`.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._matcher = Matcher(question.condition, (*_OWN, *question.fields), alerts=question.alerts)
        uuid, published, kind, tenant = (self._matcher.accessor(name) for name in _OWN)
        self._uuid, self._published, self._kind, self._tenant = uuid, published, kind, tenant
        self._fields = [self._matcher.accessor(name) for name in question.fields]
        self._bounded = question.since > -inf or question.until < inf

    def conjuncts(self, *, quoted: bool) -> list[Conjunct]:
        """What must stand in a line's bytes.

        Args:
            quoted: Whether all lines are the pipeline's own raw events; otherwise an event may be a text inside a line, or lack the tags.
        """
        found = needles(self._question.condition, quoted=quoted)
        if quoted and 0 < len(self._question.tenants) <= _MOST_TENANTS:
            found.append(frozenset(Needle(tenant.encode()) for tenant in self._question.tenants))
        if self._question.alerts:
            found.append(frozenset({Needle(b'"alert"' if quoted else b"alert")}))
        return found

    def ask(self, line: bytes, tenant: str = "") -> Hit | None:
        """The line as a hit, or None.

        Args:
            line: A line without its end.
            tenant: Whose file it stands in, where the line doesn't say.

        Raises:
            NotAnEvent: It holds no event.
            NotSearchable: Its format doesn't keep what could be asked.
        """
        event = self._matcher.decode(line)
        uuid, published = self._uuid(event), self._published(event)
        inner = line
        if type(uuid) is not str or type(published) is not str:
            inner = original_of(line)
            event = self._matcher.decode(inner)
            uuid, published = self._uuid(event), self._published(event)
        when = moment(published) if type(published) is str else None
        if type(uuid) is not str or when is None:
            raise NotAnEvent
        question = self._question
        if (self._kind(event) == "alert") is not question.alerts:
            return None
        at = when.timestamp()
        if self._bounded and not question.since <= at < question.until:
            return None
        told = self._tenant(event)
        whose = told if type(told) is str else tenant
        if question.tenants and whose not in question.tenants:
            return None
        if not self._matcher.matches(event) or not self._matcher.has_words(inner):
            return None
        key = f"{whose} {uuid}"
        if self._fields:
            return Hit(at, key, b"", tuple(_texts(get(event)) for get in self._fields))
        return Hit(at, key, line)


def original_of(line: bytes) -> bytes:
    """The event that a line holds, as Okta sent it, with the pipeline's tags in front.

    Raises:
        NotAnEvent: It holds none.
        NotSearchable: Its format doesn't keep it.
    """
    document = _document(line)
    okta, unmapped = document.get("okta"), document.get("unmapped")
    event = document.get("event")
    tags: dict[str, Any] = {}
    if "class_uid" in document:
        original = document.get("raw_data")
        if isinstance(unmapped, dict):
            tags = {name: value for name, value in unmapped.items() if name.startswith("_okta_")}
    elif isinstance(event, dict) and ("original" in event or "@timestamp" in document) and "uuid" not in document:
        original = event.get("original")
        pipeline = okta.get("pipeline") if isinstance(okta, dict) else None
        if isinstance(pipeline, dict):
            tags = {f"_okta_{name}": pipeline[name] for name in _TAGS if name in pipeline}
        if event.get("kind") == "alert":
            tags["_okta_event_type"] = "alert"
    else:
        return json.dumps(document).encode()
    if original is None:
        raise NotSearchable
    body = original.strip() if isinstance(original, str) else json.dumps(original)
    if not body.startswith("{"):
        raise NotAnEvent
    front = json.dumps(tags)[:-1]
    rest = body[1:]
    return f"{front}{',' if tags and not rest.lstrip().startswith('}') else ''}{rest}".encode("utf-8", "backslashreplace")


def _document(line: bytes) -> dict[str, Any]:
    """A line as plain objects, bytes that are no UTF-8 as replacement characters."""
    try:
        document = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NotAnEvent from None
    if not isinstance(document, dict):
        raise NotAnEvent
    return document


def _texts(value: Any) -> tuple[str, ...]:
    """Each different value of a field, as text."""
    found = dict.fromkeys(one if isinstance(one, str) else json.dumps(_plain(one)) for one in members(value) if one is not None)
    return tuple(found)


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
