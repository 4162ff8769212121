"""The authorization server of a simulated organisation: every way Okta lets a collector in but API tokens.

client, private_key = OAuthClient.with_new_key("0oa-collector", scopes=["okta.logs.read"])
organisation = Organisation("acme", oauth_clients=[client])
organisation.oauth.expire_tokens()
organisation.token_requests
"""

from okta_source.simulator.oauth.client import CALLBACK_URL, OAuthClient
from okta_source.simulator.oauth.server import AuthorizationServer, TokenRequest
from okta_source.simulator.oauth.state import Administrator

__all__ = ["CALLBACK_URL", "Administrator", "AuthorizationServer", "OAuthClient", "TokenRequest"]
