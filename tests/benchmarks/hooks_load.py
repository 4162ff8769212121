"""Deliveries as Okta makes them, many at once: each on a connection of its own. For `hooks.py`."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

__all__ = ["Load", "deliver"]


@dataclass
class Load:
    """What became of the deliveries.

    Attributes:
        answered: The numbers that were answered 200.
        failed: How many were not, each attempt counted.
        seconds: How long each answered one took.
    """

    answered: list[int] = field(default_factory=list)
    failed: int = 0
    seconds: list[float] = field(default_factory=list)


async def deliver(
    port: int,
    numbers: Iterable[int],
    request: Callable[[int], bytes],
    *,
    at_once: int = 64,
    until_answered: bool = False,
    load: Load | None = None,
    timeout_seconds: float = 3.0,
) -> Load:
    """Send every delivery.

    Args:
        port: The receiver's, on this machine.
        numbers: The deliveries' numbers.
        request: A delivery's bytes by its number.
        at_once: How many are on their way at any time.
        until_answered: Whether one that fails is sent again until it doesn't.
        load: Where to note it, for who looks on.
        timeout_seconds: How long an answer is waited for.
    """
    load = load or Load()
    waiting = iter(numbers)

    async def work() -> None:
        for number in waiting:
            while True:
                started = time.monotonic()
                good = await _once(port, request(number), timeout_seconds)
                if good:
                    load.answered.append(number)
                    load.seconds.append(time.monotonic() - started)
                    break
                load.failed += 1
                if not until_answered:
                    break
                await asyncio.sleep(0.02)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return load


async def _once(port: int, data: bytes, timeout_seconds: float) -> bool:
    writer = None
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            status = await reader.readline()
            return b" 200 " in status
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()
