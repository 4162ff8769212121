"""What each answer means, and Okta's own words for it."""

import json

import pytest

from okta_source.verdict import Failure, failure_of, okta_reason
from tests.unit.okta_source.fakes import ORG, answer


@pytest.mark.parametrize(
    ("status", "error_type", "stage", "fix"),
    [
        (400, "bad_request", "fetch", "filter"),
        (401, "auth", "fetch", "Tokens"),
        (403, "permission", "fetch", "okta.logs.read"),
        (404, "not_found", "fetch", "org_url"),
        (405, "bad_request", "fetch", "filter"),
        (408, "timeout", "fetch", "again"),
        (410, "bad_request", "fetch", "filter"),
        (429, "rate_limited", "fetch", "reset"),
        (500, "server", "fetch", "again"),
        (503, "server", "fetch", "again"),
        (599, "server", "fetch", "again"),
        (301, "foreign_link", "fetch", "org_url"),
        (302, "foreign_link", "fetch", "org_url"),
        (308, "foreign_link", "fetch", "org_url"),
        (201, "decode", "decode", "between"),
        (204, "decode", "decode", "between"),
    ],
)
def test_every_status_has_a_cause_and_a_fix(status: int, error_type: str, stage: str, fix: str) -> None:
    found = failure_of(answer(status=status), ORG)
    assert (found.error_type, found.stage, found.code) == (error_type, stage, str(status))
    assert str(status) in found.message
    assert fix in found.fix


def test_the_status_decides_and_not_the_code_which_means_both_400_and_500() -> None:
    body = json.dumps({"errorCode": "E0000053", "errorSummary": "Sorry"}).encode()
    assert failure_of(answer(body, status=400), ORG).error_type == "bad_request"
    assert failure_of(answer(body, status=500), ORG).error_type == "server"


def test_oktas_own_words_are_passed_on() -> None:
    body = {"errorCode": "E0000001", "errorSummary": "Api validation failed: until", "errorCauses": [{"errorSummary": "until: The date"}]}
    assert okta_reason(json.dumps(body).encode()) == "E0000001: Api validation failed: until (until: The date)"
    assert "E0000001: Api validation failed" in failure_of(answer(json.dumps(body).encode(), status=400), ORG).message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b"[]", ""),
        (b"{}", ""),
        (b'{"errorSummary":"only this","errorCode":null,"errorCauses":null}', "only this"),
        (b'{"errorCode":"E1","errorCauses":[{},{"errorSummary":null}]}', "E1"),
        (b'{"errorCode":5}', ""),
        (b'{"errorSummary":"\xff"}', ""),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
    ],
)
def test_a_body_without_words_is_no_trouble(body: bytes, reason: str) -> None:
    assert okta_reason(body) == reason


def test_a_long_reason_is_cut() -> None:
    assert len(okta_reason(b'{"errorSummary":"' + b"x" * 10_000 + b'"}')) == 500


def test_a_redirect_names_its_target_in_bounds() -> None:
    found = failure_of(answer(status=302, Location="https://elsewhere.example/" + "x" * 1000), ORG)
    assert "https://elsewhere.example/" in found.message
    assert ORG in found.message
    assert len(found.message) < 300
    assert "elsewhere" in failure_of(answer(status=302), ORG).message


def test_a_failure_reads_as_cause_and_fix() -> None:
    assert str(Failure("auth", "fetch", "It is wrong.", "Mend it.", "401")) == "It is wrong. Mend it."
