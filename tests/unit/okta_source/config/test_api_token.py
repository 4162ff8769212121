"""Okta tokens and client secrets as they are pasted."""

from pathlib import Path

import pytest
from pydantic import ValidationError

import okta_source.config.pasted
import sinks.config.pasted
from okta_source.auth.ssws import SswsAuthenticator
from okta_source.config.api_token import CredentialProblem, usable_credential
from okta_source.config.auth import ClientSecretAuth
from okta_source.config.secret import SecretError
from okta_source.config.ssws import SswsAuth

TOKEN = "00hunter2_not-to-be-seen0123456789abcdefgh"


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f'"{TOKEN}"',
        f"'{TOKEN}'",
        f"\u201c{TOKEN}\u201d",
        f"OKTA_TOKEN={TOKEN}",
        f'OKTA_TOKEN="{TOKEN}"',
        f"export OKTA_TOKEN='{TOKEN}'",
        f"okta.token: {TOKEN}",
        f"SSWS {TOKEN}",
        f"ssws {TOKEN}",
        f"Authorization: SSWS {TOKEN}",
        f'"Authorization: SSWS {TOKEN}"',
        f'{{"token": "{TOKEN}"}}',
        f'{{"id": "00T1", "name": "siem", "token": "{TOKEN}"}}',
        f'{{"OKTA_TOKEN": "SSWS {TOKEN}"}}',
        f'\n{{"token": "{TOKEN}"}}\n',
    ],
)
def test_what_can_be_understood_is_taken(text: str, tmp_path: Path) -> None:
    assert usable_credential(text, "Okta token", "SSWS") == TOKEN
    (tmp_path / "token").write_text(text + "\n")
    config = SswsAuth.model_validate({"method": "ssws", "token_file": "token"}, context={"folder": tmp_path, "environ": {}})
    sent = SswsAuthenticator(config).headers("GET", "https://acme.okta.com")
    assert sent == {"Authorization": f"SSWS {TOKEN}"}


REFUSED = [
    (f'"{TOKEN}', "begins with a quotation mark"),
    (f"{TOKEN}'", "ends with a quotation mark"),
    (f'OKTA_TOKEN="{TOKEN}', "begins with a quotation mark"),
    (f"Bearer {TOKEN}", "begins with Bearer"),
    (f"Authorization: Bearer {TOKEN}", "begins with Bearer"),
    ("${OKTA_TOKEN}", r"begins with \$"),
    ("<your token>", "begins with <"),
    ("{{ okta_token }}", "begins with a brace"),
    ("********", "is a mask"),
    (f'{{"a": "{TOKEN}", "b": "{TOKEN}"}}', "is JSON in which 2 members may be meant"),
    ("{}", "is JSON in which 0 members may be meant"),
    (f"-----BEGIN PRIVATE KEY-----\n{TOKEN}\n-----END PRIVATE KEY-----", "is a PEM file"),
    (f"A={TOKEN}\nB={TOKEN}", "holds a space, line break"),
    (f"{TOKEN} {TOKEN}", "holds a space"),
    (f"{TOKEN}é", "holds a space, line break or other character"),
    (" ", "is blank"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_cant_be_understood_is_refused_at_the_start_and_never_shown(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=f"environment variable TOKEN {why}") as caught:
        SswsAuth.model_validate({"method": "ssws", "token_env": "TOKEN"}, context={"environ": {"TOKEN": text}})
    assert "hunter2" not in str(caught.value)
    # A file may be rotated to it while a flow runs.
    (tmp_path / "token").write_text(TOKEN)
    config = SswsAuth.model_validate({"method": "ssws", "token_file": "token"}, context={"folder": tmp_path, "environ": {}})
    (tmp_path / "token").write_text(text)
    with pytest.raises(SecretError, match=f"token {why}") as rotated:
        SswsAuthenticator(config).headers("GET", "https://acme.okta.com")
    assert "hunter2" not in str(rotated.value)


def test_a_client_secret_is_read_alike() -> None:
    keys = {"method": "client_secret", "client_id": "0oa1", "client_secret_env": "SECRET"}
    ClientSecretAuth.model_validate(keys, context={"environ": {"SECRET": f'{{"client_secret": "{TOKEN}"}}'}})
    assert usable_credential(f'{{"client_id": "0oa1", "client_secret": "{TOKEN}"}}', "client secret") == TOKEN
    with pytest.raises(ValidationError, match="SECRET begins with a quotation mark; needed: the client secret alone"):
        ClientSecretAuth.model_validate(keys, context={"environ": {"SECRET": f'"{TOKEN}'}})
    # A scheme is an API token's: what would be refused when it is used is refused at the start.
    with pytest.raises(ValidationError, match="SECRET holds a space"):
        ClientSecretAuth.model_validate(keys, context={"environ": {"SECRET": f"SSWS {TOKEN}"}})


@pytest.mark.parametrize("text", [f'"{TOKEN}"', f"key={TOKEN}", "p@ss!"])
def test_what_a_gateway_wants_is_its_own_affair(text: str) -> None:
    keys = {"method": "ssws", "token_env": "TOKEN", "header": "X-Api-Key", "prefix": ""}
    config = SswsAuth.model_validate(keys, context={"environ": {"TOKEN": text}})
    assert config.usable(text) == text


def test_an_odd_token_without_anything_around_it_is_taken_as_it_is() -> None:
    assert usable_credential("p@ss!==", "Okta token", "SSWS") == "p@ss!=="


def test_no_message_shows_a_value() -> None:
    for text, _ in REFUSED:
        with pytest.raises(CredentialProblem) as caught:
            usable_credential(text, "Okta token", "SSWS")
        assert "hunter2" not in repr(caught.value)
        assert caught.value.__cause__ is None


def test_both_packages_unwrap_alike() -> None:
    ours, theirs = (Path(module.__file__ or "") for module in (okta_source.config.pasted, sinks.config.pasted))
    assert ours.read_bytes() == theirs.read_bytes()
