"""The table of a webhook sink."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from sinks.config.http import HttpSinkCommon, check_header_value, is_plain_to_others, split_url
from sinks.config.values import EnvName, OptionalPath, Strict, look_up, problem
from sinks.webhook.encoding import MESSAGES, Encoding
from sinks.webhook.signature import check_secret

__all__ = ["HecConfig", "WebhookSinkConfig"]

_URL_ALLOWED: Final = "an http:// or https:// URL such as https://siem.example.com/ingest, without a fragment"
_URL_NO_USER: Final = "a URL without user and password: credentials go into headers_env or headers_file (this file holds no secrets)"
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS: Final = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
_CREDENTIAL_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


def _check_url(value: str) -> str:
    split_url(value, _URL_ALLOWED, _URL_NO_USER)
    if "#" in value:
        raise ValueError(_URL_ALLOWED)
    return value


def _check_value(value: str) -> str:
    check_header_value(value, "the value")
    return value


def _check_env(value: str, info: ValidationInfo) -> str:
    if not value:
        message = "the name of an environment variable that holds the header's value"
        raise ValueError(message)
    check_header_value(look_up(value, info), f"environment variable {value}")
    return value


def _check_file(value: Path | None, info: ValidationInfo) -> Path:
    if value is None:
        message = "the path of a file that holds the header's value"
        raise ValueError(message)
    check_header_value(look_up(value, info), f"file {value}")
    return value


class HecConfig(Strict):
    """What Splunk is told of each event: see `sinks.webhook.encoding.HecFields`.

    Attributes:
        sourcetype: The source type; by default that of Splunk's own Okta add-on, whose field extractions then apply, in format raw, and
            `okta:ecs` or `okta:ocsf` in the others.
        source: The source.
        index: The index; the token's own where it is empty.
        host: The host; the organisation's where it is empty.
    """

    sourcetype: str = Field("OktaIM2:log", description="a text")
    source: str = Field("okta", description="a text")
    index: str = Field("", description="a text")
    host: str = Field("", description="a text")


class WebhookSinkConfig(HttpSinkCommon):
    """Batches of events, posted to a URL.

    Attributes:
        type: Which type of sink this is.
        url_file: Where to, where the URL itself is a secret, as Slack's, Teams' and PagerDuty's are.
        url_env: The same in an environment variable.
        url: Where to, as it was written; this, `url_env` or `url_file`. Messages name its host alone.
        encoding: How a batch becomes a body: an array, a line for each event, or Splunk's HTTP Event Collector.
        secret_file: Signs requests as Standard Webhooks says, `whsec_` and base64; this or `secret_env`.
        secret_env: The same; this or `secret_file`.
        routing_key_file: With encoding pagerduty: the key of the service's integration; this or `routing_key_env`.
        routing_key_env: The same; this or `routing_key_file`.
        headers: Further headers, such as `{ X-Source = "okta" }`.
        headers_env: Those with credentials, such as `{ Authorization = "SPLUNK_AUTH" }`.
        headers_file: Those with credentials that stand in files.
        hec: What Splunk is told of each event, with `encoding = "hec"`.
        batch_events: The most events of one request.
    """

    type: Literal["webhook"] = Field("webhook", description="webhook")
    # Files stand before variables, and both before the URL: a validator sees the fields before its own.
    url_file: OptionalPath = Field(None, description="the path of a file that holds the URL")
    url_env: EnvName = Field("", description="the name of an environment variable that holds the URL")
    url: str = Field("", description=_URL_ALLOWED, validate_default=True)
    encoding: Encoding = Field("json", description="json, ndjson, hec, slack, pagerduty")
    secret_file: OptionalPath = Field(None, description="the path of a file that holds the signing secret")
    secret_env: EnvName = Field("", description="the name of an environment variable that holds the signing secret")
    routing_key_file: OptionalPath = Field(None, description="the path of a file that holds PagerDuty's routing key")
    routing_key_env: EnvName = Field("", description="the name of an environment variable that holds PagerDuty's routing key")
    headers: dict[str, Annotated[str, AfterValidator(_check_value)]] = Field(
        {}, description="a table of headers, in which every value is text in quotes"
    )
    headers_env: dict[str, Annotated[EnvName, AfterValidator(_check_env)]] = Field(
        {}, description="a table of headers, in which every value is the name of an environment variable"
    )
    headers_file: dict[str, Annotated[OptionalPath, AfterValidator(_check_file)]] = Field(
        {}, description="a table of headers, in which every value is the path of a file"
    )
    hec: HecConfig = Field(HecConfig(), description="a table with sourcetype, source, index and host")
    batch_events: int = Field(500, ge=1, le=100000, description="whole numbers from 1 to 100000")

    @property
    def sourcetype(self) -> str:
        """Splunk's source type, which follows the format unless it is given."""
        given = "sourcetype" in self.hec.model_fields_set or self.format == "raw"
        return self.hec.sourcetype if given else f"okta:{self.format}"

    @property
    def has_secret(self) -> bool:
        """Whether requests are signed."""
        return bool(self.secret_env or self.secret_file)

    def plain_to_others(self) -> Iterator[tuple[str | int, ...]]:
        """Where the table says that a secret goes over the network in the clear; a signature tells nobody its secret."""
        if (self.headers_env or self.headers_file) and self.url and is_plain_to_others(self.url):
            yield ("url",)

    def bare_credentials(self) -> Iterator[tuple[str | int, ...]]:
        """Where a credential seems to stand in the table itself."""
        yield from (("headers", name) for name in self.headers if name.lower() in _CREDENTIAL_HEADERS)

    @field_validator("url_file")
    @classmethod
    def _check_url_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            _check_secret_url(look_up(value, info), f"file {value}")
        return value

    @field_validator("url_env")
    @classmethod
    def _check_url_env(cls, value: str, info: ValidationInfo) -> str:
        if value:
            if info.data.get("url_file") is not None:
                message = "given beside url_file; needed: one of the two"
                raise problem(message)
            _check_secret_url(look_up(value, info), f"environment variable {value}")
        return value

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str, info: ValidationInfo) -> str:
        if not {"url_file", "url_env"} <= info.data.keys():
            return value  # one of them is told already
        elsewhere = info.data["url_env"] or info.data["url_file"]
        if value and elsewhere:
            message = "given beside url_env or url_file; needed: one of them"
            raise problem(message)
        if not value and not elsewhere:
            message = f"missing; needed: {_URL_ALLOWED}"
            raise problem(message)
        if value:
            _check_url(value)
        return value

    @field_validator("secret_file")
    @classmethod
    def _check_secret_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            _check_secret(look_up(value, info), f"file {value}")
        return value

    @field_validator("secret_env")
    @classmethod
    def _check_secret_env(cls, value: str, info: ValidationInfo) -> str:
        if value:
            if info.data.get("secret_file") is not None:
                message = "given beside secret_file; needed: one of the two"
                raise problem(message)
            _check_secret(look_up(value, info), f"environment variable {value}")
        return value

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: Encoding, info: ValidationInfo) -> Encoding:
        if value in MESSAGES and info.data.get("kinds", ("alerts",)) != ("alerts",):
            message = f'"{value}" is for alerts alone; needed: kinds = ["alerts"]'
            raise problem(message)
        if value in MESSAGES and info.data.get("format", "raw") != "raw":
            message = f'"{value}" is made of alerts in the format raw; needed: format = "raw"'
            raise problem(message)
        return value

    @field_validator("routing_key_file")
    @classmethod
    def _check_routing_key_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            _check_has_pagerduty(info)
            look_up(value, info)
        return value

    @field_validator("routing_key_env")
    @classmethod
    def _check_routing_key_env(cls, value: str, info: ValidationInfo) -> str:
        has_file = info.data.get("routing_key_file") is not None
        if value:
            _check_has_pagerduty(info)
            if has_file:
                message = "given beside routing_key_file; needed: one of the two"
                raise problem(message)
            look_up(value, info)
        elif not has_file and info.data.get("encoding") == "pagerduty" and "routing_key_file" in info.data:
            message = 'missing; needed with encoding = "pagerduty": the name of an environment variable that holds the routing key'
            raise problem(message)
        return value

    @field_validator("headers", "headers_env", "headers_file")
    @classmethod
    def _check_names(cls, value: dict[str, object], info: ValidationInfo) -> dict[str, object]:
        earlier = {name.lower(): table for table in ("headers", "headers_env", "headers_file") for name in info.data.get(table, {})}
        found = list(_bad_names(value, earlier))
        if found:
            raise problem("; ".join(found))
        return value

    @field_validator("hec", mode="before")
    @classmethod
    def _check_hec(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, dict) and info.data.get("encoding", "hec") != "hec":
            message = 'given without encoding = "hec"; needed: that encoding, or no such table'
            raise problem(message)
        return value


def _bad_names(names: Iterable[str], earlier: dict[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        lower = name.lower()
        if not _HEADER_NAME.fullmatch(name):
            yield f"{name!r} is no name of an HTTP header"
        elif lower in _OWN_HEADERS or lower.startswith("webhook-"):
            yield f"{name} is set by the sink itself; leave it out"
        elif lower in earlier:
            yield f"{name} stands in {earlier[lower]} already; a header has one value"
        elif lower in seen:
            yield f"{name} stands there twice; upper and lower case mean the same"
        seen.add(lower)


def _check_has_pagerduty(info: ValidationInfo) -> None:
    if info.data.get("encoding", "pagerduty") != "pagerduty":
        message = 'given without encoding = "pagerduty"; needed: that encoding, or no such key'
        raise problem(message)


def _check_secret_url(url: str | None, what: str) -> None:
    if url is None:
        return
    try:
        _check_url(url)
    except ValueError:
        message = f"{what} does not hold {_URL_ALLOWED}"
        raise problem(message) from None
    if is_plain_to_others(url):
        message = f"{what} holds an http:// URL, which everybody on the way can read; needed: https://"
        raise problem(message)


def _check_secret(secret: str | None, what: str) -> None:
    if secret is None:
        return
    try:
        check_secret(secret)
    except ValueError as error:
        message = f"{what}: {error}"
        raise problem(message) from None
