"""The page about the managed rules says what the rules say."""

from pathlib import Path

import pytest

from flows.detections.catalogue import PAGE, main


def test_the_page_of_managed_rules_is_up_to_date() -> None:
    assert main(["--check"]) == 0, "run `make reference`"


def test_a_rule_stands_there_with_all_that_it_says() -> None:
    text = PAGE.read_text("utf-8")
    _, section = text.split("\n## token_to_unknown_client\n")
    section = section.split("\n## ")[0]
    assert "high · on by default · state: learns, 14 d · one group a tenant · list `known_oauth_clients`" in section
    assert "[T1550.001](https://attack.mitre.org/techniques/T1550/001/)" in section
    for part in ("**What to do.** Find out whose client it is", "**Looks like it.** A new integration.", "**Read on.** <https://"):
        assert part in section
    assert "[`sign_in_outside_allowed_countries`](#sign_in_outside_allowed_countries) | must be given once the rule is on |" in text
    assert "building_blocks" not in text


def test_a_changed_page_of_rules_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "rules.md"
    assert main(["--check"], page) == 1
    page.write_text("something else")
    assert main(["--check"], page) == 1
    assert "run `make reference`" in capsys.readouterr().err
    assert main([], page) == 0
    assert page.read_text("utf-8") == PAGE.read_text("utf-8")
