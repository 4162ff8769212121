"""Whoever follows a page gets what the page shows."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from okta_source.simulator.certificates import CertificateAuthority
from okta_source.simulator.oauth import OAuthClient
from tests.e2e.docs.terminal import Terminal, compare, missing
from tests.unit.docs.pages import PAGES, Block, blocks

pytestmark = pytest.mark.slow

NAMES = Path(__file__).parent / "names"
ACME = """
[pipeline]
dead_letter_dir = "data/dead-letter"

[[tenants]]
name = "acme"
display_name = "Acme Inc."
org_url = "https://acme.okta.com"
start_from = "7d"

[tenants.auth]
method = "ssws"
token_env = "ACME_OKTA_TOKEN"

[sinks.archive]
type = "file"
path = "data/{tenant}/{date}.ndjson"
"""


def with_acme(folder: Path, _: Simulator) -> None:
    (folder / "okta.toml").write_text(ACME)


def with_an_app_without_a_role(folder: Path, simulator: Simulator) -> None:
    """The app that the page adds by `init`, whose admin role has been forgotten."""
    with_acme(folder, simulator)
    _, key = OAuthClient.with_new_key("0oa1b2c3d4")
    key["kid"] = "Xk2"
    simulator["globex"].register(OAuthClient(client_id="0oa1b2c3d4", jwks=[key], admin_role=""))
    (folder / "secrets").mkdir()
    (folder / "secrets" / "globex.pem").write_bytes(orjson.dumps(key))
    (folder / "secrets" / "globex.pem").chmod(0o600)


def with_other_sinks(folder: Path, simulator: Simulator) -> None:
    """Sinks that the page names; nothing is sent there."""
    with_acme(folder, simulator)
    with (folder / "okta.toml").open("a") as file:
        file.write('\n[sinks.search]\ntype = "elasticsearch"\nhosts = ["http://127.0.0.1:9"]\ntarget = "okta"\n')
        file.write('\n[sinks.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:9"\n')


def with_events(folder: Path, simulator: Simulator) -> None:
    """What the flow would have written."""
    (folder / "data" / "acme").mkdir(parents=True)
    events = b"".join(b'{"_okta_action":"sign_in",' + event[1:] + b"\n" for event in simulator["acme"].persisted())
    (folder / "data" / "acme" / "2026-11-22.ndjson").write_bytes(events)


PREPARED: dict[str, Callable[[Path, Simulator], None]] = {
    "README": lambda *_: None,
    "connect": with_an_app_without_a_role,
    "event": with_events,
    "trouble": with_other_sinks,
}
"""What a page takes for granted; for all others, a tenant."""

FOLLOWED_ELSEWHERE = {"move"}
"""Pages whose tests also count the events."""


@contextmanager
def terminal(folder: Path) -> Iterator[tuple[Terminal, Simulator]]:
    authority = CertificateAuthority()
    (folder / ".ca.pem").write_bytes(authority.pem())
    organisations = [Organisation(name, seed=7, events=600, span_seconds=43_200, rate_per_second=3) for name in ("acme", "globex")]
    context = authority.server_context("acme.okta.com", "globex.okta.com")
    with Simulator(organisations, ssl_context=context) as simulator:
        hosts = " ".join(f"{entry.name}.okta.com={simulator.url(entry.name).rpartition(':')[2]}" for entry in organisations)
        environment = {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(NAMES), os.environ.get("PYTHONPATH", "")])),
            "DOCS_HOSTS": hosts,
            "DOCS_CA": str(folder / ".ca.pem"),
            "ACME_OKTA_TOKEN": organisations[0].token,
        }
        with Terminal(folder, environment) as opened:
            yield opened, simulator


def runnable(page: Path) -> list[Block]:
    return [
        block for block in blocks(page) if block.options.keys() & {"run", "background", "file", "append"} and "skip" not in block.options
    ]


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.stem not in FOLLOWED_ELSEWHERE and any("run" in block.options for block in runnable(page))],
    ids=lambda page: page.stem,
)
def test_the_blocks_of_a_page(page: Path, tmp_path: Path) -> None:
    lacking: set[str] = set()
    with terminal(tmp_path) as (opened, simulator):
        PREPARED.get(page.stem, with_acme)(tmp_path, simulator)
        for block in runnable(page):
            if program := missing(block):
                lacking.add(program)
                continue
            opened.run(block)
    if lacking:
        pytest.skip(f"all but what needs {', '.join(sorted(lacking))} has been run; apt-get install {' '.join(sorted(lacking))}")


def test_an_output_that_differs_is_seen() -> None:
    compare("a\n…\nc … e\n", "a\nb\nb\nc d  e\n", "same")
    compare("", "whatever", "nothing shown")
    with pytest.raises(pytest.fail.Exception, match="the page"):
        compare("a\n", "b\n", "another")
    with pytest.raises(pytest.fail.Exception, match="the page"):
        compare("a\n", "a\nb\n", "more")
