"""What MkDocs can't know: the README, links that leave the pages, and that every command block says how it is tested."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.unit.docs.pages import PAGES, ROOT, anchors, blocks, prose

REPOSITORY = "https://github.com/bytewax-okta/bytewax-okta/blob/main/"
HOW = {"run", "background", "file", "append", "skip"}


def test_the_readme_is_a_page_that_starts_and_not_a_manual() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 250


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file_and_a_heading_of_the_repository(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        inside = target.removeprefix(REPOSITORY)
        if urlsplit(inside).scheme:
            continue
        name, _, anchor = inside.partition("#")
        file = ROOT / name if inside != target else page.parent / name if name else page
        assert file.is_file(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_block_is_run_by_a_test_or_says_why_not(page: Path) -> None:
    silent = [
        str(block)
        for block in blocks(page)
        if block.language == "console" and "\n$ " in f"\n{block.text}" and not HOW & block.options.keys()
    ]
    assert not silent, f"say behind the language how they are tested, see docs/contributing.md: {', '.join(silent)}"
