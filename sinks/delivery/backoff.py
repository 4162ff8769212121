"""How long to wait before the next try."""

import random

__all__ = ["backoff_seconds", "rest_seconds"]

_BASE_SECONDS = 0.5
_CAP_SECONDS = 30.0
_LONGEST_REST_SECONDS = 60.0
"""Whatever a target asks for: one that is well again before it said so is found out within a minute."""


def backoff_seconds(failures: int, rng: random.Random) -> float:
    """The wait after a number of failures in a row: 0.5, 1, 2 … up to 30 s, each times 0.5 to 1.

    The jitter keeps the processes of a cluster from coming back to a target all at once.

    Args:
        failures: 1 or more.
        rng: The source of randomness.
    """
    return min(_CAP_SECONDS, _BASE_SECONDS * 2.0 ** min(failures - 1, 10)) * rng.uniform(0.5, 1.0)


def rest_seconds(failures: int, asked_seconds: float | None, rng: random.Random) -> float:
    """The wait after a number of failures in a row, longer where the target asks for it, and never for longer than a minute.

    Args:
        failures: 1 or more.
        asked_seconds: How long the target asks to be left alone, if it does.
        rng: The source of randomness.
    """
    return min(_LONGEST_REST_SECONDS, max(backoff_seconds(failures, rng), asked_seconds or 0.0))
