"""Names without an underscore for what this pipeline adds, and a field for each label. Pure data."""

from collections.abc import Iterable, Mapping, Sequence

from sinks.elasticsearch.mapping import Fields, object_field

__all__ = ["alias_field", "label_names", "object_of_paths"]

_MOST_LABELS = 200
"""An index takes 1,000 fields by default, and a label is two of them."""


def alias_field(path: str) -> Fields:
    """Another name to search by; documents stay as they are."""
    return {"type": "alias", "path": path}


def label_names(keys: Iterable[str]) -> Sequence[str]:
    """The labels that can be fields.

    The servers take a dot for a step into an object, so that `team` and `team.lead` can't both be fields, and nothing can be called `.a`,
    `a..b` or by spaces alone. What is left out stays in the document.
    """
    names: list[str] = []
    for key in sorted(set(keys)):
        if all(part.strip() for part in key.split(".")) and not any(key.startswith(f"{name}.") for name in names):
            names.append(key)
    return names[:_MOST_LABELS]


def object_of_paths(fields: Mapping[str, Fields]) -> Fields:
    """An object with fields that are given by their paths, such as `labels.customer`."""
    made = object_field()
    for path, field in fields.items():
        *parents, name = path.split(".")
        inner = made
        for parent in parents:
            inner = inner["properties"].setdefault(parent, object_field())
        inner["properties"][name] = field
    return made
