"""The interface between a transport and the ways to authenticate."""

from collections.abc import Mapping
from typing import Protocol

__all__ = ["Authenticator"]


class Authenticator(Protocol):
    """Gives each request its credential. Called on fetch threads only, never in a worker loop."""

    def headers(self) -> Mapping[str, str]:
        """The headers that authenticate the next request.

        Raises:
            okta_source.secret.SecretError: The secret can't be read just now.
        """
        ...

    def refused(self) -> None:
        """Okta has answered 401: whatever is cached is to be fetched anew before the next request."""
        ...
