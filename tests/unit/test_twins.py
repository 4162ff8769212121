"""Neither of `okta_source` and `sinks` imports the other, so a few small modules are there twice, and stay the same."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TWINS = [
    ("okta_source/config/pasted.py", "sinks/config/pasted.py"),
    ("okta_source/http/deadline.py", "sinks/http/deadline.py"),
    ("okta_source/polling/event_head.py", "sinks/event_head.py"),
    ("okta_source/polling/retry_after.py", "sinks/http/retry_after.py"),
]


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_twins_are_the_same(one: str, other: str) -> None:
    assert (ROOT / one).read_text() == (ROOT / other).read_text()
