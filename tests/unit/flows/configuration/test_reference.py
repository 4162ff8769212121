"""The configuration reference says what the models say."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from flows.configuration.reference import PAGE, main, meanings, tables
from okta_source.config.strict import Strict
from sinks.config import ElasticsearchSinkConfig, SinkCommon


def test_the_page_is_up_to_date() -> None:
    assert main(["--check"]) == 0, "run `make reference`"


def test_every_key_of_every_table_is_there_with_its_meaning() -> None:
    shown = {(table.title, key) for table in tables() for key in table.fields}
    assert {
        ("`[pipeline]`", "retired"),
        ("`[[tenants]]`", "org_url"),
        ("`[tenants.tls]`", "ca_file"),
        ("`[sinks.NAME.hec]`", "index"),
    } <= shown
    for table in tables():
        assert not table.fields.keys() - meanings(table.model).keys(), f"{table.model.__name__}: write them under `Attributes:`"
        assert not meanings(table.model).keys() - table.fields.keys(), f"{table.model.__name__} has no such keys"


def test_what_variants_share_stands_there_once() -> None:
    sinks = [table for table in tables() if table.title.startswith("`[sinks.NAME]`")]
    assert [table.title for table in sinks] == [
        "`[sinks.NAME]`, whatever the type",
        '`[sinks.NAME]` with `type = "file"`',
        '`[sinks.NAME]` with `type = "elasticsearch"` or `type = "webhook"`',
        '`[sinks.NAME]` with `type = "elasticsearch"`',
        '`[sinks.NAME]` with `type = "webhook"`',
    ]
    assert sinks[0].fields.keys() == SinkCommon.model_fields.keys()
    assert not sinks[3].fields.keys() & sinks[0].fields.keys()
    assert sum(len(sinks[number].fields) for number in (0, 2, 3)) == len(ElasticsearchSinkConfig.model_fields)


def test_a_key_without_a_meaning_is_refused() -> None:
    class Silent(Strict):
        """Says nothing.

        Attributes:
            one: In two
                lines.
        """

        one: Literal["a"] = Field("a", description="a")
        other: int = Field(1, description="a number")

    assert meanings(Silent) == {"one": "In two lines."}


def test_a_changed_page_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "configuration.md"
    whole = PAGE.read_text()
    page.write_text(whole.replace("| `poll_interval_seconds` |", "| `poll_interval` |"))
    assert main(["--check"], page) == 1
    assert "make reference" in capsys.readouterr().err
    assert main([], page) == 0
    assert page.read_text() == whole
    page.write_text("nothing to fill in")
    assert main([], page) == 1
