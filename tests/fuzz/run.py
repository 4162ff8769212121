"""Runs judges over inputs, within bounds of time and memory, and keeps the input that fails."""

import random
import resource
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

from tests.fuzz.kinds import KINDS, Judge

__all__ = ["KEPT", "FoundError", "fuzz", "judge_alone"]

KEPT = Path(__file__).parent / "kept"
"""Inputs that once failed, by kind."""
_LONGEST_CPU_SECONDS = 5.0
"""Of an input of some kilobytes, which takes a thousandth of a second: a pattern that runs away is found, a busy machine isn't."""
_MOST_MEMORY_BYTES = 200 * 1024 * 1024
"""By which a process may grow over all its inputs."""
_LOOK_EVERY = 1_000


class FoundError(AssertionError):
    """An input did what it may not; the message says which, why, and how to have it again."""


def fuzz(kind: str, number: int, seed: str, keep: Path | None = None) -> Counter[str]:
    """Judge so many inputs of a kind, always the same for a seed.

    Args:
        kind: Its name.
        number: How many.
        seed: Of the randomness.
        keep: A folder for the input that fails.

    Returns:
        What came of them.

    Raises:
        FoundError: Something didn't hold.
    """
    make, rng = KINDS[kind].make, random.Random(f"{kind} {seed}")
    judge = KINDS[kind].judge()
    outcomes: Counter[str] = Counter()
    before_bytes = _peak_bytes()
    try:
        for index in range(number):
            data = make(rng)
            outcomes[_judged(judge, kind, data, f"seed {seed!r}, input {index}", keep)] += 1
            if index % _LOOK_EVERY == 0 and _peak_bytes() - before_bytes > _MOST_MEMORY_BYTES:
                raise _found(kind, data, f"seed {seed!r}, up to input {index}", "the process has grown by over 200 MB", keep)
    finally:
        judge.close()
    return outcomes


def judge_alone(kind: str, data: bytes) -> str:
    """Judge one input by a judge of its own.

    Raises:
        FoundError: Something didn't hold.
    """
    judge = KINDS[kind].judge()
    try:
        return _judged(judge, kind, data, "alone", None)
    finally:
        judge.close()


def _judged(judge: Judge, kind: str, data: bytes, where: str, keep: Path | None) -> str:
    began = time.thread_time()
    try:
        outcome = judge.judge(data)
    except Exception as error:
        raise _found(kind, data, where, f"{type(error).__name__}: {error}", keep) from error
    if time.thread_time() - began > _LONGEST_CPU_SECONDS:
        raise _found(kind, data, where, "it took over five seconds", keep)
    return outcome


def _found(kind: str, data: bytes, where: str, why: str, keep: Path | None) -> FoundError:
    kept = ""
    if keep is not None:
        path = keep / kind / f"{sha256(data).hexdigest()[:16]}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        kept = f"\nkept in {path}; again: python -m tests.fuzz --again {path}"
    shown = f"{data[:500]!r}{' …' if len(data) > 500 else ''}"
    return FoundError(f"{kind}, {where}: {why[:2000]}\n{len(data):,} bytes: {shown}{kept}")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
