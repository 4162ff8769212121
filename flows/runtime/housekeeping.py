"""How this process keeps house while pages stream through it: the C library's allocator, Python's garbage collector, open files.

A page of 1,000 events takes a few buffers of 2 to 4 MB (inflated body, joined lines) that live for milliseconds. By default glibc maps each
anew and unmaps it, and every 4 KB of it costs a page fault: measured 13.3 µs CPU per 2 KB event by default, 9.8 µs with the settings below,
at the same peak memory. Where the allocator is another one (musl, macOS) nothing happens.

The collector looks at each batch of 700 new containers by default, four times a page, and finds nothing, since pages hold no cycles: 8 % of
the CPU. What start-up made is taken out of its sight, and it looks every few dozen pages.

What a rush leaves behind, such as a start with an hour of history of a thousand tenants, is free memory in small pieces all over the heap,
which glibc gives back only when told to.
"""

import contextlib
import ctypes
import gc
import os
import resource
import threading
import time
from collections.abc import Callable

__all__ = ["tune_process"]

# Parameter numbers of mallopt(3), and the environment variables by which an operator may have chosen otherwise.
_MALLOPT = (
    (-3, 64 * 1024 * 1024, "MALLOC_MMAP_THRESHOLD_"),  # M_MMAP_THRESHOLD: buffers up to this size come from the heap …
    (-1, 128 * 1024 * 1024, "MALLOC_TRIM_THRESHOLD_"),  # M_TRIM_THRESHOLD: … which keeps this much free memory at its end
    (-8, 1, "MALLOC_ARENA_MAX"),  # M_ARENA_MAX: one heap for all threads, since pages are made on one and freed on another
)

_GC_THRESHOLDS = (100_000, 20, 20)
_OPEN_FILES = 8192
_TRIM_SECONDS = 10.0


def tune_process() -> None:
    """Set allocator, collector and open files up; an allocator setting in the environment wins. For a process that runs nothing else."""
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    _allow_open_files()
    library = ctypes.CDLL(None)
    mallopt = getattr(library, "mallopt", None)
    if mallopt is None:
        return
    for parameter, value, variable in _MALLOPT:
        if variable not in os.environ:
            mallopt(parameter, value)
    malloc_trim = getattr(library, "malloc_trim", None)
    if malloc_trim is not None:
        threading.Thread(target=_trim, args=(malloc_trim,), name="okta-trim", daemon=True).start()


def _allow_open_files() -> None:
    """Raise the usual limit of 1,024 open files as far as allowed: with more, a thousand tenants keep their connections open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # forbidden in some sandboxes; there is a bound that does without
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _trim(malloc_trim: Callable[[int], int]) -> None:
    """Give free memory back now and then; while pages stream, it is faulted in again, some milliseconds each time."""
    while True:
        time.sleep(_TRIM_SECONDS)
        malloc_trim(0)
