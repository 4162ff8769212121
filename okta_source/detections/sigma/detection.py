"""The `detection` part of a rule, and of a filter: search identifiers, and the condition over them."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from okta_source.detections.problems import Report
from okta_source.detections.sigma.condition import ConditionError, parse_condition
from okta_source.detections.sigma.doubts import warn_of_unknown, warn_of_unused
from okta_source.detections.sigma.expression import Expression, Or, Test, Value, both
from okta_source.detections.sigma.modifiers import FLAGS, problem_of
from okta_source.detections.sigma.paths import wrong_path
from okta_source.detections.sigma.placeholders import Lists, placeholders
from okta_source.detections.sigma.predicates import predicate

__all__ = ["parse_detection"]

_BESIDE_KEYWORDS: Final = frozenset({"contains", "re", "all", "cased", "neq", *FLAGS})


class _Searches(dict[str, Expression]):
    """Searches by their names, and which of them were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> Expression:
        self.used.add(name)
        return super().__getitem__(name)


def parse_detection(
    table: Mapping[Any, Any], place: str, lists: Lists, report: Report, *, keys: frozenset[str], any_product: bool = False
) -> Expression | None:
    """Read a detection.

    Args:
        table: It, with its `condition`.
        place: Where it stands in the rule.
        lists: The values of placeholders.
        report: Takes what is wrong.
        keys: What stands beside the search identifiers and is none of them.
        any_product: Whether fields are not compared with Okta's.

    Returns:
        What an event must be like; None where that couldn't be understood.
    """
    names = _Searches()
    searches = len(table) - len(keys & table.keys())
    for name, value in table.items():
        if name in keys:
            continue
        if not isinstance(name, str):
            report.error(place, f"{name!r} is no name of a search; write it in quotes")
            continue
        found = _search(value, f"{place}.{name}", lists, report)
        if found is not None:
            names[name] = found
    if not searches:
        report.error(place, "there is nothing to look for; needed: a search such as selection, and a condition that names it")
    if not any_product:
        warn_of_unknown(names, place, report)
    # A condition over searches that can't be read would only be told wrongly.
    found = _condition(table.get("condition"), f"{place}.condition", names if len(names) == searches else {}, report)
    if found is not None:
        warn_of_unused(names, names.used, place, report)
    return found


def _condition(given: Any, place: str, names: Mapping[str, Expression], report: Report) -> Expression | None:
    texts = [text for text in (given if isinstance(given, list) else [given]) if isinstance(text, str)]
    if not texts or (isinstance(given, list) and len(texts) < len(given)):
        report.error(place, "needed: a text such as selection and not filter")
        return None
    if not names:
        return None
    args: list[Expression] = []
    for text in texts:
        try:
            args.append(parse_condition(text, names))
        except ConditionError as error:
            report.error(place, str(error))
    if len(args) < len(texts):
        return None
    return args[0] if len(args) == 1 else Or(tuple(args))


def _search(value: Any, place: str, lists: Lists, report: Report) -> Expression | None:
    """One search identifier: a map, a list of maps, or keywords."""
    if isinstance(value, dict):
        return _items(value, place, lists, report)
    entries = value if isinstance(value, list) else [value]
    if not entries or value is None:
        report.error(place, "it is empty; needed: fields with their values, or a list of texts")
        return None
    keywords = [entry for entry in entries if not isinstance(entry, dict)]
    args: list[Expression | None] = [
        _items(entry, f"{place}[{index}]", lists, report) for index, entry in enumerate(entries) if isinstance(entry, dict)
    ]
    if keywords:
        args.append(_test("", keywords, place, lists, report))
    found = [arg for arg in args if arg is not None]
    if len(found) < len(args):
        return None
    return found[0] if len(found) == 1 else Or(tuple(found))


def _items(table: Mapping[Any, Any], place: str, lists: Lists, report: Report) -> Expression | None:
    if not table:
        report.error(place, "it is empty; needed: fields with their values")
        return None
    args = [_test(key, value, place, lists, report) for key, value in table.items()]
    found = [arg for arg in args if arg is not None]
    return both(found) if len(found) == len(args) else None


def _test(key: Any, value: Any, place: str, lists: Lists, report: Report) -> Test | None:
    place = f"{place}.{key}" if key else place
    if not isinstance(key, str):
        report.error(place, f"{key!r} is no name of a field; write it in quotes")
        return None
    field, *modifiers = (part.strip() for part in key.split("|"))
    wrong = problem_of(modifiers) or _wrong_field(field, modifiers)
    values = list(_values(value if isinstance(value, list) else [value]))
    wrong = wrong or _wrong_keywords(field, values) or _wrong_values(values, modifiers, is_list=isinstance(value, list))
    if wrong:
        report.error(place, wrong)
        return None
    test = Test(field, tuple(modifiers), tuple(values))
    missing = [name for name in placeholders(values) if name not in lists] if "expand" in modifiers else []
    for name in missing:
        report.missing_list(place, name)
    if missing:
        return test if report.takes_missing_lists else None
    if "fieldref" not in modifiers:
        try:
            predicate(test, lists)
        except ValueError as error:
            report.error(place, str(error))
            return None
    return test


def _values(values: list[Any]) -> Iterator[Any]:
    for value in values:
        # YAML makes dates of texts that look like them; an event holds texts.
        yield value.isoformat() if isinstance(value, date | datetime) else value


def _wrong_field(field: str, modifiers: list[str]) -> str:
    if not field and not set(modifiers) <= _BESIDE_KEYWORDS:
        return "keywords are looked for in the whole event, which nothing but contains, re, all, cased and neq can stand beside"
    return wrong_path(field) if field else ""


def _wrong_keywords(field: str, values: list[Any]) -> str:
    # Null is in no event and an empty text in each: the search would be false or true for ever.
    return "an empty keyword says nothing; needed: a text to look for" if not field and (None in values or "" in values) else ""


def _wrong_values(values: list[Any], modifiers: list[str], *, is_list: bool) -> str:
    given = set(modifiers)
    odd = next((value for value in values if not isinstance(value, Value)), None)
    if odd is not None:
        return f"{type(odd).__name__} is no value; needed: texts, numbers, true, false or null"
    if not values:
        return "the list is empty; needed: at least one value"
    if None in values:
        return _wrong_null(values, given, is_list=is_list)
    if "all" in given and len(values) < 2:
        return "all wants two values or more"
    if "exists" in given and (len(values) != 1 or not isinstance(values[0], bool)):
        return "exists takes true or false"
    return _wrong_texts(values, given)


def _wrong_null(values: list[Any], given: set[str], *, is_list: bool) -> str:
    if is_list and len(values) > 1:
        return "null can't stand in a list; write a search of its own and join them by or"
    return f"null can't be compared by {min(given - {'neq'})}" if given - {"neq"} else ""


def _wrong_texts(values: list[Any], given: set[str]) -> str:
    of_texts = given & {"fieldref", "re", "cidr", "expand", "windash"}
    if of_texts and not all(isinstance(value, str) for value in values):
        return f"{min(of_texts)} takes texts; write them in quotes"
    wrong = next(filter(None, map(wrong_path, values)), "") if "fieldref" in given else ""
    if wrong:
        return wrong
    if "expand" in given and not placeholders(values):
        return "expand fills in lists, and there is no %name% in these values"
    return ""
