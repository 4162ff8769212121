"""The `[tenants.auth]` table of an API token, `method = "ssws"`.

The order of the fields matters: a validator sees the fields before its own. So the header stands before the token that has to fit it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from okta_source.config.api_token import usable_credential
from okta_source.config.secret import SecretRef
from okta_source.config.strict import EnvName, OptionalPath, Strict, check_credential, check_one_reference, header_name

__all__ = ["SswsAuth"]

_SCHEME: Final = "SSWS"


def _is_oktas_own(fields: Mapping[str, Any]) -> bool:
    """Whether a token goes to Okta itself, and not in a header of its own to something in front."""
    return fields.get("header") == "Authorization" and fields.get("prefix") == f"{_SCHEME} "


class SswsAuth(Strict):
    """An Okta API token, sent as it is with every request.

    Attributes:
        method: Which of the ways in this is.
        header: The header that the token is sent in.
        prefix: What stands before it there.
        token_file: The token; this or `token_env`. The file is read again after a 401.
        token_env: The token; this or `token_file`.
    """

    method: Literal["ssws"] = Field("ssws", description="ssws")
    header: str = Field("Authorization", description="the name of an HTTP header")
    prefix: str = Field("SSWS ", description="printable ASCII characters, put before the token")
    token_file: OptionalPath = Field(None, description="the path of a file that holds the token")
    token_env: EnvName = Field("", description="the name of an environment variable that holds the token")

    @property
    def token(self) -> SecretRef:
        """Where the token is to be found."""
        return SecretRef(env=self.token_env, file=self.token_file)

    def usable(self, text: str) -> str:
        """The token in a text that was found there.

        Raises:
            CredentialProblem: There is none in it.
        """
        return usable_credential(text, "Okta token", _SCHEME, is_oktas=_is_oktas_own({"header": self.header, "prefix": self.prefix}))

    @field_validator("header")
    @classmethod
    def _check_header(cls, value: str) -> str:
        return header_name(value)

    @field_validator("prefix")
    @classmethod
    def _check_prefix(cls, value: str) -> str:
        if not (value.isascii() and value.isprintable()):
            message = "printable ASCII characters, put before the token"
            raise ValueError(message)
        return value

    @field_validator("token_file")
    @classmethod
    def _check_token_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            check_credential(SecretRef(file=value), info, "Okta token", _SCHEME, is_oktas=_is_oktas_own(info.data))
        return value

    @field_validator("token_env")
    @classmethod
    def _check_token_env(cls, value: str, info: ValidationInfo) -> str:
        if reference := check_one_reference(value, info, "token_file"):
            check_credential(reference, info, "Okta token", _SCHEME, is_oktas=_is_oktas_own(info.data))
        return value
