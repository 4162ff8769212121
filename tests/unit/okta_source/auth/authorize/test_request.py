import base64
import hashlib

from okta_source.auth.authorize.request import AuthorizationRequest, callback_url
from okta_source.config.auth import RefreshTokenAuth
from tests.unit.okta_source.auth.authorize.person import query

AUTH = RefreshTokenAuth.model_construct(client_id="0oa1", scopes=("okta.logs.read",))


def test_the_callback_is_the_documented_one() -> None:
    assert callback_url(8765) == "http://127.0.0.1:8765/callback"


def test_the_url_asks_for_a_code_that_only_we_can_redeem_and_for_a_refresh_token() -> None:
    request = AuthorizationRequest.make("https://acme.okta.com", AUTH, 8765)
    assert request.url.startswith("https://acme.okta.com/oauth2/v1/authorize?")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(request.verifier.encode()).digest()).decode().rstrip("=")
    assert query(request.url) == {
        "client_id": "0oa1",
        "response_type": "code",
        "scope": "okta.logs.read offline_access",
        "redirect_uri": "http://127.0.0.1:8765/callback",
        "state": request.state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    assert request.verifier not in request.url
    assert 43 <= len(request.verifier) <= 128
    assert len(request.state) >= 43


def test_offline_access_is_asked_for_once() -> None:
    auth = RefreshTokenAuth.model_construct(client_id="0oa1", scopes=("offline_access", "okta.logs.read"))
    assert query(AuthorizationRequest.make("https://a.okta.com", auth, 1).url)["scope"] == "offline_access okta.logs.read"


def test_each_sign_in_has_a_state_and_a_verifier_of_its_own_that_do_not_print() -> None:
    one, other = (AuthorizationRequest.make("https://acme.okta.com", AUTH, 8765) for _ in range(2))
    assert one.state != other.state
    assert one.verifier != other.verifier
    assert one.state != one.verifier
    assert one.state not in repr(one)
    assert one.verifier not in repr(one)
