"""Who may read the log: API tokens and OAuth access tokens."""

from okta_source.simulator.errors import OktaError
from okta_source.simulator.oauth.errors import OAuthError
from okta_source.simulator.oauth.jose import ALGORITHMS
from okta_source.simulator.oauth.state import OAuthState
from okta_source.simulator.oauth.tokens import AccessToken
from okta_source.simulator.records import Request
from okta_source.simulator.settings import Settings

__all__ = ["Gate"]

_SCOPE = "okta.logs.read"
_TOO_LITTLE = "The access token provided does not contain the required scopes."


class Gate:
    """Lets requests with a good credential through.

    Args:
        settings: The API token, and tokens that are good without having been issued.
        state: The tokens that were issued.

    Attributes:
        demands_nonce: Whether proofs for API requests need a nonce. Okta doesn't ask for one so far; RFC 9449 allows it.
    """

    def __init__(self, settings: Settings, state: OAuthState) -> None:
        self.demands_nonce = False
        self._settings = settings
        self._state = state

    def admit(self, request: Request, now: float, scope: str = _SCOPE) -> None:
        """Check a request's Authorization header.

        Args:
            request: The request.
            now: Unix time.
            scope: What an access token must be good for.

        Raises:
            OktaError: 401, 403, or 400 for what is wrong with a DPoP proof.
        """
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme in ("Bearer", "DPoP"):
            self._admit_token(scheme, credential, request, now, scope)
        elif scheme != "SSWS" or credential != self._settings.token:
            raise OktaError(401, "E0000011")
        elif self._settings.forbidden:
            raise OktaError(403, "E0000006")

    def _admit_token(self, scheme: str, credential: str, request: Request, now: float, scope: str) -> None:
        if scheme == "Bearer" and credential in self._settings.bearer_tokens:
            if self._settings.forbidden:
                raise self._refusal(scheme, request, 403, "insufficient_scope", _TOO_LITTLE)
            return
        token = self._good_token(scheme, credential, request, now)
        if token.key_thumbprint:
            self._check_proof(scheme, token, request, now)
        elif scheme == "DPoP":
            raise self._refusal(scheme, request, 401, "invalid_token", "The presented access_token is not DPoP bound.")
        if scope not in token.scopes:
            raise self._refusal(scheme, request, 403, "insufficient_scope", _TOO_LITTLE)
        if self._settings.forbidden or not self._state.has_role(token):
            raise OktaError(403, "E0000006")

    def _good_token(self, scheme: str, credential: str, request: Request, now: float) -> AccessToken:
        token = self._state.tokens.access_tokens.get(credential)
        reason = ""
        if token is None or not self._state.is_live(token):
            reason = "The access token is invalid."
        elif token.revoked:
            reason = "The access token has been revoked."
        elif token.expires_at <= now:
            reason = "The token has expired."
        if token is None or reason:
            raise self._refusal(scheme, request, 401, "invalid_token", reason)
        return token

    def _check_proof(self, scheme: str, token: AccessToken, request: Request, now: float) -> None:
        if scheme != "DPoP":
            text = "The resource request must use the DPoP authentication scheme when using a DPoP bound token."
            raise self._refusal("DPoP", request, 400, "invalid_request", text)
        proof = request.headers.get("dpop", "")
        if not proof:
            raise self._refusal(scheme, request, 400, "invalid_request", "The resource request requires a DPoP proof.")
        urls = self._state.urls(request)
        try:
            signer = self._state.proofs.check(proof, request.method, urls, now, with_nonce=self.demands_nonce, token=token.value)
        except OAuthError as error:
            status = 401 if error.error == "use_dpop_nonce" else error.status
            raise self._refusal(scheme, request, status, error.error, error.description, error.headers) from None
        if signer != token.key_thumbprint:
            text = "The access_token is not bound to the provided DPoP proof."
            raise self._refusal(scheme, request, 400, "invalid_dpop_proof", text)

    def _refusal(
        self, scheme: str, request: Request, status: int, error: str, description: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> OktaError:
        """A refused token: the reason stands in `www-authenticate`; only a 401 for the token itself has a body too."""
        issuer = self._state.issuer(request)
        members = {"authorization_uri": f"{issuer}/oauth2/v1/authorize", "realm": issuer, "scope": _SCOPE}
        if scheme == "DPoP":
            members = {"algs": " ".join(ALGORITHMS), **members}
        members |= {"error": error, "error_description": description, "resource": request.path}
        challenge = f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in members.items())
        with_body = error == "invalid_token"
        return OktaError(status, "E0000011" if with_body else "", empty=not with_body, authenticate=challenge, headers=headers)
