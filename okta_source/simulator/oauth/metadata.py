"""`/.well-known/oauth-authorization-server` and `/.well-known/openid-configuration`."""

from typing import Any

from okta_source.simulator.oauth.client import AUTH_METHODS
from okta_source.simulator.oauth.jose import ALGORITHMS
from okta_source.simulator.oauth.token_endpoint import GRANT_TYPES, OIDC_SCOPES

__all__ = ["metadata"]


def metadata(issuer: str) -> dict[str, Any]:
    """The document; both addresses serve the same one.

    Args:
        issuer: The organisation's URL.
    """
    base = f"{issuer}/oauth2/v1"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/keys",
        "revocation_endpoint": f"{base}/revoke",
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": sorted(OIDC_SCOPES),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
    }
