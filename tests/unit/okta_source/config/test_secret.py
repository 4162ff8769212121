"""A secret shows itself to nobody who does not ask for it, and a reference names where it is."""

import copy
import dataclasses
import json
import pickle
from pathlib import Path

import pytest

from okta_source.config.secret import Secret, SecretError, SecretRef

VALUE = "00abc-not-to-be-seen"


@dataclasses.dataclass
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda secret: f"{secret:.2}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: repr([secret]),
        lambda secret: repr(Holder(secret)),
        lambda secret: repr(dataclasses.asdict(Holder(secret))),
        lambda secret: repr(copy.copy(secret)) + repr(copy.deepcopy([secret])),
        lambda secret: json.dumps({"secret": secret}, default=str),
        lambda secret: repr(SecretError(secret)),
    ],
)
def test_no_text_made_of_a_secret_holds_it(show) -> None:
    text = show(Secret(VALUE))
    assert "***" in text
    assert VALUE not in text
    assert VALUE[:2] not in text


def test_only_reveal_hands_the_value_out() -> None:
    secret = Secret(VALUE)
    assert secret.reveal() == VALUE
    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_never_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps({"state": Secret(VALUE)}, protocol)
    assert VALUE not in str(caught.value)


def test_secrets_are_equal_by_value_and_not_to_text() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret("\udcff") == Secret("\udcff")
    assert Secret(VALUE) != VALUE
    with pytest.raises(TypeError, match="unhashable"):
        {Secret(VALUE)}


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr("okta_source.config.secret.hmac.compare_digest", lambda one, other: compared.append((one, other)))
    Secret("a").__eq__(Secret("b"))
    assert compared == [(b"a", b"b")]


def test_a_variable_is_looked_up_in_the_given_environment() -> None:
    assert SecretRef(env="TOKEN").resolve({"TOKEN": VALUE}).reveal() == VALUE


def test_read_looks_in_the_environment_of_this_process_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = SecretRef(env="SOME_OKTA_TOKEN")
    monkeypatch.setenv("SOME_OKTA_TOKEN", "first")
    assert reference.read().reveal() == "first"
    monkeypatch.setenv("SOME_OKTA_TOKEN", "second")
    assert reference.read().reveal() == "second"


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    reference = SecretRef(file=file)
    assert reference.read().reveal() == "first"
    file.write_text("second\n")
    assert reference.read().reveal() == "second"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"t", "t"),
        (b"t\n", "t"),
        (b"t\r\n", "t"),
        (b"t\n\n", "t\n"),
        (b" t \n", " t "),
        (b"\xef\xbb\xbft\n", "t"),
        (b"-----BEGIN-----\nx\n-----END-----\n", "-----BEGIN-----\nx\n-----END-----"),
    ],
)
def test_one_line_break_at_the_end_of_a_file_is_not_the_secret(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    assert SecretRef(file=tmp_path / "token").resolve({}).reveal() == expected


@pytest.mark.parametrize("environ", [{}, {"TOKEN": ""}])
def test_a_variable_without_a_value_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SecretError, match=r"^environment variable TOKEN is not set or is empty$"):
        SecretRef(env="TOKEN").resolve(environ)


def test_a_file_without_a_secret_is_named(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(SecretError, match=rf"^file {file} cannot be read: No such file or directory$"):
        SecretRef(file=file).read()
    file.write_bytes(b"\n")
    with pytest.raises(SecretError, match=rf"^file {file} is empty$"):
        SecretRef(file=file).read()
    with pytest.raises(SecretError, match=rf"^file {tmp_path} cannot be read: Is a directory$"):
        SecretRef(file=tmp_path).read()
    with pytest.raises(SecretError, match="not UTF-8 text"):
        SecretRef(file=Path("no\0path")).read()


def test_an_unreadable_secret_is_not_in_the_error_nor_in_its_cause(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(VALUE.encode() + b"\xff")
    with pytest.raises(SecretError, match="not UTF-8 text") as caught:
        SecretRef(file=tmp_path / "token").read()
    assert VALUE not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("places", [{}, {"env": "A", "file": Path("b")}])
def test_a_reference_is_to_exactly_one_place(places: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        SecretRef(**places)


def test_a_reference_may_be_shown_and_pickled() -> None:
    reference = SecretRef(env="TOKEN")
    assert str(reference) == "environment variable TOKEN"
    assert str(SecretRef(file=Path("/a/b"))) == "file /a/b"
    assert pickle.loads(pickle.dumps(reference)) == reference  # noqa: S301


@pytest.mark.parametrize(("mode", "expected"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o620, False)])
def test_whether_others_may_read_a_file(mode: int, expected: bool, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t")
    file.chmod(mode)
    assert SecretRef(file=file).is_open_to_others() is expected


def test_a_variable_or_a_file_that_is_gone_is_open_to_nobody(tmp_path: Path) -> None:
    assert not SecretRef(env="TOKEN").is_open_to_others()
    assert not SecretRef(file=tmp_path / "gone").is_open_to_others()
