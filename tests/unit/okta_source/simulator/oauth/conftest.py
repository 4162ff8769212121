from collections.abc import Callable, Iterator
from typing import Any

import pytest

from okta_source.simulator import OAuthClient, Organisation, Simulator
from okta_source.simulator.oauth.jose import new_key
from tests.unit.okta_source.simulator.oauth.rig import CALLBACK, Rig

RigFor = Callable[..., Rig]


@pytest.fixture(scope="session")
def rsa_key() -> dict[str, Any]:
    return new_key("RS256", "rsa-1")


@pytest.fixture(scope="session")
def other_key() -> dict[str, Any]:
    return new_key("RS256", "rsa-2")


@pytest.fixture(scope="session")
def dpop_key() -> dict[str, Any]:
    return new_key("ES256", "dpop-1")


@pytest.fixture
def organisation() -> Organisation:
    return Organisation("acme", events=3, body_form="content-length")


@pytest.fixture
def rig_for(organisation: Organisation) -> Iterator[RigFor]:
    """Registers a client and gives it somebody to act for it."""
    made: list[Rig] = []
    with Simulator([organisation]) as simulator:

        def make(client: OAuthClient, key: dict[str, Any] | None = None) -> Rig:
            made.append(Rig(simulator, organisation, organisation.register(client), key))
            return made[-1]

        yield make
        for rig in made:
            rig.session.close()


@pytest.fixture
def service(rig_for: RigFor, rsa_key: dict[str, Any]) -> Rig:
    """A service app with a key pair."""
    return rig_for(OAuthClient(client_id="0oa-service", jwks=[rsa_key]), rsa_key)


@pytest.fixture
def integration(rig_for: RigFor) -> Rig:
    """An API service integration with a secret."""
    return rig_for(OAuthClient(client_id="0oa-integration", auth_method="client_secret_basic"))


@pytest.fixture
def web(rig_for: RigFor) -> Rig:
    """A web application that people sign in to."""
    return rig_for(OAuthClient(client_id="0oa-web", auth_method="client_secret_basic", redirect_uris=[CALLBACK], name="Collector <1>"))
