"""Elastic's Filebeat 7.17: its `httpjson` input as the Okta module sets it up, to its file output."""

from typing import Any

import orjson

from tests.benchmarks.races.collector import ENVIRONMENTS, Collector, Command
from tests.benchmarks.races.server import TOKEN

# The module's request, rate limit, pagination and cursor, without its processors: they parse each event once more.
_CONFIGURATION = """\
filebeat.inputs:
  - type: httpjson
    config_version: "2"
    interval: 60s
    request.method: GET
    request.url: "{url}/api/v1/logs?limit=1000&sortOrder=ASCENDING"
    request.rate_limit:
      limit: '[[.last_response.header.Get "X-Rate-Limit-Limit"]]'
      remaining: '[[.last_response.header.Get "X-Rate-Limit-Remaining"]]'
      reset: '[[.last_response.header.Get "X-Rate-Limit-Reset"]]'
      early_limit: 0.89
    request.transforms:
      - set:
          target: header.Authorization
          value: "SSWS {token}"
      - set:
          target: url.params.since
          value: "[[.cursor.published]]"
          default: '[[formatDate (now (parseDuration "-48h")) "RFC3339"]]'
    response.pagination:
      - set:
          target: url.value
          value: '[[getRFC5988Link "next" .last_response.header.Link]]'
          fail_on_template_error: true
    cursor:
      published:
        value: "[[.last_event.published]]"
    publisher_pipeline.disable_host: true
output.file:
  path: "{out}"
  filename: okta
  rotate_every_kb: 10485760
  number_of_files: 1024
logging.to_stderr: true
"""


class Filebeat(Collector):
    """It polls for ever, every 60 s, so the bench ends it. Its state is its registry."""

    key = "filebeat"
    label = "Filebeat 7.17.29"
    ends_itself = False

    def prepare(self) -> None:
        path = self.folder / "filebeat.yml"
        path.write_text(_CONFIGURATION.format(url=self.target.url, token=TOKEN, out=self.out))
        # Filebeat refuses a configuration that others may write.
        path.chmod(0o600)

    def command(self) -> Command:
        arguments = [str(ENVIRONMENTS / "filebeat" / "filebeat"), "--path.home", str(self.folder), "--path.data", str(self.folder / "data")]
        return Command([*arguments, "-c", str(self.folder / "filebeat.yml")])

    def event(self, line: dict[str, Any]) -> dict[str, Any] | None:
        found: dict[str, Any] = orjson.loads(line["message"])
        return found
