"""Every way in which Okta refuses a token, and the fix that an administrator is told."""

from email.utils import formatdate

import pytest

from okta_source.auth.token_errors import Situation, token_failure
from okta_source.polling.outcome import Response
from tests.unit.okta_source.auth.fakes import SITUATION, refused
from tests.unit.okta_source.fakes import NOW, ORG, answer

NOW_SECONDS = NOW.timestamp()


@pytest.mark.parametrize(
    ("status", "error", "description", "error_type", "fix"),
    [
        (401, "invalid_client", "No client credentials found.", "auth", "compare client_id"),
        (401, "invalid_client", "Invalid value for 'client_id' parameter.", "auth", "client_id is wrong, or the app is deactivated"),
        (
            401,
            "invalid_client",
            "The issuer claim for client_assertion is not a valid client_id.",
            "auth",
            "client_id is wrong, or the app is",
        ),
        (401, "invalid_client", "The client secret supplied for a confidential client is invalid.", "auth", "Client secrets"),
        (401, "invalid_client", "The client_assertion token is expired.", "auth", "this machine's clock"),
        (401, "invalid_client", "The client_assertion token has an expiration too far into the future.", "auth", "this machine's clock"),
        (401, "invalid_client", "The client_assertion token must be issued before the current time.", "auth", "this machine's clock"),
        (401, "invalid_client", "The client_assertion token has already been used.", "auth", "no proxy sends a request twice"),
        (401, "invalid_client", "The client_assertion signature is invalid.", "auth", "not the one that belongs to key_id"),
        (401, "invalid_client", "The client_assertion JWT kid is invalid.", "auth", "no active key of this key_id"),
        (401, "invalid_client", "The client_assertion JWT signature algorithm is invalid.", "auth", "another `algorithm`"),
        (
            401,
            "invalid_client",
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
            "auth",
            f"made for {ORG}/oauth2/v1/token: set org_url",
        ),
        (
            401,
            "invalid_client",
            "The client does not have a JWKSet configured, but the client_assertion requires one.",
            "auth",
            "no usable public key",
        ),
        (
            401,
            "invalid_client",
            "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.",
            "auth",
            'method = "private_key_jwt"',
        ),
        (
            401,
            "invalid_client",
            "OAuth Integration Client Credentials requests to the Org Authorization Server must use either private_key_jwt or "
            "client_secret_basic as the token_endpoint_auth_method.",
            "auth",
            'Select "Client secret"',
        ),
        (
            401,
            "invalid_client",
            "Only clients with 'application_type' of 'service' may use the client_credentials 'grant_type' with the Org Authorization "
            "Server.",
            "auth",
            "API Services",
        ),
        (
            401,
            "invalid_client",
            "Client authentication failed. Either the client or the client credentials are invalid.",
            "auth",
            "is active",
        ),
        (400, "invalid_scope", "No scopes were requested.", "permission", "Okta API Scopes"),
        (
            400,
            "invalid_scope",
            "One or more scopes are not configured for the authorization server resource.",
            "permission",
            "Grant okta.logs",
        ),
        (
            400,
            "access_denied",
            "Some of the requested scopes were denied by the policy. Denied scopes: [x].",
            "permission",
            "Grant okta.logs",
        ),
        (400, "access_denied", "User is not assigned to the client application.", "permission", "Assignments"),
        (403, "access_denied", "The request is made from outside the client's permitted network zones.", "permission", "public address"),
        (403, "access_denied", "The resource owner or authorization server denied the request.", "permission", "policy"),
        (400, "invalid_grant", "The refresh token is invalid or expired.", "auth", "python -m okta_source authorize --tenant acme"),
        (400, "invalid_grant", "The refresh token is invalid or expired.", "auth", "app.oauth2.token.detect_reuse"),
        (400, "invalid_grant", "The grant was issued to another client. Please make sure the 'client_id'", "auth", "another client_id"),
        (
            400,
            "unauthorized_client",
            "The client is not authorized to use the provided grant type.",
            "auth",
            "grant type Client Credentials",
        ),
        (400, "unsupported_grant_type", "The authorization grant type is not supported", "auth", "grant type Client Credentials"),
        (400, "invalid_dpop_proof", "The DPoP proof JWT header is missing.", "auth", "set dpop = true"),
        (400, "invalid_dpop_proof", "The DPoP proof JWT is issued in the future.", "auth", "this machine's clock"),
        (400, "invalid_dpop_proof", "The DPoP proof JWT is issued more than five minutes in the past.", "auth", "this machine's clock"),
        (400, "invalid_dpop_proof", "The DPoP proof JWT has already been used.", "auth", "no proxy sends a request twice"),
        (400, "invalid_dpop_proof", "'htu' claim in the DPoP proof JWT is invalid.", "auth", "set org_url"),
        (400, "invalid_dpop_proof", "Invalid DPoP Public Key binding in refresh token", "auth", "dpop_key_file"),
        (400, "invalid_dpop_proof", "'htm' claim in the DPoP proof JWT is invalid.", "auth", "no proxy changes"),
        (400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.", "auth", "DPoP-Nonce"),
        (400, "invalid_request", "The resource request requires a DPoP proof.", "auth", "dpop = true"),
        (401, "invalid_request", "Cannot supply multiple client credentials.", "bad_request", "tenants.auth"),
        (400, "temporarily_unavailable", "overloaded", "server", "tried again"),
        (400, "something_new", "Who knows.", "bad_request", "tenants.auth"),
        (401, "something_new", "Who knows.", "auth", "client_id"),
        (403, "server_error", "The requested feature is not enabled.", "permission", "network zones"),
        (500, "server_error", "unexpected condition", "server", "tried again"),
    ],
)
def test_every_refusal_has_its_cause_and_a_fix(status: int, error: str, description: str, error_type: str, fix: str) -> None:
    found = token_failure(refused(error, description, status=status), SITUATION, NOW_SECONDS)
    assert (found.error_type, found.stage) == (error_type, "token")
    assert f"{status}: {error}: {description}" in found.detail
    assert fix in found.fix
    assert "{" not in found.fix


@pytest.mark.parametrize(
    ("response", "error_type", "text"),
    [
        (answer(b'{"errorCode":"E0000047","errorSummary":"API call exceeded"}', status=429), "rate_limited", "E0000047"),
        (refused("invalid_grant", "API call exceeded rate limit", status=429), "rate_limited", "rate limit"),
        (answer(status=404), "not_found", f"not Okta's API answers at {ORG}"),
        (answer(b"<html>", status=400), "bad_request", f"not Okta's API answers at {ORG}"),
        (answer(b"<html>", status=401), "auth", f"not Okta's API answers at {ORG}"),
        (answer(status=405), "not_found", "org_url"),
        (answer(status=408), "timeout", "408"),
        (answer(b"<html>", status=503), "server", "503"),
        (answer(b"<html>", status=403), "permission", "403"),
        (answer(b'{"errorCode":"E0000011","errorSummary":"Invalid token provided"}', status=401), "auth", "E0000011"),
        (answer(b"<html>", status=418), "bad_request", "418"),
        (answer(b"", status=204), "decode", "204"),
        (answer(status=302, Location="https://elsewhere.example/x"), "foreign_link", "https://elsewhere.example/x"),
    ],
)
def test_what_is_no_oauth_error_is_told_by_its_status(response: Response, error_type: str, text: str) -> None:
    found = token_failure(response, SITUATION, NOW_SECONDS)
    assert (found.error_type, found.stage) == (error_type, "token")
    assert text in found.detail + found.fix


def test_the_grant_type_to_allow_is_the_methods() -> None:
    web = Situation("acme", ORG, "refresh_token", ("okta.logs.read",))
    assert "grant type Refresh Token" in token_failure(refused("unauthorized_client", status=400), web, NOW_SECONDS).fix


@pytest.mark.parametrize(
    ("skew_seconds", "told"),
    [(0, ""), (29, ""), (412, "It is 412 s ahead of Okta's."), (-3600, "It is 3600 s behind Okta's.")],
)
def test_a_clock_that_is_wrong_is_measured(skew_seconds: int, told: str) -> None:
    response = refused("invalid_client", "The client_assertion token is expired.", Date=formatdate(NOW_SECONDS, usegmt=True))
    fix = token_failure(response, SITUATION, NOW_SECONDS + skew_seconds).fix
    assert fix == " ".join(part for part in ("Set this machine's clock, best by NTP.", told) if part)
    without = refused("invalid_client", "The client_assertion token is expired.", Date="yesterday")
    assert token_failure(without, SITUATION, NOW_SECONDS + skew_seconds).fix == "Set this machine's clock, best by NTP."


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "17"}, 17.0),
        ({"Retry_After": "soon"}, 0.0),
        ({"Retry_After": "100000"}, 0.0),
        ({"X_Rate_Limit_Limit": "4", "X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": f"{int(NOW_SECONDS) + 20}"}, 21.0),
        ({"X_Rate_Limit_Limit": "0", "X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": f"{int(NOW_SECONDS) + 20}"}, 0.0),
        ({"X_Rate_Limit_Limit": "4", "X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": f"{int(NOW_SECONDS) - 20}"}, 0.0),
        ({}, 0.0),
    ],
)
def test_how_long_okta_wants_us_to_wait(headers: dict[str, str], seconds: float) -> None:
    found = token_failure(refused("invalid_grant", "rate limit", status=429, **headers), SITUATION, NOW_SECONDS)
    assert found.least_wait_seconds == seconds
    assert token_failure(refused(**headers), SITUATION, NOW_SECONDS).least_wait_seconds == 0.0
