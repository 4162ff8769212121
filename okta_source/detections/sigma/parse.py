"""A file of Sigma rules into rules, with every problem of every one of them."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, Final

from okta_source.detections.problems import Problem, Report
from okta_source.detections.sigma.correlation import parse_correlation
from okta_source.detections.sigma.detection import parse_detection
from okta_source.detections.sigma.documents import read_documents
from okta_source.detections.sigma.expression import Expression, Not, Test
from okta_source.detections.sigma.placeholders import Lists
from okta_source.detections.sigma.rule import LEVELS, About, EventRule, Filter, Level, Rule, id_of

__all__ = ["parse_rules"]

_LOGSOURCE_KEYS: Final = ("category", "product", "service")
_PRODUCT: Final = "okta"
_KEYS_BESIDE_SEARCHES: Final = {"detection": frozenset({"condition", "timeframe"}), "filter": frozenset({"condition", "rules"})}
_KINDS: Final = ("detection", "correlation", "filter")
_NAMED: Final = re.compile(r"^(?:name|id):[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)


def parse_rules(file: str, text: bytes | str, lists: Lists, *, any_product: bool = False) -> tuple[list[Rule | Filter], list[Problem]]:
    """Read a file of rules.

    Args:
        file: The file's name, for the rules and for what is told of them.
        text: Its content: YAML, one document a rule.
        lists: The values of placeholders.
        any_product: Whether rules about other products than Okta are taken too, and their fields not compared with Okta's.

    Returns:
        The rules that can be used, and what is wrong with those that can't or what deserves a look.
    """
    reports = [Report(file)]
    documents = list(read_documents(text, reports[0]))
    rules: list[Rule | Filter] = []
    stem_is_free = True
    for document in documents:
        label = f"document {document.number}" if len(documents) > 1 else ""
        report = Report(file, label)
        reports.append(report)
        if not isinstance(document.value, dict):
            report.error("", "this is no rule; needed: a map with title, logsource and detection")
            continue
        takes_stem = stem_is_free and not isinstance(document.value.get("name"), str)
        rule = _parse(document.value, file, lists, report, takes_stem=takes_stem, any_product=any_product)
        stem_is_free = stem_is_free and not takes_stem
        if rule is not None and not report.has_errors:
            rules.append(rule)
    if reports[0].has_errors:
        reports[0].names = _names_in(file, text)
    return rules, [problem for report in reports for problem in report.problems]


def _names_in(file: str, text: bytes | str) -> frozenset[str]:
    """What the rules of a file seem to be called that is no YAML, so that nobody is told that they are missing."""
    plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return frozenset({PurePath(file).stem, *_NAMED.findall(plain)})


def _parse(table: dict[Any, Any], file: str, lists: Lists, report: Report, *, takes_stem: bool, any_product: bool) -> Rule | Filter | None:
    title = table.get("title")
    if isinstance(title, str) and title.strip():
        report.rule = title.strip()
    else:
        report.error("title", "needed: what people call the rule")
    if table.get("action") is not None:
        report.error("action", "global and repeat are no longer part of Sigma; write each rule whole")
    enabled = table.get("enabled", True)
    if not isinstance(enabled, bool):
        report.error("enabled", "needed: true or false")
    kinds = [kind for kind in _KINDS if kind in table]
    about = _about(table, file, report, takes_stem=takes_stem)
    if len(kinds) != 1:
        report.error("", f"needed: one of {', '.join(_KINDS)}" + (f"; there are {' and '.join(kinds)}" if kinds else _meant_kind(table)))
        if "logsource" in table:
            _logsource(table["logsource"], report)
        return None
    if kinds == ["correlation"]:
        return parse_correlation(table["correlation"], about, report, enabled=enabled is not False)
    return _of_events(table, kinds[0], about, lists, report, any_product=any_product)


def _meant_kind(table: Mapping[Any, Any]) -> str:
    near = ((key, get_close_matches(key.lower(), _KINDS, n=1)) for key in table if isinstance(key, str))
    return next((f"; did you mean {close[0]} by {key}?" for key, close in near if close), "")


def _of_events(
    table: dict[Any, Any], place: str, about: About, lists: Lists, report: Report, *, any_product: bool
) -> EventRule | Filter | None:
    """A rule with a `detection`, or a `filter`."""
    logsource = _logsource(table.get("logsource"), report)
    if logsource.get("product", _PRODUCT).lower() != _PRODUCT and not any_product:
        report.warn("logsource.product", f"{logsource['product']}: this pipeline has Okta's events only; the rule is left out")
        return None
    own_lists = _own_lists(table.get("lists", {}), report)
    part = table[place]
    if not isinstance(part, dict):
        report.error(place, "needed: a map with searches and a condition")
        return None
    report.takes_missing_lists = place == "detection" and table.get("enabled") is False
    detection = parse_detection(part, place, {**own_lists, **lists}, report, keys=_KEYS_BESIDE_SEARCHES[place], any_product=any_product)
    if detection is None:
        return None
    if place == "filter":
        return _filter(part, about, logsource, detection, own_lists, report)
    if "timeframe" in part:
        report.warn("detection.timeframe", "it belongs to aggregations, which are no longer part of Sigma; nothing looks at it")
    return EventRule(about, logsource, detection, own_lists, table.get("enabled") is not False, tuple(report.missing))


def _about(table: Mapping[Any, Any], file: str, report: Report, *, takes_stem: bool) -> About:
    stem = PurePath(file).stem if takes_stem else ""
    given_name, given_id = (_text(table, key, report) for key in ("name", "id"))
    name = given_name or stem or given_id or report.rule
    rule_id = given_id or id_of(name)
    report.names = frozenset(filter(None, (name, rule_id, stem, given_name)))
    return About(
        id=rule_id,
        name=name,
        title=report.rule,
        level=_level(table.get("level"), report),
        file=file,
        description=_text(table, "description", report).strip(),
        author=_text(table, "author", report),
        tags=_texts(table, "tags", report),
        references=_texts(table, "references", report),
        falsepositives=_texts(table, "falsepositives", report),
        date=_text(table, "date", report),
        response=_text(table, "response", report).strip(),
        names=report.names,
    )


def _text(table: Mapping[Any, Any], key: str, report: Report) -> str:
    value = table.get(key)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if value is None or isinstance(value, str):
        return value or ""
    if key == "author" and isinstance(value, list):
        return ", ".join(map(str, value))
    report.error(key, "needed: a text")
    return ""


def _texts(table: Mapping[Any, Any], key: str, report: Report) -> tuple[str, ...]:
    value = table.get(key)
    values = [value] if isinstance(value, str) else value or []
    if not isinstance(values, list):
        report.error(key, "needed: a list of texts")
        return ()
    return tuple(str(entry) for entry in values if entry is not None)


def _level(value: Any, report: Report) -> Level:
    if value is None:
        return "medium"
    found = next((level for level in LEVELS if level == value), None)
    if found is None:
        close = get_close_matches(str(value), LEVELS, n=1)
        report.error("level", f"{value!r} is no level; {f'did you mean {close[0]}? ' if close else ''}allowed: {', '.join(LEVELS)}")
    return found or "medium"


def _logsource(value: Any, report: Report) -> dict[str, str]:
    if not isinstance(value, dict) or not any(key in value for key in _LOGSOURCE_KEYS):
        report.error("logsource", "needed: a map such as {product: okta, service: okta}")
        return {}
    found = {key: value[key] for key in _LOGSOURCE_KEYS if value.get(key) is not None}
    for key, text in found.items():
        if not isinstance(text, str):
            report.error(f"logsource.{key}", "needed: a text")
            return {}
    return found


def _own_lists(value: Any, report: Report) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(
        isinstance(name, str) and isinstance(entries, list) and all(isinstance(entry, str) for entry in entries)
        for name, entries in value.items()
    ):
        report.error("lists", "needed: a map of names, each with a list of texts")
        return {}
    return {name: tuple(entries) for name, entries in value.items()}


def _filter(
    part: Mapping[Any, Any], about: About, logsource: dict[str, str], detection: Expression, lists: Lists, report: Report
) -> Filter | None:
    given = part.get("rules")
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        report.error("filter.rules", "needed: a list of the rules' names or ids, or any")
        return None
    if not _has_not(detection):
        report.warn("filter.condition", "without not, only events that match it are left, and all others filtered out; write not selection")
    return Filter(about, logsource, () if names == ["any"] else tuple(names), detection, lists)


def _has_not(expression: Expression) -> bool:
    if isinstance(expression, Not):
        return True
    if isinstance(expression, Test):
        return "neq" in expression.modifiers
    return any(map(_has_not, expression.args))
