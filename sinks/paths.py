"""Where a file sink writes: a path with placeholders, filled in for each document.

Pure: nothing here touches the disk.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sinks.documents import Documents

__all__ = ["OTHER", "PLACEHOLDERS", "PathTemplate", "likely_span", "safe_name"]

PLACEHOLDERS = ("tenant", "date", "hour")
OTHER = "other"
"""What stands for the date and the hour of an unlikely time."""

_LONGEST_AGO, _FURTHEST_AHEAD = timedelta(days=366), timedelta(days=2)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FORMS = {"date": rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|{OTHER})", "hour": rf"(?:\d{{2}}|{OTHER})"}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def safe_name(name: str) -> str:
    """The name itself, when it can stand in a path as one component.

    Raises:
        ValueError: It is empty, over 128 characters, starts with a dot or a dash, or holds anything but
            letters, digits, dots, dashes and underscores.
    """
    if not _NAME.fullmatch(name):
        message = f"{name!r} can't be part of a file name: use letters, digits, '.', '-' and '_'"
        raise ValueError(message)
    return name


class PathTemplate:
    """A path whose `{tenant}`, `{date}` (YYYY-MM-DD) and `{hour}` (00 to 23) follow each document.

    Date and hour are those of `published` in UTC, or `other` where that is an unlikely time (`likely_span`).
    Every placeholder but the tenant has a form of its own, so that two tenants never share a path.

    What is remembered of a file, in a snapshot or a journal, names it by its *key*: its path from `base` on. So a deployment that is moved
    finds its own files again, and a copy of it never those of the original.

    Args:
        template: The path.
        suffix: Is added where the path doesn't end with it.
        base: The folder that a relative path was counted from; nothing for a path that was absolute, whose files' keys are their paths.

    Raises:
        ValueError: A placeholder is unknown, or a brace stands alone.
    """

    def __init__(self, template: str, suffix: str = "", base: str = "") -> None:
        self.text = template if template.endswith(suffix) else template + suffix
        self._base = f"{base.rstrip('/')}/" if base else ""
        unknown = sorted(set(_PLACEHOLDER.findall(template)) - set(PLACEHOLDERS))
        if unknown or "{" in _PLACEHOLDER.sub("", template) or "}" in _PLACEHOLDER.sub("", template):
            message = f"path {template!r}: the placeholders are {{tenant}}, {{date}} and {{hour}}"
            raise ValueError(message)
        self.names = frozenset(_PLACEHOLDER.findall(template))
        self._period = _period_function(self.names)

    def render(self, tenant: str, published: datetime | None) -> str:
        """The path of one document.

        Args:
            tenant: The tenant's name.
            published: When the event happened; None for the one place of all events of unlikely times.

        Raises:
            ValueError: The tenant's name can't stand in a path.
        """
        values = {"tenant": safe_name(tenant), "date": OTHER, "hour": OTHER}
        if published is not None:
            utc = published.astimezone(UTC)
            values |= {"date": utc.date().isoformat(), "hour": f"{utc.hour:02d}"}
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.text)

    def key_of(self, path: str) -> str:
        """How a file is remembered."""
        return path.removeprefix(self._base)

    def path_of(self, key: str) -> str:
        """Where a remembered file is now; the reverse of `key_of`."""
        return key if key.startswith("/") else self._base + key

    def makes(self, tenant: str, key: str) -> bool:
        """Whether a remembered file is one that this template makes for a tenant; others belong to another path."""
        return self._pattern(tenant).fullmatch(key) is not None

    def key_of_absolute(self, tenant: str, path: str) -> str:
        """The key of a file that an earlier release remembered by its absolute path.

        Args:
            tenant: Whose it is.
            path: Its path when it was written; the deployment may have been moved since.

        Returns:
            The key; the path itself where this template makes no such file.
        """
        pattern = self._pattern(tenant)
        if self._base and (match := re.search(rf"(?:^|/)({pattern.pattern})$", path)):
            return match[1]
        return path

    def _pattern(self, tenant: str) -> re.Pattern[str]:
        pieces = _PLACEHOLDER.split(self.key_of(self.text))
        forms = {"tenant": re.escape(tenant), **_FORMS}
        return re.compile("".join(forms[piece] if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)))

    def split(self, documents: Documents, span: tuple[datetime, datetime], now: datetime) -> Sequence[tuple[str, Documents]]:
        """The documents by path; order is kept within a path, and paths come in the order of their first document.

        Args:
            documents: At least one document.
            span: The earliest and the latest `published` among them.
            now: The present, with a time zone.
        """
        first, last = span
        period = self._period
        likely_first, likely_last = likely_span(now)
        are_likely = likely_first <= first and last <= likely_last
        # A page rarely crosses midnight: two comparisons then stand for a thousand.
        if period is _always or (are_likely and period(first) == period(last)):
            return [(self.render(documents.tenant, first), documents)]
        by_period: dict[object, list[int]] = {}
        by_path: dict[str, list[int]] = {}
        for index, head in enumerate(documents.heads):
            published = head.published if are_likely or likely_first <= head.published <= likely_last else None
            key = OTHER if published is None else period(published)
            indices = by_period.get(key)
            if indices is None:
                # With {hour} alone two days share a path, and so the list of their documents.
                path = self.render(documents.tenant, published)
                indices = by_period[key] = by_path.setdefault(path, [])
            indices.append(index)
        return [(path, documents.take(indices)) for path, indices in by_path.items()]


def likely_span(now: datetime) -> tuple[datetime, datetime]:
    """The times for which there are files and indices of their own: from a year ago to two days ahead. Okta keeps events for 90 days.

    What happened at another time shares one place, `other`: whoever answers in an organisation's place could else have a file, or an
    index, made for each day of nine thousand years, until the cluster refuses everybody's.
    """
    return now - _LONGEST_AGO, now + _FURTHEST_AHEAD


def _period_function(names: frozenset[str]) -> Callable[[datetime], object]:
    """The span of time, without gaps, within which the path stays the same."""
    if "hour" in names:
        return _hour
    if "date" in names:
        return _date
    return _always


def _hour(moment: datetime) -> object:
    utc = moment.astimezone(UTC)
    return utc.date(), utc.hour


def _date(moment: datetime) -> object:
    return moment.astimezone(UTC).date()


def _always(_moment: datetime) -> object:
    return None
