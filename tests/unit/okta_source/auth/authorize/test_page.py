import base64
import hashlib
import re

import pytest

from okta_source.auth.authorize.outcome import Outcome
from okta_source.auth.authorize.page import HEADERS, finished_page, notice_page

GOOD = Outcome(ok=True, headline="Acme is connected.", detail="stored", advice="next:", command="do it")


@pytest.mark.parametrize("page", [finished_page(GOOD), notice_page("Nothing here.", "text")])
def test_the_policy_allows_the_page_s_own_style_and_nothing_else(page: bytes) -> None:
    text = page.decode()
    policy = dict(HEADERS)["Content-Security-Policy"]
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()}'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert " style=" not in text  # the policy forbids it
    assert "<script" not in text
    assert re.findall(r"https?://[^'\"\s]+", text) == ["http://www.w3.org/2000/svg"]
    assert set(re.findall(r'(?:src|href)="([^:]+):', text)) == {"data"}


def test_a_page_says_what_happened_and_what_to_do() -> None:
    text = finished_page(GOOD).decode()
    for part in ("Acme is connected.", "stored", "next:", "do it", 'data-ok="true"'):
        assert part in text
    assert 'data-ok="false"' in notice_page("Nothing here.", "text").decode()


def test_what_comes_from_outside_stays_text() -> None:
    evil = "<script>alert(1)</script>\"'&"
    text = finished_page(Outcome(ok=False, headline=evil, detail=evil, advice=evil, command=evil)).decode()
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;") == 5  # the title and four places
