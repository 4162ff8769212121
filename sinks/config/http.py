"""What the tables of all sinks that speak HTTP share: addresses, TLS, header values, and how much goes into a request."""

import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationInfo, field_validator

from sinks.config.common import SinkCommon
from sinks.config.values import EnvName, ExistingFile, look_up, problem

__all__ = ["HttpSinkCommon", "check_header_value", "is_plain_to_others", "split_url"]

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?")


class HttpSinkCommon(SinkCommon):
    """How servers are verified, what proves this client to them, and how much goes into a request.

    Attributes:
        ca_file: Whom to trust instead of the system's and certifi's authorities.
        cert_file: The client's certificate.
        key_file: Its key.
        key_password_env: The key's password.
        verify: `false` trusts anybody, and is for tests: there is a warning at each start.
        verify_hostname: `false`: the authority alone has to be right.
        batch_bytes: The most bytes of events in a request of two or more.
        max_in_flight: Requests at once.
        request_timeout_seconds: How long an answer may take.
    """

    ca_file: ExistingFile = Field(None, description="the path of a PEM file of certificate authorities")
    cert_file: ExistingFile = Field(None, description="the path of the client certificate's PEM file")
    key_file: ExistingFile = Field(None, description="the path of the client key's PEM file")
    key_password_env: EnvName = Field("", description="the name of an environment variable")
    verify: bool = Field(default=True, description="true or false")
    verify_hostname: bool = Field(default=True, description="true or false")
    batch_bytes: int = Field(5_000_000, ge=1, le=100_000_000, description="whole numbers from 1 to 100000000")
    max_in_flight: int = Field(4, ge=1, le=64, description="whole numbers from 1 to 64")
    request_timeout_seconds: float = Field(30.0, gt=0, le=300, description="more than 0, up to 300")

    @field_validator("key_file")
    @classmethod
    def _check_key(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("cert_file", value) is None:
            message = "given without cert_file; needed: the certificate that this key belongs to"
            raise problem(message)
        return value

    @field_validator("key_password_env")
    @classmethod
    def _check_key_password(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        if info.data.get("cert_file", value) is None:
            message = "given without cert_file; needed: the certificate whose key this password opens"
            raise problem(message)
        look_up(value, info)
        return value


def split_url(text: str, allowed: str, no_user: str) -> SplitResult:
    """Take an absolute http or https URL apart.

    Args:
        text: The URL.
        allowed: What is allowed, for the error.
        no_user: What to do instead of writing a user and a password into it, for the error.

    Raises:
        ValueError: It is no such URL.
    """
    # urlsplit deletes tabs and line breaks without a word, so a text that holds any is refused before.
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(allowed)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(allowed) from None
    if "@" in parts.netloc:
        raise ValueError(no_user)
    if parts.scheme not in {"http", "https"} or not _is_host(parts.hostname or "") or port == 0 or parts.netloc.endswith(":"):
        raise ValueError(allowed)
    return parts


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _DOMAIN.fullmatch(host) is not None
    try:
        return isinstance(ip_address(host), IPv6Address) and "%" not in host
    except ValueError:
        return False


def is_plain_to_others(url: str) -> bool:
    """Whether what goes to this URL can be read on the way: plain http, and not to this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        return parts.scheme == "http" and host != "localhost" and not ip_address(host).is_loopback
    except ValueError:
        return True


def check_header_value(value: str | None, what: str | Path) -> None:
    """Refuse what can't stand in an HTTP header; the value is not in the error.

    Args:
        value: The value; None where it is not known.
        what: What holds it.

    Raises:
        PydanticCustomError: It holds a character that no header can carry, or a space at one of its ends.
    """
    if value is None:
        return
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        message = f"{what} holds a line break, a space at one of its ends, or another character that no HTTP header can carry"
        raise problem(message)
