"""The real flow, with a tally of what stays in its process and what leaves it.

Bytewax pickles what it sends to another process and nothing else, so every pickled page is one that crossed. Each process notes what
happens, a line each, in `$TALLY_FOLDER/<pid>`.
"""

import os
from pathlib import Path
from typing import Any

from flows import system_log
from flows.pipeline.enrich import Enricher
from okta_source.partition import RetiredPartition
from okta_source.polling.event import Batch
from okta_source.source import OktaSource
from sinks.documents import Documents


def get_flow(config_path: str, *, until_drained: bool) -> Any:
    """The flow of `flows.system_log`."""
    note = _tally()
    for page in (Batch, Documents):
        _before(page, "__reduce__", lambda _self: note("crossed"))
    _before(Enricher, "__call__", lambda _self, batch: note(f"page {batch.tenant}"))
    build_part = OktaSource.build_part

    def noted_build_part(self: OktaSource, step_id: str, for_part: str, resume_state: Any) -> Any:
        part = build_part(self, step_id, for_part, resume_state)
        note(f"{'retired' if isinstance(part, RetiredPartition) else 'tenant'} {for_part}")
        return part

    OktaSource.build_part = noted_build_part  # type: ignore[method-assign]
    return system_log.get_flow(config_path, until_drained=until_drained)


def _before(owner: type, name: str, note: Any) -> None:
    method = getattr(owner, name)

    def noted(self: Any, *arguments: Any) -> Any:
        note(self, *arguments)
        return method(self, *arguments)

    setattr(owner, name, noted)


def _tally() -> Any:
    path = Path(os.environ["TALLY_FOLDER"]) / str(os.getpid())
    lines = path.open("a", buffering=1)
    return lambda line: lines.write(f"{line}\n")
