"""How a tenant proves who it is, one module a method behind one interface."""

from okta_source.auth.base import Authenticator
from okta_source.auth.ssws import SswsAuthenticator

__all__ = ["Authenticator", "SswsAuthenticator"]
