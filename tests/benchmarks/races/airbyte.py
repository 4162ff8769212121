"""Airbyte's `source-okta`, stream `logs`, incremental; the bench keeps its output and its last state, as the platform would."""

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson

from tests.benchmarks.races.collector import ENVIRONMENTS, Collector, Command
from tests.benchmarks.races.server import TOKEN

# Its manifest says https://DOMAIN.okta.com. Nobody in the race pays for TLS, so only scheme and host change.
_LAUNCHER = """\
import pkgutil
original = pkgutil.get_data
def get_data(package, resource):
    data = original(package, resource)
    if resource == "manifest.yaml":
        data = data.replace(b"https://{{ config['domain'] }}.okta.com", b"http://{{ config['domain'] }}")
    return data
pkgutil.get_data = get_data
from source_okta.run import run
run()
"""
_STATE = re.compile(rb'"type":\s*"STATE"')


class Airbyte(Collector):
    """`source-okta read`; it ends by itself. Its page size, 200, stands in its manifest and can't be configured."""

    key = "airbyte"
    label = "Airbyte source-okta 0.3.26"

    def prepare(self) -> None:
        credentials = {"auth_type": "api_token", "api_token": TOKEN}
        config = {"domain": self.target.host, "start_date": self.target.since, "credentials": credentials}
        stream = {
            "name": "logs",
            "json_schema": {"type": "object"},
            "supported_sync_modes": ["full_refresh", "incremental"],
            "source_defined_cursor": True,
            "default_cursor_field": ["published"],
            "source_defined_primary_key": [["uuid"]],
        }
        configured = {
            "stream": stream,
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
            "cursor_field": ["published"],
            "primary_key": [["uuid"]],
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        (self.folder / "catalog.json").write_text(json.dumps({"streams": [configured]}))
        (self.folder / "launch.py").write_text(_LAUNCHER)

    def command(self) -> Command:
        python = ENVIRONMENTS / "airbyte" / "bin" / "python"
        arguments = [str(python), str(self.folder / "launch.py"), "read"]
        arguments += ["--config", str(self.folder / "config.json"), "--catalog", str(self.folder / "catalog.json")]
        if (state := last_state(self.lines())) is not None:
            (self.folder / "state.json").write_text(json.dumps([state]))
            arguments += ["--state", str(self.folder / "state.json")]
        return Command(arguments, output=self.out / f"{self.starts}.ndjson")

    def event(self, line: dict[str, Any]) -> dict[str, Any] | None:
        return line["record"]["data"] if line.get("type") == "RECORD" else None


def last_state(messages: Iterable[bytes]) -> dict[str, Any] | None:
    """The last complete state message among Airbyte's messages; None without any."""
    found: dict[str, Any] | None = None
    for message in messages:
        if _STATE.search(message[:64]) and message.endswith(b"\n"):
            found = orjson.loads(message)["state"]
    return found
