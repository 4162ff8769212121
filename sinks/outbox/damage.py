"""What can't be read in an outbox: put aside, so that everything else goes on, and told once."""

import logging
import os
from pathlib import Path

from sinks.durable import open_own, sync_directory, write_all
from sinks.outbox.segments import segment_path

__all__ = ["put_aside"]

_LOG = logging.getLogger(__name__)


def put_aside(folder: Path, tenant: str, offset: int, data: bytes) -> None:
    """Keep the bytes that can't be read in a file beside the segments, and tell of them, unless an earlier run has.

    Args:
        folder: The tenant's.
        tenant: The tenant's name.
        offset: The offset at which they begin, which the file is named by.
        data: The bytes.

    Raises:
        OSError: They can't be kept.
    """
    path = segment_path(folder, offset).with_suffix(".damaged")
    if path.exists() and data in path.read_bytes():
        return
    fd = open_own(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(folder)
    _LOG.error(
        "outbox %s: %d bytes of tenant %s can't be read and are not sent; everything else is. They are kept in %s. What to do: check the "
        "disk and the kernel log; python -m flows.audit finds which events a search index lacks, --repair delivers them, and "
        "python -m flows.backfill sends a span of time again to any sink; then delete that file.",
        folder,
        len(data),
        tenant,
        path,
    )
