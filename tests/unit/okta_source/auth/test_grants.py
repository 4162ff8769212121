"""What each method sends to the token endpoint, and what the endpoint makes of the answers."""

import base64
from email.utils import formatdate
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from okta_source.auth.base import CredentialError
from okta_source.auth.client_secret import ClientSecretGrant
from okta_source.auth.clock import OktaClock
from okta_source.auth.dpop import DpopProver
from okta_source.auth.private_key_jwt import PrivateKeyJwtGrant
from okta_source.auth.token_endpoint import TokenEndpoint
from okta_source.config.auth import ClientSecretAuth, PrivateKeyJwtAuth
from okta_source.config.secret import SecretError
from okta_source.polling.outcome import TransportFailure
from tests.unit.okta_source.auth.fakes import (
    EC_KEY,
    OTHER_RSA_KEY,
    RSA_KEY,
    SITUATION,
    TOKEN_URL,
    FakeServer,
    pem,
    refused,
    segments,
    token,
    wants_nonce,
    written,
)
from tests.unit.okta_source.fakes import answer

NOW = 1_790_000_000.9
SECRET = "s3cret"


def integration(folder: Path, server: FakeServer, secret: str = SECRET, **settings: Any) -> ClientSecretGrant:
    config = ClientSecretAuth.model_validate(
        {"method": "client_secret", "client_id": "0oa1", "client_secret_file": written(folder, "secret", secret), **settings}
    )
    return ClientSecretGrant(config, TokenEndpoint(server, SITUATION))


def key_pair(
    folder: Path, server: FakeServer, key: str = pem(RSA_KEY), dpop: DpopProver | None = None, **settings: Any
) -> PrivateKeyJwtGrant:
    config = PrivateKeyJwtAuth.model_validate(
        {"method": "private_key_jwt", "client_id": "0oa1", "private_key_file": written(folder, "key", key), "key_id": "kid-1", **settings}
    )
    return PrivateKeyJwtGrant(config, TokenEndpoint(server, SITUATION, dpop, OktaClock(lambda: NOW)))


def test_a_client_secret_goes_out_by_http_basic(tmp_path: Path) -> None:
    server = FakeServer(token("at-1", expires_in=1800))
    grant = integration(tmp_path, server, scopes=["okta.logs.read", "okta.users.read"]).obtain()
    assert (grant.access_token.reveal(), grant.scheme, grant.lifetime_seconds, grant.refresh_token) == ("at-1", "Bearer", 1800.0, None)
    assert server.urls == [TOKEN_URL]
    assert server.forms == [{"grant_type": "client_credentials", "scope": "okta.logs.read okta.users.read"}]
    assert server.headers == [{"Authorization": f"Basic {base64.b64encode(b'0oa1:s3cret').decode()}"}]


def test_a_rotated_client_secret_is_read_from_its_file(tmp_path: Path) -> None:
    server = FakeServer(refused("invalid_client", "The client secret supplied for a confidential client is invalid."), token())
    grant = integration(tmp_path, server)
    with pytest.raises(CredentialError, match="Client secrets"):
        grant.obtain()
    (tmp_path / "secret").write_text("rotated\n")
    grant.obtain()
    assert base64.b64decode(server.headers[1]["Authorization"].removeprefix("Basic ")) == b"0oa1:rotated"


@pytest.mark.parametrize("secret", ["", "two words", "line\nbreak", "€uro"])
def test_what_is_no_client_secret_is_not_sent(tmp_path: Path, secret: str) -> None:
    server = FakeServer(token())
    with pytest.raises(SecretError) as caught:
        integration(tmp_path, server, secret).obtain()
    assert not secret or secret not in str(caught.value)
    assert server.urls == []


@pytest.mark.parametrize(
    ("key", "settings", "algorithm"),
    [
        (pem(RSA_KEY), {}, "RS256"),
        (pem(RSA_KEY), {"algorithm": "RS384"}, "RS384"),
        (pem(EC_KEY), {}, "ES256"),
    ],
)
def test_an_assertion_says_what_okta_wants_and_verifies(tmp_path: Path, key: str, settings: dict[str, str], algorithm: str) -> None:
    server = FakeServer(token())
    key_pair(tmp_path, server, key, **settings).obtain()
    [form] = server.forms
    assertion = form.pop("client_assertion")
    assert form == {
        "grant_type": "client_credentials",
        "scope": "okta.logs.read",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert server.headers == [{}]
    header, claims = segments(assertion)
    assert header == {"alg": algorithm, "kid": "kid-1", "typ": "JWT"}
    public = (RSA_KEY if algorithm.startswith("RS") else EC_KEY).public_key()
    options = {"verify_iat": False, "verify_exp": False}
    assert pyjwt.decode(assertion, public, [algorithm], audience=TOKEN_URL, options=options) == claims
    assert claims == {
        "iss": "0oa1",
        "sub": "0oa1",
        "aud": TOKEN_URL,
        "iat": int(NOW) - 60,
        "exp": int(NOW) + 300,
        "jti": claims["jti"],
    }


def test_every_assertion_has_an_id_of_its_own(tmp_path: Path) -> None:
    server = FakeServer(token())
    grant = key_pair(tmp_path, server)
    for _ in range(20):
        grant.obtain()
    assert len({segments(form["client_assertion"])[1]["jti"] for form in server.forms}) == 20


def test_a_rotated_key_is_read_from_its_file_and_a_broken_one_told(tmp_path: Path) -> None:
    server = FakeServer(token())
    grant = key_pair(tmp_path, server)
    (tmp_path / "key").write_text(pem(OTHER_RSA_KEY))
    grant.obtain()
    pyjwt.decode(
        server.forms[0]["client_assertion"],
        OTHER_RSA_KEY.public_key(),
        ["RS256"],
        audience=TOKEN_URL,
        options={"verify_iat": False, "verify_exp": False},
    )
    (tmp_path / "key").write_text("hunter2")
    with pytest.raises(SecretError, match="neither PEM") as caught:
        grant.obtain()
    assert "hunter2" not in str(caught.value)
    assert str(tmp_path / "key") in str(caught.value)


def test_the_nonce_that_okta_wants_is_sent_with_everything_else_made_anew(tmp_path: Path) -> None:
    server = FakeServer(wants_nonce("n1"), token("at-1", kind="DPoP"), token("at-2", kind="DPoP"))
    grant = key_pair(tmp_path, server, dpop=DpopProver(now=lambda: NOW))
    assert grant.obtain().scheme == "DPoP"
    assert grant.obtain().access_token.reveal() == "at-2"
    proofs = [segments(headers["DPoP"]) for headers in server.headers]
    assert [claims.get("nonce") for _, claims in proofs] == [None, "n1", "n1"]
    assert len({claims["jti"] for _, claims in proofs}) == 3
    assert all((claims["htm"], claims["htu"]) == ("POST", TOKEN_URL) and "ath" not in claims for _, claims in proofs)
    assert proofs[0][0]["jwk"] == proofs[2][0]["jwk"]
    assert len({segments(form["client_assertion"])[1]["jti"] for form in server.forms}) == 3


def test_a_server_that_always_wants_another_nonce_is_not_asked_for_ever(tmp_path: Path) -> None:
    numbers = iter(range(100))
    server = FakeServer(lambda: wants_nonce(f"n{next(numbers)}"))
    with pytest.raises(CredentialError, match="nonce"):
        key_pair(tmp_path, server, dpop=DpopProver()).obtain()
    assert len(server.urls) == 3
    same = FakeServer(wants_nonce("n"))
    with pytest.raises(CredentialError, match="nonce"):
        key_pair(tmp_path, same, dpop=DpopProver()).obtain()
    assert len(same.urls) == 2


@pytest.mark.parametrize("skew_seconds", [-3600, 3600])
def test_a_clock_that_is_wrong_is_put_right_by_oktas_own(tmp_path: Path, skew_seconds: int) -> None:
    okta_now = int(NOW) - skew_seconds
    date = formatdate(okta_now, usegmt=True)
    expired = refused("invalid_client", "The client_assertion token is expired.", Date=date)
    server = FakeServer(expired, token())
    key_pair(tmp_path, server).obtain()
    assert [segments(form["client_assertion"])[1]["iat"] for form in server.forms] == [int(NOW) - 60, okta_now - 60]
    server = FakeServer(expired)
    with pytest.raises(CredentialError, match=r"It is 3(600|601|599) s (ahead of|behind) Okta's"):
        key_pair(tmp_path, server).obtain()
    assert len(server.urls) == 2


@pytest.mark.parametrize("lifetime", [None, 0, -5, "3600", 3600.0, "inf", "nan"])
def test_a_lifetime_that_says_nothing_is_oktas_hour(tmp_path: Path, lifetime: Any) -> None:
    assert integration(tmp_path, FakeServer(token(expires_in=lifetime))).obtain().lifetime_seconds == 3600.0


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Sign in</html>", b"[]", b"{}", b'{"access_token":5}', b'{"access_token":""}', b'{"access_token":"a b"}', b"\xff",
     b'{"access_token":"s3cret\\r\\nX: y"}', b'{"access_token":"x","token_type":"MAC"}', b'{"access_token":"x","expires_in":"soon"}'],
)  # fmt: skip
def test_what_is_no_token_is_refused_without_showing_it(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(CredentialError) as caught:
        integration(tmp_path, FakeServer(answer(body))).obtain()
    assert (caught.value.failure.error_type, caught.value.failure.stage) == ("decode", "token")
    assert "s3cret" not in str(caught.value)


def test_a_token_that_is_not_bound_as_asked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match="Bearer, although dpop is true") as caught:
        key_pair(tmp_path, FakeServer(token()), dpop=DpopProver()).obtain()
    assert caught.value.failure.error_type == "auth"
    with pytest.raises(CredentialError, match="DPoP, although dpop is false"):
        key_pair(tmp_path, FakeServer(token(kind="DPoP"))).obtain()


def test_a_failure_of_the_network_belongs_to_the_token(tmp_path: Path) -> None:
    for error_type in ("timeout", "connection", "tls", "dns", "decode"):
        failure = TransportFailure(error_type, "It failed.", "Lower page_limit.")  # type: ignore[arg-type]
        with pytest.raises(CredentialError) as caught:
            integration(tmp_path, FakeServer(failure)).obtain()
        assert (caught.value.failure.error_type, caught.value.failure.stage) == (error_type, "token")
    assert "page_limit" not in str(caught.value)


def test_an_answer_that_repeats_the_credential_does_not_show_it(tmp_path: Path) -> None:
    credentials = base64.b64encode(b"0oa1:s3cret").decode()
    server = FakeServer(refused("invalid_client", f"No: Basic {credentials}, that is s3cret"))
    with pytest.raises(CredentialError) as caught:
        integration(tmp_path, server).obtain()
    assert "No: Basic ***, that is ***" in str(caught.value)
    echo = FakeServer(refused("invalid_client"))
    subject = key_pair(tmp_path, echo)
    echo._script = [lambda: refused("invalid_client", echo.forms[-1]["client_assertion"])]
    with pytest.raises(CredentialError) as caught:
        subject.obtain()
    assert "eyJ" not in str(caught.value)
    assert "eyJ" not in repr(subject._request())
