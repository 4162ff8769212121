"""A file sink, step by step: what stands where its files will be, the folder's rights, the disk."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from flows.check.folders import judge_disk, judge_file, judge_rights
from okta_source.check.report import Verdict, ok
from sinks.config import FileSinkConfig
from sinks.file.compression import SUFFIXES
from sinks.paths import PathTemplate

__all__ = ["check_file_sink"]


def check_file_sink(
    config: FileSinkConfig,
    tenants: Sequence[str],
    now: datetime,
    *,
    access: Callable[[Path], bool] | None = None,
    free_bytes: Callable[[Path], int] | None = None,
) -> Iterator[tuple[str, Verdict]]:
    """Look at the file that each tenant's next event goes to; writes nothing.

    Args:
        config: The sink's table.
        tenants: Whose events it gets.
        now: The present, UTC.
        access: Whether this process may make files in a folder; by default the operating system is asked.
        free_bytes: What is free at a folder; by default the operating system is asked.
    """
    template = PathTemplate(config.path, SUFFIXES[config.compression])
    paths = [Path(template.render(tenant, now)) for tenant in tenants] or [Path(template.render("tenant", now))]
    yield "path", _worst([judge_file(path) for path in paths], f"{template.text}: {len(paths)} tenants, nothing is in the way")
    folders = list(dict.fromkeys(path.parent for path in paths))
    yield "rights", _worst([judge_rights(folder, "the sink's files", access) for folder in folders], "")
    yield "disk", _worst([judge_disk(folder, free_bytes) for folder in folders], "")


def _worst(verdicts: Sequence[Verdict], summary: str) -> Verdict:
    for status in ("failed", "warning"):
        found = [verdict for verdict in verdicts if verdict.status == status]
        if found:
            more = f" (and {len(found) - 1} more like it)" if len(found) > 1 else ""
            return Verdict(found[0].status, found[0].detail + more, found[0].fix)
    return ok(summary) if summary and len(verdicts) > 1 else verdicts[0]
