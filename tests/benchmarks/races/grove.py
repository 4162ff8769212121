"""HashiCorp Grove: its Okta system log connector, with configuration, cache and output in local files."""

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.races.collector import ENVIRONMENTS, Collector, Command
from tests.benchmarks.races.server import TOKEN

# Grove builds its address as https://IDENTITY.DOMAIN. Nobody in the race pays for TLS, so only the scheme changes.
_LAUNCHER = """\
from grove.connectors.okta import api
api.API_BASE_URI = "http://{identity}.{domain}"
from grove.entrypoints.local_process import entrypoint
entrypoint()
"""
LOCK_SECONDS = 5


class Grove(Collector):
    """One collection of the `local_process` entry point; it ends by itself, and compresses what it writes (it can't be told not to)."""

    key = "grove"
    label = "Grove 2.2.0"
    plain_lines = False

    def prepare(self) -> None:
        for name in ("config", "cache"):
            (self.folder / name).mkdir()
        # "127.0.0" and "1:PORT": the two are put together with a dot.
        identity, _, domain = self.target.host.rpartition(".")
        connector = {"name": "org-0", "identity": identity, "domain": domain, "connector": "okta_system_log", "key": TOKEN}
        (self.folder / "config" / "okta.json").write_text(json.dumps(connector))
        (self.folder / "launch.py").write_text(_LAUNCHER)

    def command(self) -> Command:
        environment = {"GROVE_LOCK_DURATION": str(LOCK_SECONDS)}
        for handler, path in (("CONFIG", "config"), ("CACHE", "cache"), ("OUTPUT", "out")):
            environment |= {f"GROVE_{handler}_HANDLER": "local_file", f"GROVE_{handler}_LOCAL_FILE_PATH": str(self.folder / path)}
        return Command([str(ENVIRONMENTS / "grove" / "bin" / "python"), str(self.folder / "launch.py")], environment)

    def event(self, line: dict[str, Any]) -> dict[str, Any] | None:
        line.pop("_grove", None)
        return line

    def lines(self) -> Iterator[bytes]:
        for path in sorted(self.out.rglob("*.json.gz")):
            try:
                yield from gzip.decompress(path.read_bytes()).splitlines()
            except (EOFError, gzip.BadGzipFile, zlib.error):
                yield b"a file that can't be decompressed"

    def before_restart(self) -> None:
        # A killed Grove leaves its lock, of 300 s by default, during which the next one does nothing.
        time.sleep(LOCK_SECONDS + 1)
