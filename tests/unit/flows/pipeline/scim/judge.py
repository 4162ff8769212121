"""Generated filters over the names and values that events have, and the simulator's own answers as the judge of ours."""

import json
import random
from collections.abc import Iterator
from typing import Any

OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr")
# What Okta's filters may not name, or the simulator's grammar refuses.
REFUSED = ("published", "_okta", "x_", "_embedded", "riskContext", "insertionTimestamp")
WITHOUT_CO = ("debugContext.debugData.url", "debugContext.debugData.requestUri")


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every path of an event with its values."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield ".".join(path), value


class Filters:
    """Makes filters that a sample of events gives answers to."""

    def __init__(self, events: list[dict[str, Any]], seed: int) -> None:
        self._random = random.Random(seed)
        found: dict[str, list[Any]] = {}
        for event in events:
            for path, value in leaves(event):
                if not path.startswith(REFUSED) and ".details" not in path and "changeDetails" not in path:
                    found.setdefault(path, []).append(value)
        self._values = {path: values for path, values in found.items() if path}
        self._paths = sorted(self._values)

    def filter(self, depth: int = 2) -> str:
        choice = self._random.random()
        if depth == 0 or choice < 0.35:
            return self._comparison()
        if choice < 0.5:
            return f"not {self._bracketed(depth)}"
        word = self._random.choice((" and ", " or ", " AND ", " Or "))
        return word.join(
            self._bracketed(depth) if self._random.random() < 0.5 else self._comparison() for _ in range(self._random.randint(2, 3))
        )

    def _bracketed(self, depth: int) -> str:
        return f"({self.filter(depth - 1)})"

    def _comparison(self) -> str:
        path = self._random.choice(self._paths)
        operator = self._random.choice(OPERATORS)
        value = self._random.choice(self._values[path])
        if operator == "pr":
            return f"{path} pr"
        if operator in ("co", "sw", "ew") or (operator in ("gt", "ge", "lt", "le") and (value is None or isinstance(value, bool))):
            value = str(value)
            start, end = sorted(self._random.randint(0, len(value)) for _ in range(2))
            value = {"co": value[start:end], "sw": value[:end], "ew": value[start:]}.get(operator, value)
        if operator == "co" and path in WITHOUT_CO:
            operator = "sw"
        if self._random.random() < 0.05:
            value = self._random.choice((64500, "x", 0, 1.5, "1"))
            if operator in ("co", "sw", "ew"):
                value = str(value)
        spelt = self._random.choice((operator, operator, operator.upper()))
        return f"{path} {spelt} {json.dumps(value, ensure_ascii=self._random.random() < 0.5)}"
