"""Writes the tables of the pages about formats, or with `--check` says whether they are as they would be written.

    python -m flows.pipeline.format_reference [--check]

What the code holds stands in the pages by this alone: which fields there are and how they are indexed, which event types are what.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from flows.pipeline.formats.ecs_debug import PROMOTED
from flows.pipeline.formats.ecs_kinds import PREFIXES as ECS_PREFIXES
from flows.pipeline.formats.ocsf_classes import CLASSES
from flows.pipeline.formats.ocsf_classes import PREFIXES as OCSF_PREFIXES
from sinks.elasticsearch.ecs_mapping import ecs_mapping
from sinks.elasticsearch.ocsf_mapping import ocsf_mapping
from sinks.elasticsearch.server import Server

__all__ = ["DOCS", "main", "tables", "written"]

DOCS: Final = Path(__file__).parents[2] / "docs"
_BLOCK: Final = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SERVER: Final = Server("elasticsearch", (8, 19))


def tables() -> Mapping[str, str]:
    """The tables by their names."""
    return {
        "ecs_categories": _grouped(("category", "event types that begin with"), _by_categories()),
        "ecs_fields": _fields(ecs_mapping(_SERVER)),
        "ecs_promoted": _table(("`debugData`", "`okta.debug_context.debug_data`"), ((f"`{sent}`", f"`{name}`") for sent, name in PROMOTED)),
        "ocsf_classes": _grouped(("class", "event types that begin with"), _by_class()),
        "ocsf_fields": _fields(ocsf_mapping(_SERVER)),
    }


def written(page: str) -> str:
    """A page with its tables as they are to be."""
    known = tables()
    return _BLOCK.sub(lambda block: f"{block[1]}{known[block[2]]}{block[3]}", page)


def main(arguments: Sequence[str] | None = None, docs: Path = DOCS) -> int:
    """Write or check; 1 when a page isn't up to date."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.pipeline.format_reference", description="Tables of docs/ecs.md and docs/ocsf.md."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page would change")
    check = parser.parse_args(arguments).check
    stale = 0
    for path in (docs / "ecs.md", docs / "ocsf.md"):
        before = path.read_text("utf-8")
        after = written(before)
        if after != before and check:
            sys.stdout.write(f"{path} is not up to date; run: make reference\n")
            stale = 1
        elif after != before:
            path.write_text(after, "utf-8")
    return stale


def _by_categories() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for prefix, categories in ECS_PREFIXES.items():
        found.setdefault(", ".join(categories), []).append(prefix)
    return found


def _by_class() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for prefix, uid in OCSF_PREFIXES.items():
        found.setdefault(f"{CLASSES[uid].name} ({uid})", []).append(prefix)
    return found


def _grouped(header: tuple[str, str], groups: Mapping[str, Sequence[str]]) -> str:
    return _table(header, ((name, " ".join(f"`{prefix}`" for prefix in sorted(prefixes))) for name, prefixes in groups.items()))


def _fields(mapping: Mapping[str, Any]) -> str:
    return _table(("field", "type"), ((f"`{path}`", kind) for path, kind in sorted(_leaves(mapping["properties"]))))


def _leaves(properties: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, inner in properties.items():
        if "properties" in inner:
            yield from _leaves(inner["properties"], f"{path}{name}.")
        else:
            yield path + name, inner["type"]


def _table(header: tuple[str, str], rows: Iterator[tuple[str, str]]) -> str:
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|", *(f"| {first} | {second} |" for first, second in rows)]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
