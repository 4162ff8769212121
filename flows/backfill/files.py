"""Where a backfill's file sinks write: beside the live flow's files, which belong to it alone.

A live flow cuts its files back when it resumes, and what somebody else has appended would go with that. So `data/{date}.ndjson` becomes
`data/{date}.backfill.ndjson`: its own for each run, found by the same globs.
"""

from collections.abc import Mapping
from datetime import timedelta

from flows.backfill.plan import Plan
from sinks.config import FileSinkConfig, SinkConfig
from sinks.file.archive_files import ArchiveFiles, beside

__all__ = ["MARKER", "beside_the_live_ones", "files_in_the_way"]

MARKER = "backfill"
_MOST_TOLD = 5
_HOUR = timedelta(hours=1)


def beside_the_live_ones(sinks: Mapping[str, SinkConfig]) -> dict[str, SinkConfig]:
    """The same sinks, with files of the backfill's own."""
    return {
        name: sink.model_copy(update={"path": beside(sink.path, MARKER), "keep": None}) if isinstance(sink, FileSinkConfig) else sink
        for name, sink in sinks.items()
    }


def files_in_the_way(sinks: Mapping[str, SinkConfig], plan: Plan) -> list[str]:
    """Files of an earlier backfill that a new plan would append to, so that their events would be there twice.

    Args:
        sinks: The sinks, their paths as the backfill writes them.
        plan: What it is to fetch.

    Returns:
        The first few of them.
    """
    found: list[str] = []
    for sink in sinks.values():
        if not isinstance(sink, FileSinkConfig):
            continue
        files = ArchiveFiles(sink.path, sink.compression, ())
        first, end = int(plan.since.timestamp() // 3600), int((plan.until - _HOUR / 3600).timestamp() // 3600) + 1
        for tenant in plan.tenants:
            hour = first
            while hour < end and len(found) < _MOST_TOLD:
                window = files.window(hour)
                found += files.existing(
                    tenant, window if len(window) == 1 or "{hour}" in sink.path else range(window.start, window.start + 1)
                )
                hour = window.stop
    return list(dict.fromkeys(found))[:_MOST_TOLD]
