"""Rules whose time runs faster, so that a test sees an alert fire within seconds that needs minutes. Pure.

Every time of the rules is in one of three places, by their own convention: `for`, a duration in a range or an offset, or the number of
a recorded threshold, which is a `vector(…)` named `…_seconds`. Dividing all of them by one factor leaves what the rules say of rates and
shares as it is. What the pipeline itself reports in seconds (its poll intervals, the window of a rate limit) runs as fast as the test
configures it.
"""

import re
from typing import Any

__all__ = ["faster"]

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(?P<number>\d+)(?P<unit>ms|s|m|h|d)")
_PLACES = re.compile(r"(?<=\[)\d+[a-z]+(?=\])|(?<=\boffset )\d+[a-z]+")
_THRESHOLD = re.compile(r"vector\((?P<seconds>[\d.]+)\)")


def faster(rules: dict[str, Any], factor: float) -> dict[str, Any]:
    """A rule file's content with all of its times divided by `factor`."""
    return {"groups": [{**group, "rules": [_rule(rule, factor) for rule in group["rules"]]} for group in rules["groups"]]}


def _rule(rule: dict[str, Any], factor: float) -> dict[str, Any]:
    expr = _PLACES.sub(lambda found: _duration(found[0], factor), rule["expr"])
    changed = {**rule, "expr": expr}
    if rule.get("record", "").endswith("_seconds") and (threshold := _THRESHOLD.fullmatch(expr.strip())):
        changed["expr"] = f"vector({float(threshold['seconds']) / factor:g})"
    if "for" in rule:
        changed["for"] = _duration(rule["for"], factor)
    return changed


def _duration(text: str, factor: float) -> str:
    found = _DURATION.fullmatch(text)
    assert found, f"{text} is no duration of one unit"
    return f"{max(1, round(int(found['number']) * _UNITS_MS[found['unit']] / factor))}ms"
