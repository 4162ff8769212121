"""The files that one sink has open on one worker, shared by its tenants.

Bytewax asks every touched partition for its snapshot at the end of an epoch, one after another. A disk is
much faster at many syncs at once, so the first partition asked has all files of the sink synced together,
and the others find theirs clean.
"""

import resource
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from sinks.errors import SinkStopped
from sinks.file.output_file import OutputFile

__all__ = ["OpenFiles", "default_handle_limit"]

_SYNC_THREADS = 16
# A thread costs about as much as a sync saves where the disk is idle, and where it isn't, a stop has two seconds for all syncs.
_WORTH_A_POOL = 2


def default_handle_limit() -> int:
    """How many files one sink may keep open: an eighth of what the process may, for sockets need some too."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 512 if soft == resource.RLIM_INFINITY else max(8, min(512, soft // 8))


class OpenFiles:
    """Bounds the open descriptors, and syncs what was written.

    Belongs to one thread: partitions of other workers have their own.

    Attributes:
        failed: Whether something couldn't be written. Nothing is synced any more then.
    """

    def __init__(self, handle_limit: int | None = None) -> None:
        self.failed = False
        self._limit = default_handle_limit() if handle_limit is None else handle_limit
        self._used: OrderedDict[OutputFile, None] = OrderedDict()
        self._dirty: dict[OutputFile, None] = {}

    def written(self, file: OutputFile) -> None:
        """Take note that a file was opened or written; the one that was idle longest may be closed for it.

        Raises:
            SinkStopped: The last data of the file to be closed can't be written.
        """
        if file.dirty:
            self._dirty[file] = None
        self._used[file] = None
        self._used.move_to_end(file)
        while len(self._used) > self._limit:
            idle, _ = self._used.popitem(last=False)
            # While it is closed someone may move it, and the end of its frame would have nowhere to go.
            idle.finish_frame()
            idle.close()

    def sync(self) -> None:
        """Return when all that was written, by any tenant, is on the disk.

        Raises:
            SinkStopped: The operating system refuses one of the files.
        """
        if self.failed:
            message = "a file of this sink couldn't be written before"
            raise SinkStopped(message)
        self.failed = True
        files = list(self._dirty)
        for file in files:
            if file.is_open:
                file.finish_frame()
        if len(files) < _WORTH_A_POOL:
            for file in files:
                file.sync()
        else:
            # A pool for the moment only: threads that stayed would have to be ended with the process.
            with ThreadPoolExecutor(min(_SYNC_THREADS, len(files)), "file-sync") as pool:
                for result in [pool.submit(file.sync) for file in files]:
                    result.result()
        self._dirty.clear()
        self.failed = False

    def rest(self, file: OutputFile) -> None:
        """Close a file that has been synced and isn't written any more for now; the next write opens it again."""
        if file.is_open and not file.dirty:
            self._used.pop(file, None)
            file.close()

    def forget(self, file: OutputFile) -> None:
        """Close a file and leave it as it is."""
        self._used.pop(file, None)
        self._dirty.pop(file, None)
        file.close()
