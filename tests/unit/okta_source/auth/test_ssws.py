"""An API token as a header, and what happens when it is rotated."""

from pathlib import Path

import pytest

from okta_source.auth import Authenticator, SswsAuthenticator
from okta_source.config.secret import SecretError
from okta_source.config.ssws import SswsAuth
from tests.unit.okta_source.fakes import ORG, answer

TOKEN = "00not-a-real-token"
REQUEST = ("GET", f"{ORG}/api/v1/logs")
REFUSED = answer(b"{}", status=401)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def auth(**settings: object) -> SswsAuth:
    return SswsAuth.model_validate({"method": "ssws", **settings})


def test_the_token_is_sent_as_okta_documents_it(token_file: Path) -> None:
    subject: Authenticator = SswsAuthenticator(auth(token_file=str(token_file)))
    assert dict(subject.headers(*REQUEST)) == {"Authorization": f"SSWS {TOKEN}"}


def test_header_and_prefix_can_be_others(token_file: Path) -> None:
    subject = SswsAuthenticator(auth(token_file=str(token_file), header="X-Api-Key", prefix=""))
    assert dict(subject.headers(*REQUEST)) == {"X-Api-Key": TOKEN}


def test_it_is_read_once_until_okta_refuses_it(token_file: Path) -> None:
    refreshed: list[int] = []
    subject = SswsAuthenticator(auth(token_file=str(token_file)), lambda: refreshed.append(1))
    subject.headers(*REQUEST)
    token_file.write_text("rotated")
    assert subject.headers(*REQUEST)["Authorization"] == f"SSWS {TOKEN}"
    subject.answered(subject.headers(*REQUEST), REFUSED)
    assert subject.headers(*REQUEST)["Authorization"] == "SSWS rotated"
    assert len(refreshed) == 1


def test_a_token_that_is_still_the_same_is_no_refresh(token_file: Path) -> None:
    refreshed: list[int] = []
    subject = SswsAuthenticator(auth(token_file=str(token_file)), lambda: refreshed.append(1))
    for _ in range(3):
        assert subject.headers(*REQUEST)["Authorization"] == f"SSWS {TOKEN}"
        subject.answered(subject.headers(*REQUEST), REFUSED)
    assert refreshed == []


def test_a_file_that_is_away_for_a_moment_is_tried_again(token_file: Path) -> None:
    subject = SswsAuthenticator(auth(token_file=str(token_file)))
    subject.headers(*REQUEST)
    subject.answered(subject.headers(*REQUEST), REFUSED)
    token_file.unlink()
    for _ in range(2):
        with pytest.raises(SecretError, match=str(token_file)):
            subject.headers(*REQUEST)
    token_file.write_text("back")
    assert subject.headers(*REQUEST)["Authorization"] == "SSWS back"


@pytest.mark.parametrize("content", ["", "two words", "two\nlines", "carriage\rreturn", "€uro", "bell\x07"])
def test_what_no_token_holds_is_refused_without_showing_it(token_file: Path, content: str) -> None:
    token_file.write_text(content)
    with pytest.raises(SecretError) as caught:
        SswsAuthenticator(auth(token_file=str(token_file))).headers(*REQUEST)
    assert str(token_file) in str(caught.value)
    assert not content or content not in str(caught.value)


def test_it_shows_its_token_to_nobody(token_file: Path) -> None:
    subject = SswsAuthenticator(auth(token_file=str(token_file)))
    subject.headers(*REQUEST)
    assert TOKEN not in repr(subject)
