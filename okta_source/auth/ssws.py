"""Okta API tokens: `Authorization: SSWS <token>`."""

from collections.abc import Callable, Mapping

from okta_source.config.api_token import CredentialProblem
from okta_source.config.secret import SecretError
from okta_source.config.ssws import SswsAuth
from okta_source.polling.outcome import Response

__all__ = ["SswsAuthenticator"]


class SswsAuthenticator:
    """Sends the token, without what people put around one (`okta_source.config.api_token`).

    After a 401 it is read from its reference again, so a rotated token file needs no restart.

    Args:
        config: Header, prefix and where the token is.
        on_refresh: Called when the token read anew is another one.
    """

    def __init__(self, config: SswsAuth, on_refresh: Callable[[], None] = lambda: None) -> None:
        self._config = config
        self._on_refresh = on_refresh
        self._last: Mapping[str, str] | None = None
        self._stale = True

    def headers(self, method: str, url: str) -> Mapping[str, str]:  # noqa: ARG002  # the same for every request
        """The header with the token.

        Raises:
            okta_source.config.secret.SecretError: The token can't be read, or is none.
        """
        if self._stale or self._last is None:
            fresh = self._read()
            if self._last is not None and fresh != self._last:
                self._on_refresh()
            self._last, self._stale = fresh, False
        return self._last

    def answered(self, sent: Mapping[str, str], response: Response) -> bool:
        """After a 401, read the token again before the next request; at once if there is another one already."""
        if response.status != 401:
            return False
        self._stale = True
        try:
            return self._read() != sent
        except SecretError:
            return False  # the next request says so

    def _read(self) -> Mapping[str, str]:
        text = self._config.token.read().reveal()
        # Read anew it may be anything; http.client would refuse it with an error that shows it.
        try:
            token = self._config.usable(text)
        except CredentialProblem as error:
            msg = f"{self._config.token} {error}"
            raise SecretError(msg) from None
        return {self._config.header: f"{self._config.prefix}{token}"}
