"""What MkDocs can't know: the README, and links that leave the pages."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.unit.docs.pages import PAGES, ROOT, anchors, prose

REPOSITORY = "https://github.com/bytewax-okta/bytewax-okta/blob/main/"


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
