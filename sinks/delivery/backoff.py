"""How long to wait before the next try."""

import random

__all__ = ["backoff_seconds"]

_BASE_SECONDS = 0.5
_CAP_SECONDS = 30.0


def backoff_seconds(failures: int, rng: random.Random) -> float:
    """The wait after a number of failures in a row: 0.5, 1, 2 … up to 30 s, each times 0.5 to 1.

    The jitter keeps the processes of a cluster from coming back to a target all at once.

    Args:
        failures: 1 or more.
        rng: The source of randomness.
    """
    return min(_CAP_SECONDS, _BASE_SECONDS * 2.0 ** min(failures - 1, 10)) * rng.uniform(0.5, 1.0)
