"""Tenzir: a pipeline of its documented operators, `from_http` with pagination by Link header into `to_file`."""

from typing import Any

from tests.benchmarks.races.collector import ENVIRONMENTS, Collector, Command
from tests.benchmarks.races.server import TOKEN

_PIPELINE = """\
from_http "{url}/api/v1/logs?since={since}&sortOrder=ASCENDING&limit=1000",
  headers={{Authorization: "SSWS {token}", Accept: "application/json"}},
  {delay}paginate="link" {{
  read_json arrays_of_objects=true, raw=true
}}
{mapping}to_file "{path}" {{ write_ndjson }}
"""


class Tenzir(Collector):
    """It keeps no cursor: a second start begins again, into a file of its own. It follows next links for ever, so the bench ends it."""

    key = "tenzir"
    label = "Tenzir 6.20.0"
    ends_itself = False
    mapping = ""

    def command(self) -> Command:
        path = self.folder / f"{self.starts}.tql"
        delay = f"paginate_delay={1 / self.target.requests_per_second:.2f}s, " if self.target.requests_per_second else ""
        pipeline = _PIPELINE.format(
            url=self.target.url,
            since=self.target.since,
            token=TOKEN,
            delay=delay,
            mapping=self.mapping,
            path=self.out / f"{self.starts}.ndjson",
        )
        path.write_text(pipeline)
        tenzir = ENVIRONMENTS / "tenzir" / "bin" / "tenzir"
        return Command([str(tenzir), "--file", str(path)])

    def event(self, line: dict[str, Any]) -> dict[str, Any] | None:
        return line
