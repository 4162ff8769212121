"""What a backfill is to fetch: decided once, in absolute times, and kept in the state directory, so that a resume continues it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from okta_source.config.start_from import START_FROM_ALLOWED, StartFrom
from okta_source.config.tenant import TenantConfig
from okta_source.history import Slice, cut_by, slice_hours
from okta_source.polling.query import okta_time
from okta_source.polling.state import query_fingerprint
from sinks.durable import replace_file

__all__ = ["PLAN_FILE", "Asked", "Plan", "PlanRefused", "load_plan", "make_plan", "save_plan"]

PLAN_FILE = "backfill.json"
RETENTION = timedelta(days=90)
_DEFAULT_SINCE = "90d"
_DEFAULT_UNTIL = "now"
_VERSION = 1
_MOST_NAMED = 5
# A slice costs at least one request, and its last page is rarely full: few enough for a quiet organisation, enough for several at once.
_MOST_SLICES = 400


class PlanRefused(Exception):  # noqa: N818 (it names what is the case, like StopIteration)
    """What is asked for makes no sense, or isn't what the state directory is about; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line or the environment says; None where it says nothing.

    Attributes:
        since: A look-back or an ISO 8601 time.
        until: Likewise, or `now`.
        tenants: Names.
    """

    since: str | None = None
    until: str | None = None
    tenants: tuple[str, ...] | None = None


class Plan(msgspec.Struct, frozen=True):
    """A span of some tenants.

    Attributes:
        since: The first moment, UTC.
        until: The first moment that isn't wanted any more, UTC.
        tenants: Names, sorted.
        slice_hours: How long a slice is.
        queries: Fingerprint of each tenant's filter and keywords: with others, what is complete would not be.
        asked_since: What was typed.
        asked_until: Likewise.
        version: Of this file.
    """

    since: datetime
    until: datetime
    tenants: tuple[str, ...]
    slice_hours: int
    queries: dict[str, str]
    asked_since: str
    asked_until: str
    version: int = _VERSION

    def slices(self) -> tuple[Slice, ...]:
        """The slices, the oldest first."""
        return cut_by(self.tenants, self.since, self.until, self.slice_hours)

    def describe(self) -> str:
        """The span for people."""
        whose = ", ".join(self.tenants) if len(self.tenants) <= _MOST_NAMED else f"{len(self.tenants)} tenants"
        return f"{okta_time(self.since)} to {okta_time(self.until)} of {whose}"


def make_plan(asked: Asked, tenants: Sequence[TenantConfig], now: datetime) -> tuple[Plan, list[str]]:
    """Decide what to fetch.

    Args:
        asked: What was asked for.
        tenants: The configured tenants.
        now: UTC.

    Returns:
        The plan, and what the operator should know of it.

    Raises:
        PlanRefused: It can't be done.
    """
    warnings = []
    now = _whole_ms(now)
    since, until = _moment("since", asked.since or _DEFAULT_SINCE, now), _moment("until", asked.until or _DEFAULT_UNTIL, now)
    if since < now - RETENTION:
        warnings.append(f"Okta keeps events for 90 days: the backfill begins at {okta_time(now - RETENTION)}. Earlier ones can't be had.")
        since = now - RETENTION
    if until > now:
        warnings.append(f"until lies ahead: the backfill ends at {okta_time(now)}.")
        until = now
    if since >= until:
        msg = f"since ({okta_time(since)}) must be before until ({okta_time(until)})."
        raise PlanRefused(msg)
    names = tuple(sorted(_names(asked.tenants, tenants)))
    queries = {tenant.name: _fingerprint(tenant) for tenant in tenants if tenant.name in names}
    hours = slice_hours(len(names), since, until, most=_MOST_SLICES)
    return Plan(since, until, names, hours, queries, asked.since or _DEFAULT_SINCE, asked.until or _DEFAULT_UNTIL), warnings


def load_plan(directory: Path, asked: Asked, tenants: Sequence[TenantConfig]) -> Plan | None:
    """The plan that a state directory is about.

    Args:
        directory: The state directory.
        asked: What is asked for now; what it doesn't say is as it was.
        tenants: The configured tenants.

    Returns:
        The plan, None where there is none yet.

    Raises:
        PlanRefused: Something else is asked for than what was planned, or the plan can't be read or be carried out.
    """
    path = directory / PLAN_FILE
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{path} can't be read ({error}): restore the state directory as a whole, or take a new one."
        raise PlanRefused(msg) from None
    if plan.version != _VERSION:
        msg = f"{path} has version {plan.version}, this release reads version {_VERSION}: run the release that wrote it."
        raise PlanRefused(msg)
    plan = _in_utc(plan)
    differs = [
        f"{name} {now} (planned: {then})"
        for name, now, then in (
            ("since", asked.since, plan.asked_since),
            ("until", asked.until, plan.asked_until),
            ("tenants", _joined(asked.tenants), _joined(plan.tenants)),
        )
        if now is not None and now != then
    ]
    if differs:
        msg = (
            f"The state directory {directory} holds the backfill {plan.describe()}, asked for is another one: {'; '.join(differs)}. "
            "Continue that one with the same arguments or none, or give the other a state directory of its own."
        )
        raise PlanRefused(msg)
    _check_tenants(plan, directory, {tenant.name: tenant for tenant in tenants})
    return plan


def save_plan(directory: Path, plan: Plan) -> None:
    """Keep a plan in its state directory, durably.

    Raises:
        OSError: It can't be written.
    """
    replace_file(directory / PLAN_FILE, msgspec.json.format(msgspec.json.encode(plan)) + b"\n")


def _check_tenants(plan: Plan, directory: Path, tenants: Mapping[str, TenantConfig]) -> None:
    missing = [name for name in plan.tenants if name not in tenants]
    changed = [name for name in plan.tenants if name in tenants and plan.queries.get(name) != _fingerprint(tenants[name])]
    if missing:
        msg = f"The backfill in {directory} has tenants that the configuration doesn't name any more: {', '.join(missing)}. Put them back."
        raise PlanRefused(msg)
    if changed:
        msg = (
            f"filter or q of {', '.join(changed)} isn't what it was when the backfill in {directory} began, so that what is there "
            "would not fit what is to come: put it back, or give the new backfill a state directory of its own."
        )
        raise PlanRefused(msg)


def _names(asked: tuple[str, ...] | None, tenants: Sequence[TenantConfig]) -> set[str]:
    known = [tenant.name for tenant in tenants]
    if asked is None:
        return set(known)
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        what = f"unknown tenants: {', '.join(unknown)}" if unknown else "no tenant is named"
        msg = f"{what}; known: {', '.join(known)}"
        raise PlanRefused(msg)
    return set(asked)


def _moment(name: str, text: str, now: datetime) -> datetime:
    try:
        return _whole_ms(_exact(StartFrom.parse(text), now))
    except ValueError:
        msg = f"{name}: {text!r} is not allowed; allowed: {START_FROM_ALLOWED}"
        raise PlanRefused(msg) from None


def _exact(moment: StartFrom, now: datetime) -> datetime:
    """Without the bound to what Okta accepts, which would hide that something older was asked for."""
    if moment.instant is not None:
        return moment.instant
    return now - min(moment.look_back or timedelta(), timedelta(days=36_500))


def _whole_ms(moment: datetime) -> datetime:
    """Down to the millisecond, which is as exact as `published` is."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def _in_utc(plan: Plan) -> Plan:
    fields: dict[str, Any] = {"since": plan.since.astimezone(UTC), "until": plan.until.astimezone(UTC)}
    return msgspec.structs.replace(plan, **fields)


def _joined(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else ", ".join(sorted(set(names)))


def _fingerprint(tenant: TenantConfig) -> str:
    return query_fingerprint(tenant.filter, tenant.q)
