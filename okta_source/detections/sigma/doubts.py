"""What a detection says that deserves a look: fields and event types that Okta doesn't document, and searches that nothing looks at.

Mostly these are slips of the pen, with which a rule would never match; Okta adds some every month, so that none is an error.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Final

from okta_source.detections.problems import Report
from okta_source.detections.sigma.expression import EVENT_TYPE, Expression, Test, tests
from okta_source.detections.sigma.modifiers import FLAGS
from okta_source.detections.sigma.predicates import predicate
from okta_source.events.fields import event_types, is_event_type, is_known, suggest_event_type, suggest_field

__all__ = ["warn_of_unknown", "warn_of_unused"]

_HOW: Final = {"contains": "that contains", "startswith": "that starts with", "endswith": "that ends with", "re": "that matches"}
_WHOLE: Final = frozenset({"all", "neq"})
_COMPARED: Final = _WHOLE | _HOW.keys() | FLAGS.keys() | {"cased"}
_WILD: Final = ("*", "?")


def warn_of_unused(searches: Collection[str], used: Collection[str], place: str, report: Report) -> None:
    """Tell of searches that no condition names; those that begin with an underscore are somebody's notes.

    Args:
        searches: All of a detection.
        used: Those that its condition names.
        place: Where the detection stands in the rule.
        report: Takes what is told.
    """
    for name in searches:
        if name not in used and not name.startswith("_"):
            report.warn(f"{place}.{name}", "the condition doesn't name it, so that nothing looks at it")


def warn_of_unknown(searches: Mapping[str, Expression], place: str, report: Report) -> None:
    """Tell of fields and event types that Okta doesn't document.

    Args:
        searches: Those of a detection.
        place: Where the detection stands in the rule.
        report: Takes what is told.
    """
    for name, search in searches.items():
        told: set[str] = set()
        for test in tests(search):
            where = f"{place}.{name}" + (f".{'|'.join((test.field, *test.modifiers))}" if test.field else "")
            for message in (*_fields(test), *_types(test)):
                if message not in told:
                    told.add(message)
                    report.warn(where, message)


def _fields(test: Test) -> list[str]:
    fields = [test.field, *map(str, test.values)] if "fieldref" in test.modifiers else [test.field]
    found = []
    for field in fields:
        if field and not is_known(field):
            guess = suggest_field(field)
            found.append(f"Okta documents no field {field}" + (f": did you mean {guess}?" if guess else ""))
    return found


def _types(test: Test) -> list[str]:
    if test.field.lower() != EVENT_TYPE or not _COMPARED.issuperset(test.modifiers):
        return []
    how = next((_HOW[modifier] for modifier in test.modifiers if modifier in _HOW), "")
    found = []
    for value in test.values:
        if not isinstance(value, str):
            continue
        if how or any(sign in value for sign in _WILD):
            if not _matches_some(test, value):
                guess = _near_front(value) if how in ("", _HOW["startswith"]) else ""
                found.append(f"Okta documents no event type {how or 'like'} `{value}`" + (f": did you mean `{guess}`?" if guess else ""))
        elif not is_event_type(value):
            near = suggest_event_type(value)
            found.append(f"unknown event type `{value}`" + (f": did you mean `{near}`?" if near else ""))
    return found


def _matches_some(test: Test, value: str) -> bool:
    modifiers = tuple(modifier for modifier in test.modifiers if modifier not in _WHOLE)
    return any(map(predicate(Test(test.field, modifiers, (value,)), {}), event_types()))


def _near_front(value: str) -> str:
    """What `user.sesion.` or `user.sesion.*` is meant to be; nothing where no front of a type is near."""
    front = value.rstrip(".*")
    if any(sign in front for sign in _WILD):
        return ""
    count = front.count(".") + 1
    fronts = {".".join(name.split(".")[:count]) for name in event_types()}
    close = get_close_matches(front.lower(), sorted(fronts), n=1, cutoff=0.75)
    return close[0] + value[len(front) :] if close else ""
