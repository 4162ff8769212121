"""What a file of rules holds, read and checked: rules of single events, correlations, and filters on rules.

Nothing here knows how an event is read or where state is kept; the fields are Sigma's own, in Python's types.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import orjson

from okta_source.detections.sigma.expression import Expression, to_plain

__all__ = [
    "LEVELS", "MOST_EVENTS_A_GROUP", "MOST_VALUES_AN_EVENT", "About", "Correlation", "CorrelationType", "EventRule", "Filter", "Level",
    "Range", "Rule",
]  # fmt: skip

Level = Literal["informational", "low", "medium", "high", "critical"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""In ascending order."""

CorrelationType = Literal["event_count", "value_count", "value_sum", "temporal", "temporal_ordered", "first_seen", "travel", "absence"]

MOST_EVENTS_A_GROUP: Final = 10_000
"""What a group of a correlation holds; for more, the oldest ones make room."""

MOST_VALUES_AN_EVENT: Final = 100
"""What of an event's values a correlation takes."""

_NAMESPACE: Final = uuid.UUID("6f0cbd0a-5b7a-4f0e-9d6c-0f8a3a5f2b11")


@dataclass(frozen=True, slots=True)
class About:
    """What a rule says of itself.

    Attributes:
        id: Its id; one made of its name where the rule has none.
        name: What other rules and the configuration call it: Sigma's `name`, else the file's stem, else the id.
        title: What people call it.
        level: How grave an alert is; medium where the rule doesn't say.
        file: Where it stands.
        description: What it finds and why that matters.
        author: Who wrote it.
        tags: Sigma's tags, such as `attack.t1110`.
        references: Where to read on.
        falsepositives: What else looks like it.
        date: When it was written.
        response: What to do about an alert, for whoever is on call: this pipeline's own member of a rule.
        names: All that it may be called: id, name, file's stem.
    """

    id: str
    name: str
    title: str
    level: Level
    file: str
    description: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    date: str = ""
    response: str = ""
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EventRule:
    """A rule that a single event matches.

    Attributes:
        about: What it says of itself.
        logsource: Sigma's.
        detection: What an event must be like.
        lists: The values of lists that it brings along, for where the configuration has none.
        enabled: Whether it is on unless somebody switches it off; for managed rules.
        missing: Lists that it needs and that nobody gives, each with its place; only a rule that is off by default may have some, and
            only as long as it is off.
    """

    about: About
    logsource: Mapping[str, str]
    detection: Expression
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    enabled: bool = True
    missing: tuple[tuple[str, str], ...] = ()

    @property
    def version(self) -> str:
        """A hash of what the rule finds, not of its words."""
        return version_of(["event", to_plain(self.detection)])


@dataclass(frozen=True, slots=True)
class Range:
    """What a count must be: from `least` to `most`, both inclusive; for sums and speeds too.

    Attributes:
        least: The lower bound.
        most: The upper bound; None for none.
        above: Whether the lower bound itself is too little.
        below: Whether the upper bound itself is too much.
    """

    least: float
    most: float | None = None
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether a value is in the range."""
        if value < self.least or (self.above and value == self.least):
            return False
        return self.most is None or value < self.most or (value == self.most and not self.below)


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rule over the matches of other rules.

    Attributes:
        about: What it says of itself.
        type: What is looked for in a group's window.
        rules: The rules whose matches it takes, by id or name, in their order.
        group_by: Fields, or aliases, that tell groups apart.
        timespan_ms: How far apart the first and last event of a window may be.
        condition: What the count, the sum, or the speed must be.
        fields: What is counted or summed: paths or aliases.
        aliases: For each alias, the field of each rule.
        generate: Whether the rules that it refers to give alerts of their own too.
        warm_up_ms: For `first_seen`: how long it only learns.
        distance_km: For `travel`: nearer places don't count.
        enabled: Whether it is on unless somebody switches it off; for managed rules.
    """

    about: About
    type: CorrelationType
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan_ms: int
    condition: Range
    fields: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    generate: bool = False
    warm_up_ms: int = 0
    distance_km: float = 0.0
    enabled: bool = True

    def own_version(self, versions: list[str]) -> str:
        """A hash of what the rule finds.

        Args:
            versions: Those of the rules that it refers to, in their order.
        """
        condition = self.condition
        bounds = [condition.least, condition.most, condition.above, condition.below]
        parts: list[Any] = ["correlation", self.type, versions, list(self.group_by), self.timespan_ms, bounds, list(self.fields)]
        parts += [sorted((alias, sorted(named.items())) for alias, named in self.aliases.items()), self.warm_up_ms, self.distance_km]
        return version_of(parts)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is taken out of rules, or narrowed down: its condition is joined to theirs by and.

    Attributes:
        about: What it says of itself.
        logsource: Which rules it is for, beside their names.
        rules: Ids or names; empty for any.
        detection: What an event must be like, beside the rule itself.
        lists: As in `EventRule`.
    """

    about: About
    logsource: Mapping[str, str]
    rules: tuple[str, ...]
    detection: Expression
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Rule = EventRule | Correlation


def version_of(parts: list[Any]) -> str:
    """A short hash of what a rule finds."""
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


def id_of(name: str) -> str:
    """The id of a rule that has none: always the same for the same name."""
    return str(uuid.uuid5(_NAMESPACE, name))
