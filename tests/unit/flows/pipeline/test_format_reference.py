"""The tables of the pages about formats are those of the code."""

import shutil
from pathlib import Path

import pytest

from flows.pipeline.format_reference import DOCS, main, tables
from flows.pipeline.formats.ecs_kinds import PREFIXES


def test_the_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""
    text = "".join((DOCS / name).read_text("utf-8") for name in ("ecs.md", "ocsf.md"))
    assert [name for name in tables() if f"<!-- table {name} -->" not in text] == []


def test_a_changed_page_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ecs.md", "ocsf.md"):
        shutil.copy(DOCS / name, tmp_path)
    page = tmp_path / "ecs.md"
    whole = page.read_text("utf-8")
    page.write_text(whole.replace("| `event.action` | keyword |\n", ""), "utf-8")
    assert main(["--check"], tmp_path) == 1
    assert "ecs.md is not up to date; run: make reference" in capsys.readouterr().out
    assert main([], tmp_path) == 0
    assert page.read_text("utf-8") == whole


def test_what_the_tables_hold() -> None:
    made = tables()
    assert all(f"`{prefix}`" in made["ecs_categories"] for prefix in PREFIXES)
    assert "| `okta.debug_context.debug_data.flattened` | flattened |" in made["ecs_fields"]
    assert "| `requestId` | `request_id` |" in made["ecs_promoted"]
    assert "| Detection Finding (2004) | " in made["ocsf_classes"]
    assert "| `unmapped` | flattened |" in made["ocsf_fields"]
