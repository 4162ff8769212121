"""Stoplight Prism stands between the real flow and the organisation, and refuses what differs from the description."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import requests

from okta_source.simulator import OAuthClient, Organisation, Simulator
from tests.e2e.harness import Workplace, free_ports
from tests.integration.judges import Judge, judges_available
from tests.integration.judges.process import SOURCES

EVENTS = 450
PAGE = 100


class Trial:
    """An organisation, known to its clients by Prism's address, and Prism in front of it."""

    def __init__(self, folder: Path) -> None:
        upstream_port, port = free_ports(2)
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.organisation = Organisation("acme", events=EVENTS, public_url=self.url)
        self.simulator = Simulator([self.organisation], port=upstream_port)
        upstream = f"http://127.0.0.1:{upstream_port}"
        command = ["prism", "proxy", str(SOURCES / "okta-logs.yaml"), upstream, "--port", str(port), "--errors"]
        self.prism = Judge(command, port, folder / "prism.log")

    def drain(self, auth: dict[str, object]) -> None:
        """Run the real flow until it has everything, and see that it came through Prism, and that nobody objected to anything."""
        workplace = Workplace(self.folder / "work")
        lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in auth.items()]
        head = f'name = "acme"\norg_url = "{self.url}"\nstart_from = "2d"\npage_limit = {PAGE}\npoll_interval_seconds = 1'
        workplace.entries.append("\n".join(["[[tenants]]", head, "[tenants.auth]", *lines]))
        workplace.write()
        workplace.make_state()
        flow = workplace.drain()
        assert flow.process.returncode == 0, flow.output()
        # Prism writes JSON anew, so that bytes can't be compared here; the other tests do.
        assert [orjson.loads(line)["uuid"] for line in workplace.lines("acme")] == self.organisation.uuids()
        pages = -(-EVENTS // PAGE) + 1  # a run that drains sees an empty answer before it ends
        assert [record.status for record in self.organisation.requests] == [200] * pages
        said = self.prism.output()
        assert said.count('Forwarding "get" request') == pages
        assert "iolation" not in said, said
        assert "terminated with error" not in said, said


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    if reason := judges_available():
        pytest.skip(reason)
    trial = Trial(tmp_path)
    with trial.simulator, trial.prism:
        yield trial


def secret_file(folder: Path, text: str) -> str:
    path = folder / "secret"
    path.touch(0o600)
    path.write_text(text)
    return str(path)


def test_prism_objects_to_no_request_with_an_api_token(trial: Trial) -> None:
    trial.drain({"method": "ssws", "token_file": secret_file(trial.folder, trial.organisation.token)})
    assert {record.headers["authorization"].split()[0] for record in trial.organisation.requests} == {"SSWS"}


@pytest.mark.parametrize("dpop", [False, True])
def test_prism_objects_to_no_request_with_an_access_token_nor_to_that_for_the_token(trial: Trial, dpop: bool) -> None:
    app, key = OAuthClient.with_new_key("0oa-collector", dpop=dpop)
    trial.organisation.register(app)
    private_key = secret_file(trial.folder, orjson.dumps(key).decode())
    trial.drain({"method": "private_key_jwt", "client_id": app.client_id, "private_key_file": private_key, "dpop": dpop})
    assert {record.headers["authorization"].split()[0] for record in trial.organisation.requests} == {"DPoP" if dpop else "Bearer"}
    assert [made.outcome for made in trial.organisation.token_requests] == ["use_dpop_nonce", "granted"][not dpop :]


def test_prism_catches_what_is_wrong(trial: Trial) -> None:
    good = {"Authorization": f"SSWS {trial.organisation.token}", "Accept": "application/json", "User-Agent": "bytewax-okta/0"}

    def status(query: str = "limit=10&sortOrder=ASCENDING", **headers: str) -> int:
        return requests.get(f"{trial.url}/api/v1/logs?{query}", headers={**good, **headers}, timeout=20).status_code

    def token_status(**more: str) -> int:
        form = {"grant_type": "client_credentials", "scope": "okta.logs.read", "client_assertion": "a.b.c", **more}
        return requests.post(f"{trial.url}/oauth2/v1/token", form, headers=good, timeout=20).status_code

    assert status() == 200
    assert status("sortOrder=SIDEWAYS") == 422
    assert status("limit=1001") == 422
    assert status("limit=ten") == 422
    assert status("limit=10&after=1&after=2") == 422
    assert status("since=yesterday") == 422
    assert status(Accept="text/html") == 422
    assert status(**{"User-Agent": "python-requests/2"}) == 422
    assert status(Authorization="") == 401
    assert requests.delete(f"{trial.url}/api/v1/logs", headers=good, timeout=20).status_code == 405
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert token_status(client_assertion_type=kind) == 401  # which is the organisation's word: there is no such app
    assert token_status() == 422
    # An answer that is none is caught as well: an event without its type.
    trial.organisation.append([b'{"uuid":"u","published":"2026-01-01T00:00:00.000Z"}'])
    assert status("limit=1000&sortOrder=ASCENDING") == 500
