"""Every method of authentication, failing in every way: no secret is found in any file, log line, metric or traceback of a whole run.

Secrets are in their own files, in the token store, and in the requests to their own organisation.
"""

import json
import signal
import ssl
import traceback
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives import serialization

from okta_source.auth import CredentialError, make_authenticator
from okta_source.config.signing_key import SigningKey
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.transport import OktaTransport
from okta_source.http.client import HttpClient
from okta_source.polling.outcome import Response
from okta_source.polling.verdict import failure_of
from okta_source.simulator import Scripted, Simulator
from okta_source.simulator.certificates import CertificateAuthority
from okta_source.simulator.oauth.faults import answer_lost, rate_limited, server_error
from okta_source.simulator.oauth.jose import new_key
from okta_source.simulator.records import Request
from tests.e2e.harness import FlowProcess, Workplace, free_ports, wait_for
from tests.e2e.leaks import Secrets
from tests.e2e.ways_in import WayIn
from tests.unit.okta_source.check.certs import issue
from tests.unit.okta_source.wire import reply, serving

pytestmark = pytest.mark.slow

KEY_PASSWORD = "pAsSwOrDoFtHeKeY"
PROXY_PASSWORD = "pAsSwOrDoFtHePrOxY"
NO_TOKEN = "iSsUeDtOkEn"


def credentials(request: Request) -> Iterator[tuple[str, str]]:
    """What a request was authenticated with, by kind."""
    form = dict(parse_qsl(request.body.decode()))
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    for kind, secret in (
        (f"Authorization: {scheme}", value),
        ("DPoP proof", request.headers.get("dpop", "")),
        ("client assertion", form.get("client_assertion", "")),
        ("refresh token", form.get("refresh_token", "")),
    ):
        if secret:
            yield kind, secret


def echo(status: int, error: str = "invalid_client", *, html: bool = False) -> object:
    """An answer that repeats the credentials of its request wherever it can."""

    def answer(request: Request) -> Scripted:
        said = " ".join(secret for _, secret in credentials(request))
        body = f"<html>{said}</html>" if html else json.dumps({"error": error, "error_description": said, "errorSummary": said})
        challenge = f'{"DPoP" if "dpop" in request.headers else "Bearer"} error="{error}", error_description="{said}"'
        return Scripted(status=status, headers={"www-authenticate": challenge, "location": f"https://x/{said}"}, body=body.encode())

    return answer


def no_token(_: Request) -> Scripted:
    token = {"access_token": f"{NO_TOKEN} with a space", "token_type": "Bearer", "expires_in": 3600}
    return Scripted(status=200, body=json.dumps(token).encode())


def client_certificate(folder: Path, *, password: str) -> tuple[dict[str, str], bytes, str]:
    """Files for `[tenants.tls]`, the authority that has signed them, and the key that is in one of them."""
    authority = issue("Clients' CA")
    made = issue("collector", by=authority)
    hidden = serialization.BestAvailableEncryption(password.encode())
    key = made.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    (folder / "client.pem").write_bytes(made.pem)
    (folder / "client.key").write_bytes(key)
    tls = {"cert_file": str(folder / "client.pem"), "key_file": str(folder / "client.key"), "key_password_env": "KEY_PASSWORD"}
    bare = made.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return tls, authority.pem, bare.decode()


class Fleet:
    """A tenant for each method, two that can't even get through, and a server for each kind of trouble.

    Args:
        place: The workplace; its folder `tokens` is for secrets.
        proxy_url: Of a proxy that refuses.
        stack: Closes what was opened.
    """

    def __init__(self, place: Workplace, proxy_url: str, stack: ExitStack) -> None:
        folder = place.folder / "tokens"
        self.folder = folder
        self.token = WayIn.make(folder, "token", "ssws")
        self.pair = WayIn.make(folder, "pair", "private_key_jwt", algorithm="RS256", app={"dpop": True})
        (folder / "dpop.pem").write_text(SigningKey.generate().to_pem())
        self.pair.keys["dpop_key_file"] = str(folder / "dpop.pem")
        self.secure = WayIn.make(folder, "secure", "private_key_jwt", algorithm="ES256")
        pem = SigningKey.parse((folder / "secure.key.jwk").read_text()).to_pem()
        self.secure.keys |= {"private_key_file": self.secure.written("key.pem", pem), "key_id": "kid-secure"}
        self.secret = WayIn.make(folder, "secret", "client_secret")
        self.web = WayIn.make(folder, "web", "refresh_token", app={"dpop": True, "rotation_leeway_seconds": 30.0})
        self.web.authorize()
        self.untrusted = WayIn.make(folder, "untrusted", "private_key_jwt")
        self.proxied = WayIn.make(folder, "proxied", "client_secret")
        self.well = [self.token, self.pair, self.secure, self.secret, self.web]
        self.all = [*self.well, self.untrusted, self.proxied]
        self.client_secrets = [way.client.secret for way in self.all if way.client and way.client.secret]

        ca_file = place.folder / "ca.pem"
        authority = CertificateAuthority()
        ca_file.write_bytes(authority.pem())
        tls, clients_authority, self.client_key = client_certificate(folder, password=KEY_PASSWORD)
        context = authority.server_context("127.0.0.1")
        context.load_verify_locations(cadata=clients_authority.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        plain = [self.token, self.pair, self.secret, self.web]
        sim = stack.enter_context(Simulator([way.organisation for way in plain]))
        secure = stack.enter_context(Simulator([self.secure.organisation], ssl_context=context))
        other = stack.enter_context(
            Simulator([self.untrusted.organisation], ssl_context=CertificateAuthority().server_context("127.0.0.1"))
        )
        place.entries = [way.entry(sim.url(way.name)) for way in plain]
        place.entries.append(self.secure.entry(secure.url("secure"), ca_file=ca_file, tls=tls))
        place.entries.append(self.untrusted.entry(other.url("untrusted"), ca_file=ca_file))
        place.entries.append(self.proxied.entry("https://proxied.example"))
        place.write()

        proxy = proxy_url.replace("//", f"//collector:{PROXY_PASSWORD}@")
        (self.port,) = free_ports(1)
        self.environment = {
            "BYTEWAX_DATAFLOW_API_ENABLED": "1",
            "BYTEWAX_DATAFLOW_API_PORT": str(self.port),
            "RUST_BACKTRACE": "full",
            "KEY_PASSWORD": KEY_PASSWORD,
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
        }

    def stumble(self) -> None:
        """Let everybody fail a few times, and then succeed."""
        self.token.organisation.script(echo(403), echo(302))
        self.pair.organisation.oauth.script(echo(401), echo(400, "invalid_dpop_proof"))
        self.pair.organisation.script(echo(400, "invalid_dpop_proof"))
        self.secure.organisation.oauth.script(server_error(), no_token)
        self.secret.organisation.oauth.script(echo(200, html=True), rate_limited(), echo(500))
        self.web.organisation.oauth.script(answer_lost(), echo(401))
        self.web.organisation.append([b'{"broken":1}'])

    def fail(self) -> None:
        """Let everybody fail in earnest, until somebody mends it."""
        self.token.organisation.token += "-of-somebody-else"
        for way, algorithm in ((self.pair, "RS256"), (self.secure, "ES256")):
            assert way.client
            way.client.set_keys([{**new_key(algorithm), "kid": f"kid-{way.name}"}])
        assert self.secret.client
        self.secret.client.rotate_secret()
        self.web.organisation.oauth.revoke_sign_ins()

    def published(self) -> str:
        """What the running flow tells everybody who asks."""
        pages = []
        for path in ("metrics", "dataflow"):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=5) as answer:
                pages.append(answer.read().decode())
        return "".join(pages)

    def all_warned(self, flow: FlowProcess) -> bool:
        log = flow.output()
        return all(f"WARNING {way.name}" in log for way in self.all)

    def secrets(self) -> Secrets:
        """Everything that has been a secret of anybody's."""
        secrets = Secrets()
        secrets.add("API token", self.token.organisation.token.removesuffix("-of-somebody-else"))
        secrets.add("token that is none", NO_TOKEN)
        secrets.add("password", KEY_PASSWORD, PROXY_PASSWORD)
        secrets.add("client secret", *self.client_secrets)
        for file in ("pair.key.jwk", "secure.key.jwk", "secure.key.pem", "untrusted.key.jwk", "dpop.pem", "client.key"):
            secrets.add_key(f"key of {file}", (self.folder / file).read_text())
        secrets.add_key("key of the client's certificate", self.client_key)
        stored = self.web.store.read()
        assert stored
        assert stored.dpop_key
        secrets.add_key("DPoP key in the token store", stored.dpop_key.reveal())
        for way in self.all:
            issued = way.organisation.oauth.state.tokens
            secrets.add_token("access token", *issued.access_tokens)
            secrets.add_token("refresh token", *issued.refresh_tokens)
            for request in way.heard:
                for kind, value in credentials(request):
                    secrets.add_token(kind, value)
        return secrets


def test_no_method_leaves_a_secret_anywhere_whatever_goes_wrong(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.make_state()
    published = told = ""
    with ExitStack() as stack:
        proxy = stack.enter_context(serving(reply(status="407 Proxy Authentication Required")))
        fleet = Fleet(place, proxy.url, stack)
        fleet.stumble()
        with place.run(environment=fleet.environment) as flow:
            again = [f"{way.name}: polling succeeds again" for way in fleet.well]
            wait_for(lambda: all(words in flow.output() for words in again), "all to have failed and gone on", 40.0)
            wait_for(lambda: fleet.all_warned(flow), "the failures of the others", 10.0)
            published += fleet.published()
            flow.kill()
        told += flow.output()
        fleet.fail()
        with place.run(environment=fleet.environment) as flow:
            wait_for(lambda: fleet.all_warned(flow), "every tenant's failure", 30.0)
            published += fleet.published()
            assert flow.stop(signal.SIGTERM)[0] == 0
        told += flow.output()
        assert b"proxy-authorization: basic" in proxy.heads[0].lower()
    for words in ("invalid_client", "invalid_dpop_proof", "invalid_grant", "***", "is no token", "No trusted TLS", "answered 407"):
        assert words in told, words
    assert len(list((tmp_path / "dead" / "input").iterdir())) == 1
    # Everything that can be one was a credential of some request.
    assert {kind for way in fleet.all for request in way.heard for kind, _ in credentials(request)} == {
        "Authorization: SSWS",
        "Authorization: Bearer",
        "Authorization: DPoP",
        "Authorization: Basic",
        "DPoP proof",
        "client assertion",
        "refresh token",
    }
    secrets = fleet.secrets()
    assert secrets.found_in(published.encode()) == []
    assert secrets.holders(tmp_path, [fleet.folder]) == []
    kept = secrets.found_in(b"".join(path.read_bytes() for path in fleet.folder.iterdir()))
    assert {"API token", "client secret", "refresh token", "DPoP key in the token store", "key of dpop.pem", "key of pair.key.jwk"} <= set(
        kept
    )


@pytest.mark.parametrize("method", ["ssws", "private_key_jwt", "client_secret", "refresh_token"])
def test_no_exception_and_no_repr_shows_a_secret(tmp_path: Path, method: str) -> None:
    way = WayIn.make(tmp_path, "acme", method, app={"dpop": method != "client_secret"} if method != "ssws" else None)
    if method == "refresh_token":
        way.authorize()
    shown: list[object] = []
    with Simulator([way.organisation]) as sim:
        auth = {"method": method, **way.keys}
        tenant = TenantConfig.model_validate({"name": "acme", "org_url": sim.url("acme"), "auth": auth})
        http = HttpClient(tenant)
        authenticator = make_authenticator(tenant, http)
        transport = OktaTransport(http, authenticator)
        way.organisation.oauth.script(echo(401), echo(500), no_token, rate_limited(), answer_lost())
        way.organisation.script(echo(401), echo(403))
        for _ in range(8):
            try:
                authenticator.headers("GET", f"{sim.url('acme')}/api/v1/logs")
            except CredentialError as error:
                shown += [error, error.failure, "".join(traceback.format_exception(error))]
        for _ in range(3):
            answer = transport.get(f"{sim.url('acme')}/api/v1/logs")
            shown += [answer, failure_of(answer, "x")] if isinstance(answer, Response) else [answer]
        http.close()
    secrets = Secrets()
    shown += [
        tenant,
        auth if method == "ssws" else tenant.auth,
        authenticator,
        transport,
        http,
        way.client,
    ]
    for request in way.heard:
        for kind, value in credentials(request):
            secrets.add_token(kind, value)
    issued = way.organisation.oauth.state.tokens
    secrets.add_token("issued", *issued.access_tokens, *issued.refresh_tokens)
    if method == "private_key_jwt":
        secrets.add_key("key", (tmp_path / "acme.key.jwk").read_text())
    assert len(secrets) >= 4
    assert len([entry for entry in shown if isinstance(entry, CredentialError)]) == (0 if method == "ssws" else 5)
    assert [type(entry) for entry in shown if secrets.found_in(f"{entry} {entry!r}".encode())] == []


def test_the_search_finds_what_was_planted(tmp_path: Path) -> None:
    jwk, pem = '{"kty":"EC","d":"c2VjcmV0LW51bWJlci1vZi1rZXk"}', SigningKey.parse(json.dumps(new_key("RS256"))).to_pem()
    number = int.from_bytes(b"secret-number-of-key", "big")
    secrets = Secrets()
    secrets.add("word", 'pa+ss/wo=rd"x')
    secrets.add_token("token", "eyJhbGciOiJ.eyJzdWIiOiJ.c2lnbmF0dXJl")
    secrets.add_key("jwk", jwk)
    secrets.add_key("pem", pem)
    planted = {
        "log": b'refused: pa+ss/wo=rd"x.',
        "json": b'{"x": "pa+ss/wo=rd\\"x"}',
        "url": b"?p=pa%2Bss%2Fwo%3Drd%22x&",
        "wide": 'pa+ss/wo=rd"x'.encode("utf-16-le"),
        "basic": b"cGErc3Mvd289cmQieA==",
        "hex": b'pa+ss/wo=rd"x'.hex().encode(),
        "broken": b'pa+ss/\n  wo=rd"x',
        "signature": b"... c2lnbmF0dXJl",
        "number": str(number).encode(),
        "line": pem.splitlines()[3].encode(),
    }
    for name, data in planted.items():
        (tmp_path / name).write_bytes(b"\x00before " + data + b" after\xff")
    (tmp_path / "harmless").write_bytes(b"nothing to see")
    (tmp_path / "meant").mkdir()
    (tmp_path / "meant" / "file").write_bytes(planted["log"])
    found = {Path(line.partition(": ")[0]).name for line in secrets.holders(tmp_path, [tmp_path / "meant"])}
    assert found == set(planted)
    assert not any("pa+ss" in line for line in secrets.holders(tmp_path))
