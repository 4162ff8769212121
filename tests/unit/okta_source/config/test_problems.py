"""Problems in words, also for the unions that more than one method, type or format will make."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from okta_source.config.problems import ConfigurationError, Problem, explain, toml_path


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Key(Strict):
    method: Literal["key"] = Field(description="key")
    key_file: str = Field(description="a path")


class Password(Strict):
    method: Literal["password", "old_password"] = Field(description="password")
    user: str = Field(description="a user's name")
    port: int | None = Field(None, description="1 to 65535", ge=1, le=65535)


Auth = Annotated[Key | Password, Field(discriminator="method")]


class Host(Strict):
    auth: Auth = Field(description="a table [hosts.auth]")
    backups: dict[str, Auth] = Field({}, description="tables")
    ports: list[int] = Field([], description="a list of ports")


class Document(Strict):
    hosts: list[Host] = Field(min_length=1, description="at least one [[hosts]] table")


KEY = {"method": "key", "key_file": "x"}


def told(**host: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Document.model_validate({"hosts": [{"auth": KEY}, {"auth": KEY, **host}]})
    return [f"{toml_path(place)}: {text}" for place, text in explain(caught.value, Document)]


def test_the_tag_of_a_union_is_no_part_of_the_path() -> None:
    assert told(
        auth={"method": "old_password", "port": 0, "usr": "x"},
        backups={"far away": {"method": "key", "key_file": "x", "more": 1}},
    ) == [
        "hosts[1].auth.user: missing; needed: a user's name",
        "hosts[1].auth.port: *** is not allowed; allowed: 1 to 65535",
        "hosts[1].auth.usr: unknown key; did you mean user? allowed: method, port, user",
        'hosts[1].backups."far away".more: unknown key; allowed: key_file, method',
    ]


def test_a_wrong_tag_is_told_at_its_key_with_all_there_are_and_nothing_else() -> None:
    assert told(auth={"method": "keys", "user": "x"}, backups={"b": {"key_file": "x"}}) == [
        'hosts[1].auth.method: "keys" is not allowed; allowed: key, password, old_password',
        "hosts[1].backups.b.method: missing; needed: key, password, old_password",
    ]


def test_a_wrong_item_is_told_with_what_its_list_allows() -> None:
    assert told(ports=[1, "2", True]) == [
        'hosts[1].ports[1]: "2" is not allowed; allowed: a list of ports',
        "hosts[1].ports[2]: true is not allowed; allowed: a list of ports",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\nb", '"a\\nb"'),
        ("ä", '"ä"'),
        ('"', '"\\""'),
        ("x" * 500, '"' + "x" * 100 + '…"'),
        ("https://user:hunter2@host/", '"https://***@host/"'),
        ("user:hunter2@host", '"***@host"'),
        ("https://host/?token=hunter2", '"https://host/?***"'),
        (1 << 63, "a number beyond TOML's range"),
        pytest.param(1 << 20000, "a number beyond TOML's range", id="huge"),
        (-7, "-7"),
        (1.5, "1.5"),
        (False, "false"),
        ([], "an empty array"),
        (["hunter2"], "an array"),
        ({"a": "hunter2"}, "a table"),
    ],
)
def test_an_offending_value_is_shown_briefly_on_one_line_and_without_secrets(value: object, shown: str) -> None:
    class Table(Strict):
        key: Literal["right"] = Field(description="right")

    with pytest.raises(ValidationError) as caught:
        Table.model_validate({"key": value})
    assert list(explain(caught.value, Table)) == [(("key",), f"{shown} is not allowed; allowed: right")]


def test_what_stands_where_a_variables_name_belongs_is_never_shown() -> None:
    class Table(Strict):
        password_env: str = Field(description="a variable's name", pattern="^[A-Z]+$")

    with pytest.raises(ValidationError) as caught:
        Table.model_validate({"password_env": "hunter2"})
    assert list(explain(caught.value, Table)) == [(("password_env",), "*** is not allowed; allowed: a variable's name")]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ((), ""),
        (("tenants", 1, "auth", "token_env"), "tenants[1].auth.token_env"),
        (("sinks", "two words", "path"), 'sinks."two words".path'),
        (("", "a.b"), '"".' + '"a.b"'),
        (("a\nb",), '"a\\nb"'),
    ],
)
def test_a_path_is_written_as_in_toml(location: tuple[str | int, ...], path: str) -> None:
    assert toml_path(location) == path


def test_an_error_has_one_line_per_problem_whatever_they_hold() -> None:
    error = ConfigurationError([Problem("a.toml", "x[1]", "wrong"), Problem("a.toml", "", "two\nlines\x85more")])
    assert str(error) == "a.toml: x[1]: wrong\na.toml: two lines more"
    assert error.problems[0].path == "x[1]"
