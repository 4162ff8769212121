"""A token is in its own file, in the requests to its own organisation, and nowhere else, whatever goes wrong."""

import base64
import json
import signal
import urllib.request
from pathlib import Path

import pytest

from okta_source.simulator import Faults, Organisation, Scripted, Simulator
from tests.e2e.harness import Workplace, free_ports, wait_for
from tests.unit.okta_source.wire import certificate, reply, serving
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import FakeSearch

pytestmark = pytest.mark.slow

ENVIRONMENT_TOKEN = "00eNvIrOnMeNtAlSeCrEt"
FIRST_TOKEN = "00fIrStSeCrEtOfTheFile"
SECOND_TOKEN = "00sEcOnDsEcReTOfTheFile"
REFUSED_TOKEN = "00wRoNgSeCrEtThatIsRefused"
UNSENT_TOKEN = "00uNtRuStEdSeCrEt"
TOKENS = (ENVIRONMENT_TOKEN, FIRST_TOKEN, SECOND_TOKEN, REFUSED_TOKEN, UNSENT_TOKEN)


def holders(folder: Path, secrets: tuple[str, ...] = TOKENS) -> list[str]:
    """Files that hold a secret, other than the tenants' own: in the clear, however the rest of them is encoded."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder / "tokens"]
    assert any(path.suffix == ".sqlite3" for path in files)
    needles = [secret.encode(encoding) for secret in secrets for encoding in ("utf-8", "utf-16-le")]
    return [f"{path}: {needle!r}" for path in files for needle in needles if needle in path.read_bytes()]


def test_no_file_log_line_metric_or_state_holds_a_token(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.make_state()
    (port,) = free_ports(1)
    environment = {
        "ACME_TOKEN": ENVIRONMENT_TOKEN,
        "BYTEWAX_DATAFLOW_API_ENABLED": "1",
        "BYTEWAX_DATAFLOW_API_PORT": str(port),
        "RUST_BACKTRACE": "full",
        "NO_PROXY": "*",
    }
    by_environment = Organisation("acme", seed=1, events=200, token=ENVIRONMENT_TOKEN, faults=Faults.all(0.02))
    by_file = Organisation("globex", seed=2, events=200, token=FIRST_TOKEN)
    refused = Organisation("initech", seed=3, events=10)
    by_file.append([b'{"broken":1}', b'"not an event"'])
    _, context = certificate(tmp_path / "tokens", "127.0.0.1")
    secure = Organisation("hooli", seed=4)
    plain = [by_environment, by_file, refused]
    with serving(reply()) as stranger, Simulator(plain) as sim, Simulator([secure], ssl_context=context) as secure_sim:
        by_file.script(
            Scripted(fallthrough=True, next_url=f"{stranger.url}/api/v1/logs"),
            Scripted(status=302, headers={"Location": stranger.url}),
            Scripted(status=200, body=b"<html>"),
            Scripted(reset=True),
            Scripted(status=403),
        )
        place.add_all(sim, plain, page_limit=20)
        place.entries[0] = place.entries[0].partition("token_file")[0] + 'token_env = "ACME_TOKEN"'
        place.token("initech", REFUSED_TOKEN)
        place.add("hooli", secure_sim.url("hooli"), UNSENT_TOKEN)  # nobody here trusts its certificate
        place.write()
        with place.run(environment=environment) as flow:
            # Each failure waits longer than the one before it, by chance.
            wait_for(lambda: flow.output().count("WARNING globex") >= 3, "failures")
            wait_for(lambda: "WARNING hooli" in flow.output() and "WARNING initech" in flow.output(), "the other failures")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                metrics = answer.read().decode()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/dataflow", timeout=5) as answer:
                graph = answer.read().decode()
            flow.kill()
        by_file._scripts.clear()
        by_file.token = SECOND_TOKEN
        with place.run(environment=environment) as flow:
            wait_for(lambda: "WARNING globex: Okta answered 401" in flow.output(), "the refusal of the old token")
            place.token("globex", SECOND_TOKEN)
            wait_for(lambda: "globex: polling succeeds again" in flow.output(), "the new token to be taken up")
            assert flow.stop(signal.SIGTERM)[0] == 0
        # A sink that can't go on ends the run with a traceback of Bytewax's own.
        (place.out / "blocked").mkdir(parents=True)
        place.sink = 'type = "file"\npath = "out/blocked/{tenant}"'
        (place.out / "blocked" / "acme").mkdir()
        place.write()
        by_environment.append(10)
        with place.run(environment=environment) as flow:
            assert flow.wait(20) == 3, flow.output()
    assert {request.headers["authorization"] for request in by_environment.requests} == {f"SSWS {ENVIRONMENT_TOKEN}"}
    assert {request.headers["authorization"] for request in by_file.requests} == {f"SSWS {FIRST_TOKEN}", f"SSWS {SECOND_TOKEN}"}
    assert {request.headers["authorization"] for request in refused.requests} == {f"SSWS {REFUSED_TOKEN}"}
    assert stranger.connections == 0
    assert secure.requests_count == 0
    assert "okta_requests_total" in metrics
    assert not any(token in metrics + graph for token in TOKENS)
    assert holders(tmp_path) == []


def test_a_token_put_into_the_configuration_itself_is_not_repeated(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.make_state()
    for key, value in (("token", FIRST_TOKEN), ("token_env", f"SSWS {FIRST_TOKEN}"), ("prefix", "SSWS \\n" + FIRST_TOKEN)):
        place.entries = [
            f'[[tenants]]\nname = "acme"\norg_url = "https://u:{SECOND_TOKEN}@acme.okta.com?token={SECOND_TOKEN}"\n'
            f'[tenants.auth]\nmethod = "ssws"\n{key} = "{value}"'
        ]
        place.write()
        assert place.run().wait(20) == 2
    assert "tenants[0].auth" in place.log.read_text()
    place.config.unlink()
    assert holders(tmp_path) == []


API_KEY = "ZGVzdGluYXRpb246YXBpLWtleS1zZWNyZXQ="
PASSWORD = "pAsSwOrDoFtHeCluster"
SIGNING_KEY = base64.b64encode(b"a signing key of a destination!!").decode()
BEARER = "bEaReRoFtHeReceiver"
HEADER = "xKeYoFtHeReceiver"
QUERY = "tOkEnInThEqUeRy"
SECRETS_OF_SINKS = (API_KEY, PASSWORD, SIGNING_KEY, BEARER, HEADER, QUERY, base64.b64encode(f"elastic:{PASSWORD}".encode()).decode())


def test_no_file_log_line_metric_letter_or_state_holds_a_destinations_secret(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=600)
    place = Workplace(tmp_path)
    place.make_state()
    (port,) = free_ports(1)
    environment = {
        "API_KEY": API_KEY,
        "SIGNING": f"whsec_{SIGNING_KEY}",
        "BEARER": f"Bearer {BEARER}",
        "BYTEWAX_DATAFLOW_API_ENABLED": "1",
        "BYTEWAX_DATAFLOW_API_PORT": str(port),
        "RUST_BACKTRACE": "full",
        "NO_PROXY": "*",
    }
    password, header = place.token("password", PASSWORD), place.token("header", HEADER)
    echo = " ".join((f"Bearer {BEARER}", HEADER, f"whsec_{SIGNING_KEY}", QUERY))
    with Simulator([organisation]) as simulator, Receiver() as receiver, FakeSearch() as by_key, FakeSearch() as by_password:
        place.sinks = {
            "hook": f"""type = "webhook"\nurl = "{receiver.url}?key={QUERY}"\nsecret_env = "SIGNING"\nbatch_events = 50
retry_for_seconds = 2\nheaders_env = {{ Authorization = "BEARER" }}\nheaders_file = {{ X-Key = "{header}" }}""",
            "by_key": f"""type = "elasticsearch"\nhosts = ["{by_key.url}"]\ntarget = "okta"\napi_key_env = "API_KEY"
retry_for_seconds = 2""",
            "by_password": f"""type = "elasticsearch"\nhosts = ["{by_password.url}"]\ntarget = "okta"\nusername = "elastic"
password_file = "{password}"\nretry_for_seconds = 2\nbatch_events = 50""",
        }
        place.add_all(simulator, [organisation], page_limit=100)
        place.write()
        # Receivers that repeat what they were sent: once to be asked again, once for good, and as the place to go instead.
        receiver.answer(503, json.dumps({"message": echo}).encode())
        receiver.answer(401, echo.encode())
        receiver.answer(307, b"", {"Location": f"http://elsewhere.example.com/{BEARER}?key={QUERY}"})
        receiver.reset()
        receiver.answer(500, f"<html>{echo}</html>".encode(), times=None)
        by_key.authorization = "ApiKey another"
        by_password.authorization = "Basic another"
        with place.run(environment=environment) as flow:
            wait_for(lambda: all(f"sink {name}: no success for 2 s" in flow.output() for name in place.sinks), "every breaker", 30.0)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                metrics = answer.read().decode()
            assert flow.stop(signal.SIGTERM)[0] == 0
        assert all(place.dead_letters(name) for name in place.sinks)
        receiver.clear()
        by_key.authorization, by_password.authorization = f"ApiKey {API_KEY}", None
        organisation.append(100)
        with place.run(environment=environment, until_drained=True) as flow:
            assert flow.wait(30) == 0, flow.output()
        replay = place.replay(environment=environment)
        assert replay.returncode == 0, replay.stdout + replay.stderr
    # They were used, all of them.
    assert len({event["uuid"] for event in receiver.events}) == len(by_key.documents()) == len(by_password.documents()) == 700
    assert receiver.requests[-1].headers["authorization"] == f"Bearer {BEARER}"
    assert receiver.requests[-1].headers["x-key"] == HEADER
    assert "webhook-signature" in receiver.requests[-1].headers
    assert "okta_sink_events_total" in metrics
    assert not any(secret in metrics + replay.stdout + replay.stderr for secret in SECRETS_OF_SINKS)
    place.config.write_text(place.config.read_text().replace(QUERY, ""))  # there it stands by its owner's own hand
    assert holders(tmp_path, SECRETS_OF_SINKS) == []
