"""The table of verdicts that users read is the one that the program goes by."""

import re

from sinks.http.verdicts import CODES, STATUSES, Verdict, of_status
from tests.unit.docs.pages import ROOT

_ROW = re.compile(r"^\| (\w[\w ]*?) \| (target|doubtful|content) \| (\w+) \|$", re.MULTILINE)


def test_the_documented_verdicts_are_the_programs():
    page = (ROOT / "docs" / "delivery.md").read_text()
    statuses, codes = page[page.index("<!-- verdicts:") : page.index("<!-- verdicts end -->")].split("| Splunk's code")
    said = {name: Verdict(blame, error_type) for name, blame, error_type in _ROW.findall(statuses)}
    rest = {f"other {number}xx": of_status(number * 100 + 99) for number in (3, 4, 5)}
    assert said == {str(status): verdict for status, verdict in STATUSES.items()} | rest
    assert {int(name): Verdict(blame, error_type) for name, blame, error_type in _ROW.findall(codes)} == dict(CODES)
