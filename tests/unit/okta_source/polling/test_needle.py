"""The C library's search finds what Python's own finds."""

import random

import pytest

from okta_source.polling import needle
from okta_source.polling.needle import contains


@pytest.mark.parametrize("library", [True, False])
def test_it_says_what_in_says(*, library: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not library:
        monkeypatch.setattr(needle, "_MEMMEM", None)
    rng = random.Random(5)
    found = 0
    for _ in range(2000):
        page = bytes(rng.choices(b"ab\0_", k=rng.randrange(60)))
        wanted = bytes(rng.choices(b"ab_", k=rng.randrange(1, 6)))
        assert contains(page, wanted) == (wanted in page)
        assert contains(bytearray(page), wanted) == (wanted in page)
        found += wanted in page
    assert 500 < found < 1500
