"""`init` on a real terminal."""

import tomllib
from pathlib import Path

from tests.unit.terminal import talk


def at_terminal(folder: Path, answers: list[str], *options: str) -> str:
    """What is said until the end."""
    status, text = talk(folder, ["okta_source", "init", *options], answers)
    assert status == 0, text
    return text


def test_it_asks_explains_and_asks_again(tmp_path: Path) -> None:
    answers = [
        "Acme!",
        "acme",
        "https://acme-admin.okta.com",
        "acme.okta.com",
        "private_key_jwt",
        "0oa1",
        "00Secret" * 6,
        "",
        "kid1",
        "n",
        "24h",
        "ACME_HOOK",
        "sometimes",
        "merge",
    ]
    text = at_terminal(tmp_path, answers, "--display-name", "Acme", "--push")
    [tenant] = tomllib.loads((tmp_path / "okta.toml").read_text())["tenants"]
    assert tenant == {
        "name": "acme",
        "display_name": "Acme",
        "org_url": "https://acme.okta.com",
        "start_from": "24h",
        "auth": {"method": "private_key_jwt", "client_id": "0oa1", "private_key_file": "secrets/acme.pem", "key_id": "kid1"},
        "hooks": {"secret_env": "ACME_HOOK", "mode": "merge"},
    }
    assert "Okta Admin Console: at the top right under your name" in text
    assert "an API token of an administrator: Security > API > Tokens" in text
    assert text.count("That is not allowed; allowed: ") == 4
    assert "That is not allowed; allowed: https://acme.okta.com, the organisation's own URL" in text
    assert "5. " not in text
    assert "2. put the hooks' secret into the environment: export ACME_HOOK=" in text
    assert "4. see whether it works: python -m okta_source check --tenant acme" in text


def test_a_token_may_be_in_a_variable_or_in_a_file(tmp_path: Path) -> None:
    for name, answer, auth in (
        ("acme", "./acme.token", {"method": "ssws", "token_file": "./acme.token"}),
        ("globex", "GLOBEX", {"method": "ssws", "token_env": "GLOBEX"}),
    ):
        text = at_terminal(tmp_path, [name, name, "", "00TokenItself", "00Abcdefghijklmnopqrstuvwxyz0123456789abcd", answer, ""])
        assert tomllib.loads((tmp_path / "okta.toml").read_text())["tenants"][-1]["auth"] == auth
        assert text.count("a variable's name in capitals, digits and _, such as ACME_OKTA_TOKEN; not the secret itself; or the path") == 2
        assert "where the first run begins: now (nothing of before), 24h or 7d (so far back)" in text
