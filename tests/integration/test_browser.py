"""`authorize` as a process of its own, and a real Chromium on its way through sign-in, consent and callback."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from okta_source.auth.token_store import TokenStore
from okta_source.simulator import OAuthClient, Organisation, Simulator
from tests.e2e.harness import free_ports
from tests.integration.judges import chromium_available, headless_chromium

SECRET = "the-secret-of-the-app"


class Authorization:
    """The command, running; its configuration and the organisation that it is for.

    Args:
        folder: For all files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_ports(1)[0]
        redirect_uri = f"http://127.0.0.1:{self.port}/callback"
        app = OAuthClient(
            client_id="0oa-web", auth_method="client_secret_basic", secret=SECRET, redirect_uris=[redirect_uri], name="Log collector"
        )
        self.organisation = Organisation("acme", events=3, oauth_clients=[app])
        self.simulator = Simulator([self.organisation])
        self.store = TokenStore(folder / "state" / "acme.token")

    def __enter__(self) -> Self:
        self.simulator.start()
        (self.folder / "secret").write_text(SECRET)
        (self.folder / "secret").chmod(0o600)
        config = self.folder / "okta.toml"
        config.write_text(
            f'[[tenants]]\nname = "acme"\ndisplay_name = "Acme Inc."\norg_url = "{self.simulator.url("acme")}"\n[tenants.auth]\n'
            'method = "refresh_token"\nclient_id = "0oa-web"\nclient_secret_file = "secret"\ntoken_store = "state/acme.token"\n'
        )
        arguments = ["--tenant", "acme", "--config", str(config), "--port", str(self.port), "--no-browser"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "okta_source", "authorize", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout
        self.url = next(line.strip() for line in self.process.stdout if line.startswith(self.simulator.url("acme")))
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.simulator.stop()

    def end(self) -> tuple[int, str, str]:
        """Wait for the end, and return exit status, output and errors."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def authorization(tmp_path: Path) -> Iterator[Authorization]:
    with Authorization(tmp_path) as running:
        yield running


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Any]:
    if reason := chromium_available():
        pytest.skip(reason)
    with ExitStack() as stack:
        yield stack.enter_context(headless_chromium(tmp_path / "profile"))


def walk_through(chromium: Any, url: str, decision: str, screenshots: Path) -> dict[str, str]:
    """Sign in, decide, and return what the last page says."""
    from selenium.webdriver.common.by import By  # noqa: PLC0415 - slow to import
    from selenium.webdriver.support import expected_conditions as expected  # noqa: PLC0415
    from selenium.webdriver.support.wait import WebDriverWait  # noqa: PLC0415

    def found(identifier: str) -> Any:
        return WebDriverWait(chromium, 30).until(expected.presence_of_element_located((By.ID, identifier)))

    chromium.get(url)
    found("username").send_keys("admin@acme.example.com")
    found("password").send_keys("simulated-acme")
    found("signin").click()
    found(decision).click()
    result = found("result")
    chromium.save_screenshot(str(screenshots / f"{decision}.png"))
    told = [entry["message"] for entry in chromium.get_log("browser") if "/callback" in entry["message"]]
    assert not [text for text in told if "status of 400" not in text], told  # such as what the page's own policy forbids
    return {
        "headline": result.text,
        "ok": result.get_attribute("data-ok"),
        "text": chromium.find_element(By.TAG_NAME, "main").text,
        "radius": chromium.find_element(By.TAG_NAME, "main").value_of_css_property("border-radius"),
        "resources": chromium.execute_script("return performance.getEntriesByType('resource').map(e => e.name).join()"),
    }


def test_through_sign_in_consent_and_callback(authorization: Authorization, chromium: Any, tmp_path: Path) -> None:
    page = walk_through(chromium, authorization.url, "allow", tmp_path)
    assert page["headline"] == "Acme Inc. is connected."
    assert page["ok"] == "true"
    assert "python -m okta_source check --tenant acme" in page["text"]
    assert page["radius"] == "14px"  # the policy lets the page's own style through
    assert not page["resources"]
    status, out, err = authorization.end()
    assert (status, err) == (0, "")
    assert "Acme Inc. is connected." in out
    stored = authorization.store.read()
    assert stored
    assert list(authorization.organisation.oauth.state.tokens.refresh_tokens) == [stored.refresh_token.reveal()]
    for text in (out, page["text"]):
        assert stored.refresh_token.reveal() not in text


def test_refused_at_the_consent_page(authorization: Authorization, chromium: Any, tmp_path: Path) -> None:
    page = walk_through(chromium, authorization.url, "deny", tmp_path)
    assert page["headline"] == "Acme Inc. is not connected."
    assert page["ok"] == "false"
    assert "Access was denied" in page["text"]
    assert "python -m okta_source authorize --tenant acme" in page["text"]
    status, _, err = authorization.end()
    assert status == 1
    assert "Access was denied" in err
    assert authorization.store.read() is None


def test_ctrl_c_ends_the_process_at_once(authorization: Authorization) -> None:
    authorization.process.send_signal(signal.SIGINT)
    status, _, err = authorization.end()
    assert status == 130
    assert err.strip() == "Stopped before the end; nothing was stored."
    with socket.create_server(("127.0.0.1", authorization.port)):
        pass
