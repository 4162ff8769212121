"""An administrator at a browser, without the browser: follows the pages of the simulated sign-in, and comes back."""

import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

PATIENCE_SECONDS = 20.0


class Person:
    """Somebody who opens the URL and does what the arguments say, on a thread of their own.

    Args:
        organisation: The name, which is also in the simulator's user name and password.
        decision: `allow` or `deny`.
        tampering: Changes the address that Okta sends the browser back to.
        verify: The certificate authorities that their browser trusts.
    """

    def __init__(
        self,
        organisation: str = "acme",
        decision: str = "allow",
        tampering: Callable[[str], str] = lambda url: url,
        verify: str | bool = True,
    ) -> None:
        self._credentials = {"username": f"admin@{organisation}.example.com", "password": f"simulated-{organisation}"}
        self._decision = decision
        self._tampering = tampering
        self._verify = verify
        self._thread: threading.Thread | None = None
        self.url = ""
        self.pages: list[requests.Response] = []

    def open(self, url: str, on_failure: Callable[[], None]) -> None:
        """As `browser.open_in_background`."""
        self._thread = threading.Thread(target=self.visit, args=(url,))
        self._thread.start()

    def visit(self, url: str) -> None:
        self.url = url
        with requests.Session() as browser:
            browser.trust_env = False  # REQUESTS_CA_BUNDLE would go first
            browser.verify = self._verify
            page = self._get(browser, url)
            for fields in (self._credentials, {"decision": self._decision}):
                if page.is_redirect or not page.ok:
                    break
                page = browser.post(urljoin(page.url, action(page)), hidden(page) | fields, allow_redirects=False, timeout=PATIENCE_SECONDS)
            if page.is_redirect:
                page = self._get(browser, self._tampering(page.headers["Location"]))
        self.pages.append(page)

    @staticmethod
    def _get(browser: requests.Session, url: str) -> requests.Response:
        return browser.get(url, allow_redirects=False, timeout=PATIENCE_SECONDS)

    def leave(self) -> requests.Response:
        """The last page that they have seen."""
        assert self._thread
        self._thread.join(PATIENCE_SECONDS)
        return self.pages[-1]


def action(page: requests.Response) -> str:
    found = re.search(r'action="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def hidden(page: requests.Response) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))


def query(url: str) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name, values in parse_qs(urlsplit(url).query).items()}
