"""Values as OCSF takes them, and what it doesn't take."""

from typing import Any, Final

from flows.pipeline.formats.values import cleaned, dump

__all__ = ["observable", "pruned", "short"]

_LONGEST_CHARACTERS: Final = 65_535
_OBSERVABLES: Final = {
    "ip": (2, "IP Address"),
    "user_name": (4, "User Name"),
    "email": (5, "Email Address"),
    "user_agent": (16, "HTTP User-Agent"),
}


def short(value: Any) -> str | None:
    """A text that isn't empty, and no longer than OCSF's `string_t` may be."""
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_CHARACTERS else None


def observable(name: str, kind: str, value: str | None) -> bytes:
    """One of `observables`, with a comma in front; nothing for no value."""
    if value is None:
        return b""
    type_id, caption = _OBSERVABLES[kind]
    return b"," + dump({"name": name, "type": caption, "type_id": type_id, "value": value})


def pruned(value: Any, taken: tuple[tuple[str, ...], ...]) -> Any:
    """A value without the members at these paths, and without what is null or empty."""
    if isinstance(value, dict):
        value = dict(value)
        for path in taken:
            _drop(value, path)
    return cleaned(value)


def _drop(holder: dict[str, Any], path: tuple[str, ...]) -> None:
    for name in path[:-1]:
        inner = holder.get(name)
        if not isinstance(inner, dict):
            return
        copied = dict(inner)
        holder[name] = copied
        holder = copied
    holder.pop(path[-1], None)
