"""The errors that leave a sink. Any of them ends the run, so only what the operator must act on is raised.

```
Exception
├── SinkStopped          a sink can't go on; nothing may be dropped, so the run ends and its next start sends again
└── SecretUnavailable    a credential can't be read just now; never leaves a target, which makes a failed attempt of it
```
"""

import errno
from types import MappingProxyType

from sinks.durable import ForeignFileError

__all__ = ["SecretUnavailable", "SinkStopped", "advice", "stopped_by", "stopped_in"]

_PERMISSION_FIX = "let the user that runs the pipeline write there (chown or chmod)"
_NAME_FIX = "correct the path"

# What the operating system says, in words, and what helps.
_ADVICE = MappingProxyType({
    errno.ENOSPC: ("the disk is full", "free some space, or move the path to a larger disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or raise the quota"),
    errno.EFBIG: ("the file may not grow any further", "raise the file size limit (ulimit -f), or use {hour} in the path"),
    errno.EACCES: ("permission denied", _PERMISSION_FIX),
    errno.EPERM: ("permission denied", _PERMISSION_FIX),
    errno.EROFS: ("the file system is read-only", "mount it writable, or move the path"),
    errno.EISDIR: ("there is a directory of that name", "move the directory away, or change the path"),
    errno.ENOTDIR: ("a part of the path is a file", "move that file away, or change the path"),
    errno.EEXIST: ("a part of the path is a file", "move that file away, or change the path"),
    errno.ENAMETOOLONG: ("the path is too long", "shorten the path"),
    errno.ELOOP: ("the path has too many symbolic links", _NAME_FIX),
    errno.EMFILE: ("the process has too many open files", "raise the limit (ulimit -n)"),
    errno.ENFILE: ("the system has too many open files", "raise the limit (fs.file-max)"),
    errno.EIO: ("the disk reported an input/output error", "check the disk and the kernel log"),
})  # fmt: skip

# By whether the run keeps its state.
_WHAT_IS_SAFE = MappingProxyType({
    True: "Nothing is lost: the next run continues from the last snapshot and writes these events again.",
    False: "This run keeps no state (-r), so the next one starts where start_from says, and fetches these "
    "events again if that reaches back far enough.",
    None: "With a state directory (-r) nothing is lost: the next run continues from the last snapshot and sends "
    "these events again.",
})  # fmt: skip


class SecretUnavailable(Exception):  # noqa: N818 (it names what happened)
    """A credential can't be read; the message names the variable or file, never a value."""


class SinkStopped(Exception):  # noqa: N818 (it names what happened, like StopIteration)
    """A sink can't go on: the run ends without a last snapshot, and the next one sends what is missing.

    What Bytewax lets through is another exception, of this class and made of a text alone, or one of its own,
    as when a snapshot fails; `stopped_in` finds the original behind it.

    Attributes:
        message: The whole story for people: what, where, why, what to do, what is safe.
        sink: The sink's name.
        tenant: The tenant's name; empty where the trouble concerns them all.
        path: The file, or the address, that couldn't be written.
        reason: What went wrong.
        fix: What to do about it.
    """

    def __init__(self, message: str, *, sink: str = "", tenant: str = "", path: str = "", reason: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.sink = sink
        self.tenant = tenant
        self.path = path
        self.reason = reason
        self.fix = fix


def stopped_in(error: BaseException) -> SinkStopped | None:
    """The sink's own exception behind the one that ended a run; None if no sink ended it."""
    found = None
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, SinkStopped):
            found = link
        link = link.__cause__
    return found


def stopped_by(error: OSError, *, sink: str, tenant: str, path: str, resumes: bool | None) -> SinkStopped:
    """What to raise when the operating system refuses to write.

    Args:
        error: The refusal.
        sink: The sink's name.
        tenant: The tenant whose events were to be written; empty where they are several.
        path: The file or directory that was to be written.
        resumes: Whether the run keeps its state, so that the next one continues where this one was; None
            where the sink can't know.
    """
    reason, fix = advice(error)
    whose = f" of tenant {tenant!r}" if tenant else ""
    message = (
        f"sink {sink!r} stopped the run: it can't write the events{whose} to {path}: {reason}. "
        f"What to do: {fix}, then start the run again. {_WHAT_IS_SAFE[resumes]}"
    )
    return SinkStopped(message, sink=sink, tenant=tenant, path=path, reason=reason, fix=fix)


def advice(error: OSError) -> tuple[str, str]:
    """Why the operating system refuses to write, in words, and what helps."""
    if isinstance(error, ForeignFileError):
        return error.reason, error.fix
    return _ADVICE.get(error.errno or 0, (error.strerror or str(error) or type(error).__name__, "check the disk"))
