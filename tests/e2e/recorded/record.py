"""Record what a release leaves behind when it is killed: run with that release first in PYTHONPATH, see the package's docstring."""

import json
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from paged_log import PAGE_EVENTS, PagedLog  # beside this file, as Python runs it

from okta_source.simulator import Organisation

WHEN = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
# Two that are killed on their way, and one that is through.
EVENTS = {"acme": 30, "globex": 26, "initech": 5}
TENANT = """
[[tenants]]
name = "{name}"
org_url = "{url}"
start_from = "2d"
page_limit = {limit}
[tenants.auth]
method = "ssws"
token_file = "token"
"""
SINKS = """
[sinks.archive]
type = "file"
path = "out/{tenant}/{date}.ndjson"

[sinks.packed]
type = "file"
path = "packed/{tenant}/{date}.ndjson"
compression = "zstd"
"""


def main(archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="recorded-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "events").mkdir()
        logs: dict[str, PagedLog] = {}
        for tenant, count in EVENTS.items():
            events = Organisation(tenant, seed=8, events=count, span_seconds=90_000, now=WHEN).persisted()
            (folder / "events" / f"{tenant}.ndjson").write_bytes(b"".join(event + b"\n" for event in events))
            logs[tenant] = stack.enter_context(PagedLog(events, latency_seconds=0.12))
        places = {"folder": name, **{tenant: log.url for tenant, log in logs.items()}}
        (folder / "places.json").write_text(json.dumps(places))
        (folder / "token").write_text("00recorded")
        (folder / "token").chmod(0o600)
        tables = [TENANT.format(name=tenant, url=log.url, limit=PAGE_EVENTS) for tenant, log in logs.items()]
        (folder / "okta.toml").write_text("".join(['[pipeline]\ndead_letter_dir = "dead"\n', *tables, SINKS]))
        (folder / "state").mkdir()
        subprocess.run([sys.executable, "-m", "bytewax.recovery", "state", "1"], cwd=folder, check=True)
        flow = subprocess.Popen([sys.executable, "-m", "bytewax.run", "flows.system_log", "-r", "state", "-s", "1", "-b", "0"], cwd=folder)
        # A snapshot a second: when it is killed, the files are ahead of the last one.
        while len(logs["acme"].cursors) < 13:
            assert flow.poll() is None, "the flow has ended"
            time.sleep(0.005)
        flow.kill()
        flow.wait()
        (folder / "dataflow.json").unlink(missing_ok=True)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as packed:
            for path in sorted(folder.rglob("*")):
                packed.write(path, path.relative_to(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
