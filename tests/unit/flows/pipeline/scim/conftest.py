"""Events as the simulator makes them."""

import pytest

from okta_source.simulator.organisation import Organisation


@pytest.fixture(scope="session")
def simulated_lines() -> list[bytes]:
    organisation = Organisation("acme", events=400, seed=7)
    organisation.start()
    return organisation.persisted()
