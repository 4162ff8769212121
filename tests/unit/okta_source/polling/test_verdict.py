"""What each answer means, and Okta's own words for it."""

import json

import pytest

from okta_source.polling.outcome import Failure, TransportFailure
from okta_source.polling.verdict import failure_of, okta_reason
from tests.unit.okta_source.fakes import ORG, answer, refusal


@pytest.mark.parametrize(
    ("status", "error_type", "stage", "fix"),
    [
        (400, "bad_request", "fetch", "filter"),
        (401, "auth", "fetch", "Tokens"),
        (403, "permission", "fetch", "okta.logs.read"),
        (404, "not_found", "fetch", "org_url"),
        (405, "bad_request", "fetch", "filter"),
        (407, "connection", "fetch", "HTTPS_PROXY="),
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
    said = refusal(status) if status >= 400 else answer(status=status)
    found = failure_of(said, ORG)
    assert (found.error_type, found.stage, found.code) == (error_type, stage, str(status))
    assert str(status) in found.message
    assert fix in found.fix


@pytest.mark.parametrize(
    ("status", "error_type", "fix"),
    [
        (400, "bad_request", "not Okta's API"),
        (401, "auth", "sign-in of its own"),
        (403, "permission", "Security > Networks"),
        (404, "not_found", "not Okta's API"),
        (405, "bad_request", "not Okta's API"),
        (407, "connection", "HTTPS_PROXY="),
        (408, "timeout", "again"),
        (410, "bad_request", "not Okta's API"),
        (429, "rate_limited", "reset"),
        (502, "server", "again"),
    ],
)
@pytest.mark.parametrize("body", [b"<html>Blocked</html>", b"", b'{"message":"no"}'])
def test_an_answer_that_is_not_in_oktas_form_sends_nobody_to_the_filter(status: int, error_type: str, fix: str, body: bytes) -> None:
    found = failure_of(answer(body, status=status), ORG)
    assert (found.error_type, found.code, found.from_okta) == (error_type, str(status), False)
    assert f"{ORG} answered {status}" in found.message
    assert fix in found.fix
    assert "`filter`" not in found.fix


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


def challenged(status: int, error: str, *, scheme: str = "Bearer", body: bytes = b"") -> Failure:
    parameters = f'authorization_uri="http://acme.okta.com/oauth2/v1/authorize", realm="x", scope="okta.logs.read", error="{error}"'
    header = f'{scheme} {parameters}, error_description="What \\"Okta\\" said.", resource="/api/v1/logs"'
    return failure_of(answer(body, status=status, WWW_Authenticate=header), ORG)


@pytest.mark.parametrize(
    ("status", "error", "error_type", "fix"),
    [
        (403, "insufficient_scope", "permission", "grant okta.logs.read"),
        (401, "invalid_token", "auth", "revoked"),
        (401, "something_new", "auth", "revoked"),
        (400, "invalid_dpop_proof", "auth", "clock"),
        (401, "use_dpop_nonce", "auth", "DPoP-Nonce"),
        (400, "invalid_request", "auth", "dpop = true"),
        (429, "invalid_token", "rate_limited", "reset"),
        (500, "invalid_token", "server", "again"),
    ],
)
def test_what_is_said_of_an_access_token_in_a_header_is_understood(status: int, error: str, error_type: str, fix: str) -> None:
    found = challenged(status, error, scheme="DPoP" if "dpop" in error else "Bearer")
    assert (found.error_type, found.stage, found.code) == (error_type, "fetch", str(status))
    assert f'({error}: What "Okta" said.)' in found.message
    assert fix in found.fix


def test_a_challenge_without_error_or_of_another_scheme_leaves_the_status_to_decide() -> None:
    for header in ('Bearer realm="x"', 'Basic realm="x", error="invalid_token"', ""):
        assert "API > Tokens" in failure_of(answer(status=401, WWW_Authenticate=header), ORG).fix


def test_a_missing_role_is_told_with_a_role_to_give() -> None:
    body = b'{"errorCode":"E0000006","errorSummary":"You do not have permission to perform the requested action"}'
    found = failure_of(answer(body, status=403), ORG)
    assert "E0000006" in found.message
    assert "Report Administrator" in found.fix


def test_a_failure_of_the_token_request_has_its_own_stage() -> None:
    assert TransportFailure("timeout", "Late.", "Wait.").stage == "fetch"
    assert TransportFailure("auth", "None.", "Mend.").stage == "token"
    assert TransportFailure("timeout", "Late.", "Wait.", at_token=True).stage == "token"
    assert TransportFailure("decode", "HTML.", "Look.", at_token=True).stage == "token"
