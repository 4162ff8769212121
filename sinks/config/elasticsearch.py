"""The table of a sink for Elasticsearch or OpenSearch."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from sinks.config.api_key import ApiKeyProblem, usable_api_key
from sinks.config.http import HttpSinkCommon, is_plain_to_others, split_url
from sinks.config.values import SPAN_ALLOWED, EnvName, OptionalPath, Span, look_up, problem, to_tuple

__all__ = ["ElasticsearchSinkConfig"]

_HOST_ALLOWED: Final = "an http:// or https:// URL such as https://localhost:9200, maybe with a path, without query; also localhost:9200"
_HOST_NO_USER: Final = "a URL without user and password, which go into username and password_env (this file holds no secrets)"
_TARGET_ALLOWED: Final = (
    "the name of an index or data stream such as logs-okta.bytewax-default, in which {tenant} and {date} may stand and no other braces: "
    'lower case, without \\ / * ? " < > | , # : and spaces, at most 255 bytes, not beginning with -, _, + or a placeholder'
)
_ECS_TARGET: Final = "logs-okta.system-default"
"""Where Elastic's rules and dashboards for Okta look: `logs-okta*`."""
_BRACES: Final = re.compile(r"\{([^{}]*)\}|[{}]")
_PLACEHOLDERS: Final = ("tenant", "date")
# What Elasticsearch (MetadataCreateIndexService.validateIndexOrAliasName) and OpenSearch refuse.
_FORBIDDEN: Final = frozenset('\\/*?"<>| ,#:')
_MAX_NAME_BYTES: Final = 255
_LONGEST_TENANT: Final = "x" * 63
_ANY_DATE: Final = "2026-01-31"


def _check_host(value: str) -> str:
    text = value if "://" in value else f"https://{value}"
    parts = split_url(text, _HOST_ALLOWED, _HOST_NO_USER)
    if "?" in text or "#" in text or ".." in parts.path.split("/"):
        raise ValueError(_HOST_ALLOWED)
    return text.rstrip("/")


def _check_target(value: str) -> str:
    bad_braces = any(match[1] not in _PLACEHOLDERS for match in _BRACES.finditer(value))
    name = value.replace("{tenant}", _LONGEST_TENANT).replace("{date}", _ANY_DATE)
    if (
        bad_braces
        or not name.isprintable()
        or not _FORBIDDEN.isdisjoint(name)
        or name != name.lower()
        or name in ("", ".", "..")
        # A template whose pattern began with a placeholder would catch indices of others.
        or value[0] in "-_+{"
        or len(name.encode()) > _MAX_NAME_BYTES
    ):
        raise ValueError(_TARGET_ALLOWED)
    return value


class ElasticsearchSinkConfig(HttpSinkCommon):
    """Documents of an index or data stream in Elasticsearch or OpenSearch.

    Attributes:
        type: Which type of sink this is.
        hosts: The nodes of one cluster; one that fails is left out for the others. `host:9200` means https://.
        target: A data stream; with `{date}` an index per day. In format ecs, by default that of Elastic's own integration,
            `logs-okta.system-default`.
        manage_template: Whether the index template `okta-system-log-NAME` is installed at start.
        retention: How long the server keeps events: the data stream lifecycle of Elasticsearch from 8.11 on, OpenSearch's index state
            management; without it, what applies on the server anyway.
        username: For basic authentication, with `password_env` or `password_file`.
        password_file: The user's password; this or `password_env`.
        password_env: The user's password; this or `password_file`.
        api_key_file: An API key, instead of a user; this or `api_key_env`.
        api_key_env: An API key, instead of a user; this or `api_key_file`.
        compression: What is done to a request's body.
        batch_events: The most events of one request.
    """

    type: Literal["elasticsearch"] = Field("elasticsearch", description="elasticsearch")
    hosts: Annotated[tuple[Annotated[str, AfterValidator(_check_host)], ...], BeforeValidator(to_tuple)] = Field(
        min_length=1, description=f"a list of at least one host, {_HOST_ALLOWED}"
    )
    target: Annotated[str, AfterValidator(_check_target)] = Field(description=_TARGET_ALLOWED)
    manage_template: bool = Field(default=True, description="true or false")
    retention: Span = Field(None, description=SPAN_ALLOWED)
    username: str = Field("", description="a user's name, without a colon")
    # Files stand before variables: a validator sees the fields before its own.
    password_file: OptionalPath = Field(None, description="the path of a file that holds the user's password")
    password_env: EnvName = Field("", description="the name of an environment variable that holds the user's password")
    api_key_file: OptionalPath = Field(None, description="the path of a file that holds an API key")
    api_key_env: EnvName = Field("", description="the name of an environment variable that holds an API key")
    compression: Literal["none", "gzip"] = Field("none", description="none, gzip")
    batch_events: int = Field(2000, ge=1, le=100000, description="whole numbers from 1 to 100000")

    @model_validator(mode="before")
    @classmethod
    def _set_target(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(data, dict) and "target" not in data:
            context = info.context if isinstance(info.context, dict) else {}
            if data.get("format", context.get("format")) == "ecs":
                return {**data, "target": _ECS_TARGET}
        return data

    @property
    def has_credentials(self) -> bool:
        """Whether a secret goes along with each request."""
        return bool(self.username or self.api_key_env or self.api_key_file)

    def plain_to_others(self) -> Iterator[tuple[str | int, ...]]:
        """Where the table says that a secret goes over the network in the clear."""
        if self.has_credentials:
            yield from (("hosts", index) for index, host in enumerate(self.hosts) if is_plain_to_others(host))

    @field_validator("retention")
    @classmethod
    def _check_retention(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if value is not None and not info.data.get("manage_template", True):
            message = "is set with the index template; leave manage_template at true, or leave retention out and set a lifecycle yourself"
            raise problem(message)
        return value

    @field_validator("username")
    @classmethod
    def _check_username(cls, value: str) -> str:
        if ":" in value or not value.isprintable():
            message = "a user's name, without a colon"
            raise ValueError(message)
        return value

    @field_validator("password_file")
    @classmethod
    def _check_password_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            if not info.data.get("username", "invalid"):
                message = "given without username; needed: the user whose password it is"
                raise problem(message)
            look_up(value, info)
        return value

    @field_validator("password_env")
    @classmethod
    def _check_password_env(cls, value: str, info: ValidationInfo) -> str:
        if not info.data.get("username", "invalid"):
            if value:
                message = "given without username; needed: the user whose password it is"
                raise problem(message)
            return value
        if "password_file" not in info.data or "username" not in info.data:
            return value  # wrong themselves, which is reported already
        if bool(value) == (info.data["password_file"] is not None):
            found = "given beside password_file" if value else "missing beside username"
            message = f"{found}; needed: exactly one of password_env (a variable's name) and password_file (a path)"
            raise problem(message)
        if value:
            look_up(value, info)
        return value

    @field_validator("api_key_file")
    @classmethod
    def _check_api_key_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            _no_user_beside(info)
            _check_api_key(look_up(value, info), f"file {value}")
        return value

    @field_validator("api_key_env")
    @classmethod
    def _check_api_key_env(cls, value: str, info: ValidationInfo) -> str:
        if value:
            _no_user_beside(info)
            if info.data.get("api_key_file") is not None:
                message = "given beside api_key_file; needed: one of the two"
                raise problem(message)
            _check_api_key(look_up(value, info), f"environment variable {value}")
        return value


def _check_api_key(text: str | None, where: str) -> None:
    if text is None:
        return
    try:
        usable_api_key(text)
    except ApiKeyProblem as error:
        message = f"{where} {error}"
        raise problem(message) from None


def _no_user_beside(info: ValidationInfo) -> None:
    if info.data.get("username"):
        message = "given beside username; needed: an API key, or a user and a password, not both"
        raise problem(message)
