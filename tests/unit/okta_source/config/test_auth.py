"""The `[tenants.auth]` tables of the OAuth methods: what is taken, and where and how each mistake is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwk
from pydantic import TypeAdapter, ValidationError

from okta_source.config.auth import AuthConfig, ClientSecretAuth, PrivateKeyJwtAuth, RefreshTokenAuth
from tests.unit.okta_source.auth.fakes import EC_KEY, RSA_KEY, pem

ADAPTER: TypeAdapter[Any] = TypeAdapter(AuthConfig)
EC_JWK = {**json.loads(jwk.JWK.from_pem(pem(EC_KEY).encode()).export()), "kid": "kid-of-jwk"}
ENVIRON = {"SECRET": "s3cret", "PEM": pem(RSA_KEY), "JWK": json.dumps(EC_JWK), "ODD": "two words"}
KEY_PAIR = {"method": "private_key_jwt", "client_id": "0oa1", "private_key_env": "PEM", "key_id": "kid-1"}
INTEGRATION = {"method": "client_secret", "client_id": "0oa1", "client_secret_env": "SECRET"}
WEB = {"method": "refresh_token", "client_id": "0oa1", "client_secret_env": "SECRET", "token_store": "state/acme.token"}


def parse(table: dict[str, Any], folder: Path = Path("/etc/okta")) -> Any:
    return ADAPTER.validate_python(table, context={"folder": folder, "environ": ENVIRON})


def wrong(table: dict[str, Any], folder: Path = Path("/etc/okta")) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        parse(table, folder)
    assert "s3cret" not in str(caught.value)
    assert "PRIVATE KEY-----\n" not in str(caught.value)
    return [(str(entry["loc"][-1] if entry["loc"] else "method"), entry["msg"]) for entry in caught.value.errors()]


def test_every_method_with_its_defaults() -> None:
    key_pair, integration, web = parse(KEY_PAIR), parse(INTEGRATION), parse(WEB)
    assert isinstance(key_pair, PrivateKeyJwtAuth)
    assert isinstance(integration, ClientSecretAuth)
    assert isinstance(web, RefreshTokenAuth)
    for auth in (key_pair, integration, web):
        assert (auth.client_id, auth.scopes, auth.dpop, auth.dpop_key_file) == ("0oa1", ("okta.logs.read",), False, None)
    assert (key_pair.algorithm, key_pair.key_id) == ("", "kid-1")
    assert key_pair.signing_key(ENVIRON["PEM"]).algorithm == "RS256"
    assert str(integration.client_secret) == "environment variable SECRET"
    assert web.token_store == Path("/etc/okta/state/acme.token")


def test_files_count_from_the_configurations_folder(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(ENVIRON["JWK"])
    (tmp_path / "secret").write_text("s3cret\n")
    key_pair = parse(
        {"method": "private_key_jwt", "client_id": "0oa1", "private_key_file": "key.json", "dpop": True, "dpop_key_file": "key.json"},
        tmp_path,
    )
    assert str(key_pair.private_key) == f"file {tmp_path}/key.json"
    assert key_pair.signing_key(ENVIRON["JWK"]).key_id == "kid-of-jwk"
    assert key_pair.dpop_key_file == tmp_path / "key.json"
    web = parse({"method": "refresh_token", "client_id": "0oa1", "client_secret_file": "secret", "token_store": "t"}, tmp_path)
    assert str(web.client_secret) == f"file {tmp_path}/secret"


def test_scopes_algorithm_and_dpop_are_taken() -> None:
    auth = parse({**KEY_PAIR, "scopes": ["okta.logs.read", "okta.users.read"], "dpop": True, "algorithm": "RS512"})
    assert auth.scopes == ("okta.logs.read", "okta.users.read")
    assert auth.signing_key(ENVIRON["PEM"]).algorithm == "RS512"


@pytest.mark.parametrize(
    ("table", "key", "text"),
    [
        ({**KEY_PAIR, "method": "magic"}, "method", "'ssws', 'private_key_jwt', 'client_secret', 'refresh_token'"),
        ({**KEY_PAIR, "client_id": ""}, "client_id", "at least 1"),
        ({**KEY_PAIR, "client_id": "0oa 1"}, "client_id", "Client ID"),
        ({**KEY_PAIR, "client_id": "0oa:1"}, "client_id", "Client ID"),
        ({**KEY_PAIR, "scopes": []}, "scopes", "at least 1"),
        ({**KEY_PAIR, "scopes": ["a b"]}, "scopes", "one or more scopes"),
        ({**KEY_PAIR, "scopes": ""}, "scopes", "tuple"),
        ({**KEY_PAIR, "dpop": "yes"}, "dpop", "boolean"),
        ({**KEY_PAIR, "dpop_key_file": "x"}, "dpop_key_file", "without dpop = true"),
        ({**KEY_PAIR, "dpop": True, "dpop_key_file": "gone"}, "dpop_key_file", "gone cannot be read"),
        ({**KEY_PAIR, "private_key_env": ""}, "private_key_env", "missing; needed: exactly one of private_key_env"),
        ({**KEY_PAIR, "private_key_file": "key.pem"}, "private_key_file", "key.pem cannot be read"),
        ({**KEY_PAIR, "private_key_env": "GONE"}, "private_key_env", "variable GONE is not set or is empty"),
        ({**KEY_PAIR, "private_key_env": "SECRET"}, "private_key_env", "variable SECRET holds neither PEM"),
        ({**KEY_PAIR, "private_key_env": "-----BEGIN PRIVATE KEY-----"}, "private_key_env", "not the secret itself"),
        ({**KEY_PAIR, "key_id": ""}, "key_id", "missing; needed: the key's ID"),
        ({**KEY_PAIR, "algorithm": "HS256"}, "algorithm", "RS256, RS384, RS512, ES256, ES384, ES512"),
        ({**KEY_PAIR, "algorithm": "ES256"}, "algorithm", "does not fit the key, which is an RSA key of 2048 bits; allowed: RS256"),
        ({**KEY_PAIR, "private_key_env": "JWK", "algorithm": "ES384"}, "algorithm", "a P-256 key; allowed: ES256"),
        ({**KEY_PAIR, "client_secret_env": "SECRET"}, "client_secret_env", "Extra"),
        ({**INTEGRATION, "client_secret_env": ""}, "client_secret_env", "missing; needed: exactly one of client_secret_env"),
        ({**INTEGRATION, "client_secret_env": "GONE"}, "client_secret_env", "not set or is empty"),
        ({**INTEGRATION, "client_secret_env": "ODD"}, "client_secret_env", "that no client secret has"),
        ({**INTEGRATION, "client_secret_file": "gone"}, "client_secret_file", "gone cannot be read"),
        ({**WEB, "token_store": ""}, "token_store", "Path"),
        ({**WEB, "token_store": "."}, "token_store", "is a folder"),
        ({name: value for name, value in WEB.items() if name != "token_store"}, "token_store", "required"),
    ],
)
def test_what_is_wrong_is_told_at_its_key(table: dict[str, Any], key: str, text: str, tmp_path: Path) -> None:
    found = wrong(table, tmp_path)
    assert len(found) == 1, found
    assert found[0][0] == key
    assert text in found[0][1]


def test_an_empty_or_absent_token_store_is_no_error(tmp_path: Path) -> None:
    parse(WEB, tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/acme.token").touch()
    parse(WEB, tmp_path)


def test_a_key_is_looked_at_in_a_given_environment_only() -> None:
    assert isinstance(ADAPTER.validate_python({**KEY_PAIR, "key_id": ""}), PrivateKeyJwtAuth)
