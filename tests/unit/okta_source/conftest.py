from collections.abc import Iterator
from typing import Any

import pytest

from okta_source.auth import SswsAuthenticator
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.transport import OktaTransport
from okta_source.http.client import HttpClient
from tests.unit.okta_source.wire import PATIENCE, TOKEN, Connect


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Makes transports for an origin and closes them."""
    monkeypatch.setenv("TEST_OKTA_TOKEN", TOKEN)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    made: list[OktaTransport] = []

    def make(org_url: str, **settings: Any) -> OktaTransport:
        auth = {"method": "ssws", "token_env": "TEST_OKTA_TOKEN"}
        tenant = TenantConfig.model_validate(
            {"name": "acme", "org_url": org_url, "auth": auth, "request_timeout_seconds": PATIENCE, **settings}
        )
        made.append(OktaTransport(HttpClient(tenant), SswsAuthenticator(tenant.auth)))
        return made[-1]

    yield make
    for transport in made:
        transport.close()
