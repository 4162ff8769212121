"""Okta API tokens: `Authorization: SSWS <token>`."""

from collections.abc import Callable, Mapping

from okta_source.config import SswsAuth
from okta_source.secret import SecretError

__all__ = ["SswsAuthenticator"]


class SswsAuthenticator:
    """Sends the token as it stands; after a 401 it is read from its reference again, so a rotated token file needs no restart.

    Args:
        config: Header, prefix and where the token is.
        on_refresh: Called when the token read anew is another one.
    """

    def __init__(self, config: SswsAuth, on_refresh: Callable[[], None] = lambda: None) -> None:
        self._config = config
        self._on_refresh = on_refresh
        self._last: Mapping[str, str] | None = None
        self._stale = True

    def headers(self) -> Mapping[str, str]:
        """The header with the token.

        Raises:
            okta_source.secret.SecretError: The token can't be read, or is none.
        """
        if self._stale or self._last is None:
            token = self._config.token.read().reveal()
            # Read anew it may be anything; http.client would refuse it with an error that shows it.
            if not (token.isascii() and token.isprintable() and " " not in token):
                msg = f"{self._config.token} holds a space, line break or other character that no Okta token has"
                raise SecretError(msg)
            fresh = {self._config.header: f"{self._config.prefix}{token}"}
            if self._last is not None and fresh != self._last:
                self._on_refresh()
            self._last, self._stale = fresh, False
        return self._last

    def refused(self) -> None:
        """Read the token again before the next request."""
        self._stale = True
