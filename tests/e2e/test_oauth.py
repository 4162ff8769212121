"""Every method in one run of the real flow: tokens expire, rotate and are revoked, processes are killed, and every event is there once."""

import itertools
import signal
import time
from pathlib import Path

import pytest

from okta_source.simulator import Simulator
from okta_source.simulator.certificates import CertificateAuthority
from tests.e2e.harness import Workplace, free_ports, scrape, wait_for
from tests.e2e.ways_in import WayIn

pytestmark = pytest.mark.slow

SHORT_LIFE_SECONDS = 10
TAKES_ROTATED_ONCE_MORE = {"rotation_leeway_seconds": 30.0}  # as Okta does


def complete(place: Workplace, ways: list[WayIn]) -> bool:
    return all(place.count(way.name) == len(way.organisation) for way in ways)


def more_events_arrive(place: Workplace, ways: list[WayIn]) -> None:
    for way in ways:
        way.organisation.append(30)
    wait_for(lambda: complete(place, ways), "new events", 20.0)


def tokens_fetched(ways: list[WayIn], count: int) -> None:
    """Wait for the last one: a request that came in before time was turned on may still be served with events of afterwards."""
    wait_for(lambda: all(way.outcomes.count("granted") >= count for way in ways), f"token {count} of each", 10.0)
    assert [way.outcomes.count("granted") for way in ways] == [count] * len(ways)


def test_an_expired_rotated_and_revoked_token_a_crash_and_every_event_once(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    folder = place.folder / "tokens"
    token = WayIn.make(folder, "token", "ssws")
    elliptic = WayIn.make(folder, "elliptic", "private_key_jwt", algorithm="ES256", app={"dpop": True})
    secure = WayIn.make(folder, "secure", "private_key_jwt", algorithm="RS256")
    secret = WayIn.make(folder, "secret", "client_secret")
    web = WayIn.make(folder, "web", "refresh_token", app={"dpop": True, **TAKES_ROTATED_ONCE_MORE})
    ways = [token, elliptic, secure, secret, web]
    apps = ways[1:]
    authority = CertificateAuthority()
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    web.authorize()
    first = web.store.read()
    plain = [way.organisation for way in ways if way is not secure]
    (port,) = free_ports(1)
    environment = {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port), "NO_PROXY": "*"}
    with Simulator(plain) as sim, Simulator([secure.organisation], ssl_context=authority.server_context("127.0.0.1")) as secure_sim:
        place.entries = [way.entry(sim.url(way.name)) for way in ways if way is not secure]
        place.entries.append(secure.entry(secure_sim.url("secure"), ca_file=tmp_path / "ca.pem"))
        place.write()
        place.make_state()
        with place.run() as flow:
            wait_for(lambda: complete(place, ways), "the backlog", 20.0)
            assert "WARNING" not in flow.output(), flow.output()
            flow.kill()
        for way in ways:
            way.organisation.append(30)
        with place.run(environment=environment) as flow:
            wait_for(lambda: complete(place, ways), "what came after the crash", 20.0)
            tokens_fetched(apps, 2)

            # Two hours pass, and all that an administrator can rotate is rotated in between.
            for way in ways:
                way.organisation.advance_clock(3600)
            more_events_arrive(place, ways)
            tokens_fetched(apps, 3)
            token.rotate_token()
            elliptic.rotate_key("ES256")
            secure.rotate_key("RS256")
            secret.rotate_secret()
            for way in ways:
                way.organisation.advance_clock(3600)
            more_events_arrive(place, ways)
            tokens_fetched(apps, 4)

            for way in apps:
                way.organisation.oauth.revoke_tokens()
            more_events_arrive(place, ways)
            tokens_fetched(apps, 5)
            metrics = scrape(port)
            code, _ = flow.stop(signal.SIGTERM)
            assert code == 0, flow.output()
            warnings = [line for line in flow.output().splitlines() if "WARNING" in line]
            assert all("this machine's clock is" in line for line in warnings), flow.output()  # as it is, since Okta's hours passed
    for way in ways:
        place.judge(way.organisation)
    # One token for each process, for each of two ends, and for the revocation: not one more.
    for way in apps:
        # Each process asks for the nonce once: it is Okta's to give.
        nonces = ["use_dpop_nonce"] if way in (elliptic, web) else []
        assert way.outcomes == [*nonces, "granted", *nonces, *["granted"] * 4], way.name
        assert [request.status for request in way.organisation.requests if request.status != 200] == [401] * 3
        assert metrics[f'okta_token_refreshes_total{{tenant="{way.name}"}}'] == 4
        assert metrics[f'okta_tenant_up{{tenant="{way.name}"}}'] == 1
        assert 3000 < metrics[f'okta_access_token_expires_timestamp_seconds{{tenant="{way.name}"}}'] - time.time() < 3600  # by our clock
    assert 'okta_access_token_expires_timestamp_seconds{tenant="token"}' not in metrics
    assert not any(name.startswith("okta_errors_total") for name in metrics)
    last = web.store.read()
    assert first
    assert last
    assert first.refresh_token != last.refresh_token
    assert first.dpop_key == last.dpop_key
    assert web.store.path.stat().st_mode & 0o777 == 0o600
    schemes = {way.name: {request.headers["authorization"].partition(" ")[0] for request in way.organisation.requests} for way in ways}
    assert schemes == {"token": {"SSWS"}, "elliptic": {"DPoP"}, "secure": {"Bearer"}, "secret": {"Bearer"}, "web": {"DPoP"}}


def test_an_empty_store_and_a_revoked_sign_in_stop_nobody_else_and_recover_without_a_restart(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    folder = place.folder / "tokens"
    empty = WayIn.make(folder, "empty", "refresh_token")
    revoked = WayIn.make(folder, "revoked", "refresh_token", app=TAKES_ROTATED_ONCE_MORE)
    short = WayIn.make(folder, "short", "private_key_jwt", app={"access_token_seconds": SHORT_LIFE_SECONDS})
    ways = [empty, revoked, short]
    revoked.authorize()
    (port,) = free_ports(1)
    environment = {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port), "NO_PROXY": "*"}
    with Simulator([way.organisation for way in ways]) as sim:
        place.entries = [way.entry(sim.url(way.name)) for way in ways]
        place.write()
        place.make_state()
        with place.run(environment=environment) as flow:
            wait_for(lambda: complete(place, [revoked, short]), "the others' backlog", 20.0)
            revoked.organisation.oauth.revoke_sign_ins()
            wait_for(lambda: all(flow.output().count(f"WARNING {name}") for name in ("revoked", "empty")), "a failure each", 20.0)
            more_events_arrive(place, [short])
            metrics = scrape(port)
            assert empty.heard == []  # there was nothing to ask with
            warnings = {
                name: next(line for line in flow.output().splitlines() if f"WARNING {name}" in line) for name in ("empty", "revoked")
            }
            empty.authorize()
            revoked.authorize()
            more_events_arrive(place, ways)
            wait_for(lambda: short.outcomes.count("granted") == 2, "a renewal", 20.0)
            up = scrape(port)
            assert flow.stop(signal.SIGTERM)[0] == 0
    assert f"The token store {empty.store.path} is empty" in warnings["empty"]
    assert "invalid_grant" in warnings["revoked"]
    for name, warning in warnings.items():
        assert f"python -m okta_source authorize --tenant {name}" in warning
        assert f"{name}: polling succeeds again" in flow.output()
        assert metrics[f'okta_errors_total{{error_type="auth",stage="token",tenant="{name}"}}'] >= 1
    assert "WARNING short" not in flow.output()
    assert [[found[f'okta_tenant_up{{tenant="{way.name}"}}'] for way in ways] for found in (metrics, up)] == [[0, 0, 1], [1, 1, 1]]
    for way in ways:
        place.judge(way.organisation)
    assert empty.outcomes == ["granted"]
    # A refused token is not shown again: Okta might see a thief in that.
    assert revoked.outcomes == ["granted", "invalid_grant", "granted"]
    # Renewed in time, so never refused, and not before its time.
    assert set(short.outcomes) == {"granted"}
    assert {request.status for request in short.organisation.requests} == {200}
    asked_at = [request.at for request in short.organisation.token_requests]
    assert all(later - earlier > SHORT_LIFE_SECONDS / 2 for earlier, later in itertools.pairwise(asked_at))
