"""Judges that nobody here wrote: Stoplight Prism and an Okta emulator from npm (`make judges`), and a Chromium of the system's."""

from tests.integration.judges.chromium import chromium_available, headless_chromium
from tests.integration.judges.process import JUDGES, Judge, judges_available

__all__ = ["JUDGES", "Judge", "chromium_available", "headless_chromium", "judges_available"]
