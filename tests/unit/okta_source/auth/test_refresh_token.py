"""Refresh tokens: rotated through the store, never used twice, and what is told when they end."""

import threading
from pathlib import Path
from typing import Any

import pytest

from okta_source.auth.base import CredentialError
from okta_source.auth.dpop import DpopProver
from okta_source.auth.refresh_token import RefreshTokenGrant
from okta_source.auth.token_endpoint import TokenEndpoint
from okta_source.auth.token_errors import Situation
from okta_source.auth.token_store import StoredToken, TokenStore, TokenStoreError
from okta_source.config.auth import RefreshTokenAuth
from okta_source.config.secret import Secret, SecretError
from okta_source.polling.outcome import Response, TransportFailure
from tests.unit.okta_source.auth.fakes import EC_KEY, FakeServer, pem, refused, segments, token, written
from tests.unit.okta_source.fakes import ORG, Clock

WEB = Situation("acme", ORG, "refresh_token", ("okta.logs.read",))
INVALID = refused("invalid_grant", "The refresh token is invalid or expired.", status=400)


class Tenant:
    """A web application with a store, and the server that it asks."""

    def __init__(self, folder: Path, *script: Any, dpop: bool = False, **settings: Any) -> None:
        self.server = FakeServer(*script)
        self.clock = Clock()
        self.store = TokenStore(folder / "state" / "acme.token")
        self.prover = DpopProver() if dpop else None
        self._config = RefreshTokenAuth.model_validate(
            {
                "method": "refresh_token",
                "client_id": "0oa1",
                "client_secret_file": written(folder, "secret", "s3cret"),
                "token_store": str(self.store.path),
                "dpop": dpop,
                **settings,
            }
        )
        self.grant = self.process()

    def process(self) -> RefreshTokenGrant:
        """What another process would have."""
        return RefreshTokenGrant(self._config, "acme", TokenEndpoint(self.server, WEB, self.prover), self.prover, self.clock)

    def stored(self) -> str:
        stored = self.store.read()
        assert stored
        return stored.refresh_token.reveal()

    def used(self) -> list[str]:
        return [form["refresh_token"] for form in self.server.forms]


def rotating(first: int = 2) -> Any:
    numbers = iter(range(first, 100))

    def give() -> Response:
        number = next(numbers)
        return token(f"at-{number}", refresh_token=f"rt-{number}")

    return give


def failed(grant: RefreshTokenGrant) -> TransportFailure:
    with pytest.raises(CredentialError) as caught:
        grant.obtain()
    assert caught.value.failure.stage == "token"
    return caught.value.failure


def test_each_use_brings_the_next_one(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"), client_id="0oa1")
    assert [tenant.grant.obtain().access_token.reveal() for _ in range(3)] == ["at-2", "at-3", "at-4"]
    assert tenant.used() == ["rt-1", "rt-2", "rt-3"]
    assert tenant.stored() == "rt-4"
    form = tenant.server.forms[0]
    assert form == {"grant_type": "refresh_token", "refresh_token": "rt-1", "scope": "okta.logs.read offline_access"}
    assert tenant.server.headers[0]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("more", [{}, {"refresh_token": "rt-1"}])
def test_a_token_that_stays_the_same_is_kept(tmp_path: Path, more: dict[str, str]) -> None:
    tenant = Tenant(tmp_path, token(**more))
    tenant.store.write(Secret("rt-1"))
    tenant.grant.obtain()
    tenant.grant.obtain()
    assert tenant.used() == ["rt-1", "rt-1"]
    assert tenant.stored() == "rt-1"


def test_the_new_one_is_stored_before_anything_is_done_with_what_came_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"))
    wrote: list[str] = []
    write = TokenStore.write

    def note(self: TokenStore, refresh_token: Secret, **more: Any) -> None:
        wrote.append(f"{refresh_token.reveal()} after {len(tenant.server.forms)} requests")
        write(self, refresh_token, **more)
        if refresh_token.reveal() == "rt-2":
            raise KeyboardInterrupt  # the process dies between write and use

    monkeypatch.setattr(TokenStore, "write", note)
    with pytest.raises(KeyboardInterrupt):
        tenant.grant.obtain()
    monkeypatch.undo()
    assert wrote == ["rt-1 after 0 requests", "rt-2 after 1 requests"]
    assert tenant.process().obtain().access_token.reveal() == "at-3"
    assert tenant.used() == ["rt-1", "rt-2"]


def test_a_disk_that_is_full_before_the_request_costs_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"))

    def full(self: TokenStore, refresh_token: Secret, **more: Any) -> None:
        raise TokenStoreError("token store cannot be written: No space left on device")

    monkeypatch.setattr(TokenStore, "write", full)
    found = failed(tenant.grant)
    assert found.error_type == "auth"
    assert "No space left" in found.detail
    assert tenant.server.forms == []
    monkeypatch.undo()
    assert tenant.grant.obtain().access_token.reveal() == "at-2"


def test_a_disk_that_is_full_after_the_request_loses_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"))
    write = TokenStore.write

    def full(self: TokenStore, refresh_token: Secret, **more: Any) -> None:
        if refresh_token.reveal() != "rt-1":
            raise TokenStoreError("token store cannot be written: No space left on device")
        write(self, refresh_token, **more)

    monkeypatch.setattr(TokenStore, "write", full)
    failed(tenant.grant)
    failed(tenant.grant)  # rt-2, which is nowhere but in memory, is not used either
    assert tenant.used() == ["rt-1"]
    monkeypatch.undo()
    assert tenant.grant.obtain().access_token.reveal() == "at-3"
    assert tenant.used() == ["rt-1", "rt-2"]
    assert tenant.stored() == "rt-3"


def test_what_authorize_has_written_since_wins_over_what_could_not_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"))
    write = TokenStore.write

    def full(self: TokenStore, refresh_token: Secret, **more: Any) -> None:
        if refresh_token.reveal() == "rt-2":
            raise TokenStoreError("token store cannot be written: No space left on device")
        write(self, refresh_token, **more)

    monkeypatch.setattr(TokenStore, "write", full)
    failed(tenant.grant)
    tenant.store.write(Secret("rt-authorized"))
    tenant.grant.obtain()
    assert tenant.used() == ["rt-1", "rt-authorized"]


def test_two_users_of_one_store_never_use_a_token_twice(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"))
    grants = [tenant.process() for _ in range(6)]
    threads = [threading.Thread(target=grant.obtain) for grant in grants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tenant.used() == [f"rt-{number}" for number in range(1, 7)]
    assert tenant.stored() == "rt-7"


def test_an_empty_store_is_filled_by_a_command_and_picked_up(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, rotating())
    for _ in range(2):
        found = failed(tenant.grant)
        assert found.error_type == "auth"
        assert "empty" in found.detail
        assert "python -m okta_source authorize --tenant acme" in found.fix
        assert found.most_wait_seconds <= 30
    assert tenant.server.forms == []
    assert not tenant.store.path.parent.exists()
    tenant.store.write(Secret("rt-1"))
    assert tenant.grant.obtain().access_token.reveal() == "at-2"


def test_another_clients_token_is_not_shown_to_okta(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"), client_id="0oaOther")
    found = failed(tenant.grant)
    assert "0oaOther, not for 0oa1" in found.detail
    assert "authorize" in found.fix
    assert tenant.server.forms == []


def test_a_refused_token_is_explained_and_not_shown_again_until_the_store_changes(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, INVALID, INVALID, rotating(6))
    tenant.store.write(Secret("rt-1"))
    found = failed(tenant.grant)
    assert "detect_reuse" in found.fix
    assert "python -m okta_source authorize --tenant acme" in found.fix
    assert failed(tenant.grant) == found
    assert len(tenant.server.forms) == 1
    tenant.clock.advance(301)
    failed(tenant.grant)
    assert len(tenant.server.forms) == 2
    tenant.store.write(Secret("rt-5"))
    assert tenant.grant.obtain().access_token.reveal() == "at-6"
    assert tenant.used() == ["rt-1", "rt-1", "rt-5"]


def test_other_failures_leave_the_token_good(tmp_path: Path) -> None:
    rate_limited = refused("invalid_grant", "API call exceeded rate limit due to too many requests.", status=429, Retry_After="5")
    tenant = Tenant(tmp_path, rate_limited, TransportFailure("timeout", "Late.", "Wait."), refused(), rotating())
    tenant.store.write(Secret("rt-1"))
    assert [failed(tenant.grant).error_type for _ in range(3)] == ["rate_limited", "timeout", "auth"]
    tenant.grant.obtain()
    assert tenant.used() == ["rt-1"] * 4


def test_a_client_secret_that_can_not_be_read_uses_up_nothing(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, rotating())
    tenant.store.write(Secret("rt-1"))
    (tmp_path / "secret").unlink()
    with pytest.raises(SecretError):
        tenant.grant.obtain()
    (tmp_path / "secret").write_text("s3cret")
    tenant.grant.obtain()
    assert tenant.used() == ["rt-1"]


def test_the_key_that_tokens_are_bound_to_lives_in_the_store(tmp_path: Path) -> None:
    bound = [token(f"at-{number}", kind="DPoP", refresh_token=f"rt-{number}") for number in (2, 3)]
    tenant = Tenant(tmp_path, *bound, dpop=True)
    tenant.store.write(Secret("rt-1"), client_id="0oa1")
    tenant.grant.obtain()
    tenant.prover = DpopProver()  # as after a restart
    tenant.process().obtain()
    keys = [segments(headers["DPoP"])[0]["jwk"] for headers in tenant.server.headers]
    assert keys[0] == keys[1]
    stored = tenant.store.read()
    assert stored
    assert stored.dpop_key
    tenant.store.write(stored.refresh_token, dpop_key=Secret("damaged"))
    assert "dpop_key" in failed(tenant.process()).detail


def test_a_key_file_is_used_where_there_is_one(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, token(kind="DPoP"), dpop=True, dpop_key_file=written(tmp_path, "dpop.pem", pem(EC_KEY)))
    tenant.store.write(Secret("rt-1"))
    tenant.grant.obtain()
    assert tenant.store.read() == StoredToken(Secret("rt-1"))
