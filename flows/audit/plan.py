"""What an audit is to do, decided once: a resumed audit goes on with the same span, although "25h ago" has moved on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from flows.configuration.settings import Settings
from flows.reading.keys import HOUR_SECONDS
from okta_source.config.start_from import START_FROM_ALLOWED, StartFrom
from okta_source.history import Slice, cut_by, slice_hours
from sinks.config import WebhookSinkConfig
from sinks.durable import make_directories, replace_file

__all__ = ["DEFAULT_BUDGET", "DEFAULT_SINCE", "DEFAULT_UNTIL", "PLAN_FILE", "Asked", "AuditRefused", "Plan", "load_or_make", "make_plan"]

DEFAULT_SINCE: Final = "25h"
DEFAULT_UNTIL: Final = "1h"
DEFAULT_BUDGET: Final = 0.05
_LEAST_LAG: Final = timedelta(hours=1)
_RETENTION: Final = timedelta(days=90)
_DAY_HOURS: Final = 24
_ALLOWED: Final = START_FROM_ALLOWED.removeprefix("now, ")
PLAN_FILE: Final = "plan.json"
_VERSION: Final = 1


class AuditRefused(ValueError):  # noqa: N818 (it names what is the case)
    """What was asked for can't be done; the message says why and what can."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An audit's options as they were typed.

    Attributes:
        since: The beginning: a look-back or an ISO 8601 time.
        until: The end, likewise.
        tenants: Whose events; all tenants' where it is empty.
        sinks: Which sinks; all that can be audited where it is empty.
        repair: Whether to deliver what is missing.
        budget: The share of each organisation's rate limit that may be used, more than 0, up to 1.
        repair_deleted: Whether to deliver what lay in days that were deleted, too.
    """

    since: str = DEFAULT_SINCE
    until: str = DEFAULT_UNTIL
    tenants: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    repair: bool = False
    budget: float = DEFAULT_BUDGET
    repair_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done.

    Attributes:
        audit_id: Tells this audit from others; the moment at which it was planned.
        since: Begins the first whole hour, UTC.
        until: Ends the last one.
        tenants: Their names.
        sinks: The names of the sinks that are audited.
        repair: Whether to deliver what is missing.
        budget: The share of each organisation's rate limit.
        slice_hours: How Okta's side is cut.
        asked_since: The option.
        asked_until: The option.
        version: Of this form.
        repair_deleted: Whether days that were deleted count as missing, and are delivered again.
    """

    audit_id: str
    since: datetime
    until: datetime
    tenants: tuple[str, ...]
    sinks: tuple[str, ...]
    repair: bool
    budget: float
    slice_hours: int
    asked_since: str
    asked_until: str
    version: int = _VERSION
    repair_deleted: bool = False

    def describe(self) -> str:
        """The span for people."""
        tenants = self.tenants[0] if len(self.tenants) == 1 else f"{len(self.tenants):,} tenants"
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC of {tenants}, sinks {', '.join(self.sinks)}"

    @property
    def marker(self) -> str:
        """What stands in the names of the files that this audit repairs with."""
        return f"audit-{self.audit_id}"

    @property
    def hours(self) -> range:
        """Its hours since 1970."""
        return range(int(self.since.timestamp()) // HOUR_SECONDS, int(self.until.timestamp()) // HOUR_SECONDS)

    def slices(self) -> tuple[Slice, ...]:
        """The pieces of time that Okta is asked for: UTC days, longer ones where there would be too many."""
        return cut_by(self.tenants, self.since, self.until, self.slice_hours)


def make_plan(asked: Asked, settings: Settings, now: datetime) -> tuple[Plan, list[str]]:
    """Decide what to do.

    Args:
        asked: The options.
        settings: The configuration.
        now: UTC.

    Returns:
        The plan, and what deserves a word.

    Raises:
        AuditRefused: It can't be done.
    """
    since, until = _moment("since", asked.since, now), _moment("until", asked.until, now)
    words: list[str] = []
    if until > now - _LEAST_LAG:
        message = (
            f"until: {asked.until!r} is less than an hour ago: Okta may still be adding events to that hour, and the flow may still be "
            "delivering them; allowed: an hour ago or earlier"
        )
        raise AuditRefused(message)
    oldest = now - _RETENTION + timedelta(hours=1)
    if since < oldest:
        since = oldest
        words.append("Okta keeps events for 90 days, so the audit begins there")
    since, until = _whole_hour(since), _whole_hour(until)
    if since >= until:
        message = f"since: {asked.since!r} leaves no whole hour before until ({asked.until!r})"
        raise AuditRefused(message)
    if asked.repair_deleted and not asked.repair:
        message = "repair-deleted: it says what else to repair: give --repair too"
        raise AuditRefused(message)
    if not 0 < asked.budget <= 1:
        message = f"budget: {asked.budget:g} is not allowed; allowed: a share of the rate limit, more than 0, up to 1"
        raise AuditRefused(message)
    tenants = _chosen("tenant", asked.tenants, [tenant.name for tenant in settings.tenants], settings.path)
    webhooks = [name for name, sink in settings.sinks.items() if isinstance(sink, WebhookSinkConfig)]
    sinks = _chosen("sink", asked.sinks, list(settings.sinks), settings.path)
    words += [
        f"sink {name}: a webhook can't be audited, since nobody can ask its receiver what it holds" for name in sinks if name in webhooks
    ]
    words += [
        f"sink {name}: it gets alerts only, and what is audited are events"
        for name in sinks
        if name in asked.sinks and "events" not in settings.sinks[name].kinds
    ]
    sinks = tuple(name for name in sinks if name not in webhooks and "events" in settings.sinks[name].kinds)
    if not sinks:
        message = "sink: there is none that can be audited; a file sink or a search sink is needed"
        raise AuditRefused(message)
    length = max(_DAY_HOURS, slice_hours(len(tenants), since, until))
    plan = Plan(
        now.strftime("%Y%m%dT%H%M%SZ"), since, until, tenants, sinks, asked.repair, asked.budget, length, asked.since, asked.until,
        repair_deleted=asked.repair_deleted,
    )  # fmt: skip
    return plan, words


def load_or_make(folder: Path, asked: Asked, settings: Settings, now: datetime) -> tuple[Plan, list[str]]:
    """The plan of the audit that this state belongs to, or a new one, which is kept.

    Args:
        folder: Where it is kept.
        asked: The options.
        settings: The configuration.
        now: UTC.

    Raises:
        AuditRefused: The state belongs to an audit with other options; or it can't be done.
        OSError: The folder can't be read or written.
    """
    path = folder / PLAN_FILE
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    except FileNotFoundError:
        plan, words = make_plan(asked, settings, now)
        make_directories(folder, 0o700)
        replace_file(path, msgspec.json.encode(plan))
        return plan, words
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{path} is no plan of an audit that this release knows ({error}): use another state directory"
        raise AuditRefused(message) from None
    _check_same(plan, asked, settings, path)
    return plan, [f"going on with the audit {plan.audit_id} of this state directory"]


def _check_same(plan: Plan, asked: Asked, settings: Settings, path: Path) -> None:
    tenants = asked.tenants or [tenant.name for tenant in settings.tenants]
    options = {"since": asked.since, "until": asked.until, "repair": asked.repair, "repair_deleted": asked.repair_deleted}
    there = _differences(plan, options)
    if set(tenants) != set(plan.tenants):
        there.append(f"tenants {', '.join(plan.tenants)}")
    if asked.sinks and set(asked.sinks) != set(plan.sinks):
        there.append(f"sinks {', '.join(plan.sinks)}")
    if not set(plan.sinks) <= set(settings.sinks):
        there.append(f"sinks {', '.join(plan.sinks)}, not all of which are configured any more")
    if there:
        message = (
            f"{path.parent.parent} holds another audit, with {'; '.join(there)}: give the same options to go on with it, or to see its "
            "report again; or use another state directory"
        )
        raise AuditRefused(message)


def _differences(plan: Plan, asked: Mapping[str, Any]) -> list[str]:
    planned = {"since": plan.asked_since, "until": plan.asked_until, "repair": plan.repair, "repair_deleted": plan.repair_deleted}
    return [f"{name} = {str(planned[name]).lower()}" for name in asked if asked[name] != planned[name]]


def _chosen(what: str, wanted: Sequence[str], there: Sequence[str], path: Path) -> tuple[str, ...]:
    unknown = [name for name in wanted if name not in there]
    if unknown:
        message = f"{what}: there is no {what} {unknown[0]!r} in {path}; there are: {', '.join(there)}"
        raise AuditRefused(message)
    return tuple(name for name in there if not wanted or name in wanted)


def _moment(name: str, text: str, now: datetime) -> datetime:
    try:
        parsed = StartFrom.parse(text)
    except ValueError:
        message = f"{name}: {text!r} is not allowed; allowed: {_ALLOWED}"
        raise AuditRefused(message) from None
    if parsed.instant is not None:
        return parsed.instant
    try:
        return now - (parsed.look_back or timedelta())
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _whole_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
