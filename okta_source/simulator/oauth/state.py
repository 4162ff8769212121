"""What the endpoints of one organisation's authorization server share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from okta_source.simulator.oauth.assertion import AssertionChecker
from okta_source.simulator.oauth.client import OAuthClient
from okta_source.simulator.oauth.dpop import Nonces, ProofChecker
from okta_source.simulator.oauth.minting import Mint
from okta_source.simulator.oauth.tokens import AccessToken, TokenStore
from okta_source.simulator.records import Request

__all__ = ["Administrator", "OAuthState"]


@dataclass
class Administrator:
    """Somebody who can sign in.

    Attributes:
        username: The name to sign in with.
        password: The password.
        role: The administrator role; without one, Okta's API scopes can't be consented to, and their tokens get 403.
        active: A deactivated person's tokens are worth nothing.
    """

    username: str
    password: str = field(repr=False)
    role: str = "Read-only Administrator"
    active: bool = True


@dataclass
class OAuthState:
    """Clients, people, tokens.

    Attributes:
        public_url: Tells the URL under which clients know the organisation, when they come through a proxy; None: what they call.
        clients: The clients by id.
        administrators: The people by name.
        tokens: What was issued.
        mint: Makes tokens.
        nonces: The DPoP nonces.
        proofs: Checks DPoP proofs.
        assertions: Checks client assertions.
    """

    public_url: Callable[[], str | None]
    clients: dict[str, OAuthClient] = field(default_factory=dict)
    administrators: dict[str, Administrator] = field(default_factory=dict)
    tokens: TokenStore = field(default_factory=TokenStore)
    mint: Mint = field(default_factory=Mint)
    nonces: Nonces = field(default_factory=Nonces)
    assertions: AssertionChecker = field(default_factory=AssertionChecker)

    def __post_init__(self) -> None:
        self.proofs = ProofChecker(self.nonces)

    def issuer(self, request: Request) -> str:
        """The organisation's URL, as clients are to know it."""
        return self.public_url() or request.base_url

    def urls(self, request: Request) -> set[str]:
        """The URL that was called, without its query, and as it is known outside a proxy."""
        return {request.base_url + request.path, self.issuer(request) + request.path}

    def is_live(self, token: AccessToken) -> bool:
        """Whether the app and the person behind a token are still there and active."""
        client = self.clients.get(token.client_id)
        if client is None or not client.active:
            return False
        if token.sign_in is None:
            return True
        person = self.administrators.get(token.sign_in.username)
        return person is not None and person.active

    def has_role(self, token: AccessToken) -> bool:
        """Whether whoever is behind a token is an administrator."""
        if token.sign_in is None:
            return bool(self.clients[token.client_id].admin_role)
        return bool(self.administrators[token.sign_in.username].role)
