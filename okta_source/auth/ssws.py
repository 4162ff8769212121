"""Okta API tokens: `Authorization: SSWS <token>`."""

from collections.abc import Callable, Mapping

from okta_source.config import SswsAuth

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
            okta_source.secret.SecretError: The token can't be read.
        """
        if self._stale or self._last is None:
            fresh = {self._config.header: f"{self._config.prefix}{self._config.token.read().reveal()}"}
            if self._last is not None and fresh != self._last:
                self._on_refresh()
            self._last, self._stale = fresh, False
        return self._last

    def refused(self) -> None:
        """Read the token again before the next request."""
        self._stale = True
