"""A real browser without a window, driven through ChromeDriver."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_FLAGS = (
    "--headless",
    "--no-sandbox",  # root may not use it, and the pages are ours
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=900,720",
)
_WAIT_SECONDS = 30


def chromium_available() -> str | None:
    """None if there is a browser and its driver, else why not and what to do about it."""
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    if missing:
        return f"{' and '.join(missing)} not found: install Chromium (Debian: apt-get install chromium chromium-driver)"
    return None if find_spec("selenium") else "selenium is not installed: run `make test`, or pip install -r requirements-dev.lock"


@contextmanager
def headless_chromium(profile: Path) -> "Iterator[Chrome]":
    """A browser with an empty profile, in that folder; both processes are gone afterwards."""
    from selenium.webdriver import Chrome, ChromeOptions  # noqa: PLC0415 - the development extra's, and slow to import
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    # A driver that is named is not looked for on the network.
    service = Service(shutil.which("chromedriver"), env={**os.environ, "SE_OFFLINE": "true", "NO_PROXY": "127.0.0.1,localhost"})
    browser = Chrome(options, service)
    try:
        browser.set_page_load_timeout(_WAIT_SECONDS)
        yield browser
    finally:
        browser.quit()
