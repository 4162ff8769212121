"""What MkDocs has to be told about these pages: see `hooks` in mkdocs.yml.

Behind the language of a fenced block stands how a test runs it (`tests/e2e/docs`); only GitHub reads past that by itself.
"""

import re
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^(```\w+)[ \t]+\S.*$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Leave pages out of the navigation that are not there."""
    config.nav = _existing(config.nav, Path(config.docs_dir))
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leave of a fence's first line the language alone."""
    return _FENCE.sub(r"\1", markdown)


def _existing(entries: list[Any], folder: Path) -> list[Any]:
    kept = []
    for entry in entries:
        ((title, target),) = entry.items()
        if isinstance(target, list):
            target = _existing(target, folder)
        elif not (folder / target).is_file():
            continue
        if target:
            kept.append({title: target})
    return kept
