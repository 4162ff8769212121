"""The interface between a transport and the ways to authenticate."""

from collections.abc import Mapping
from typing import Protocol

from okta_source.polling.outcome import Response, TransportFailure

__all__ = ["Authenticator", "CredentialError"]


class CredentialError(Exception):
    """There is no credential to send.

    Attributes:
        failure: Why, and what to do about it; without secrets.
    """

    def __init__(self, failure: TransportFailure) -> None:
        super().__init__(f"{failure.detail} {failure.fix}")
        self.failure = failure


class Authenticator(Protocol):
    """Gives each request its credential. Called on fetch threads only, never in a worker loop."""

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """The headers that authenticate the next request, made anew for each.

        Args:
            method: The request's HTTP method.
            url: The request's whole URL.

        Raises:
            okta_source.config.secret.SecretError: The secret can't be read just now.
            CredentialError: No access token could be had.
        """
        ...

    def answered(self, sent: Mapping[str, str], response: Response) -> bool:
        """Take note of an answer: after a 401, whatever is cached is given up.

        Args:
            sent: What `headers` gave for the request.
            response: What Okta answered.

        Returns:
            Whether the request is to be sent again at once, with new headers, since those may be taken.
        """
        ...
