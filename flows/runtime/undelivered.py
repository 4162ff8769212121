"""What a run says at its end of events that it has fetched and not delivered."""

from collections.abc import Mapping

__all__ = ["INPUT", "undelivered", "undelivered_words"]

INPUT = "input"
"""The sink under which the source's own dead letters stand: what Okta sent that is no event."""


def undelivered(letters: Mapping[str, int]) -> int:
    """How many events became dead letters instead of reaching their target.

    Args:
        letters: Sink → dead letters of this run.
    """
    return sum(number for sink, number in letters.items() if sink != INPUT)


def undelivered_words(letters: Mapping[str, int]) -> str:
    """The same for people, with what to do; nothing where every event reached its target."""
    refused = {sink: number for sink, number in letters.items() if sink != INPUT}
    if not refused:
        return ""
    each = ", ".join(f"{number:,} of sink {sink}" for sink, number in refused.items())
    count = sum(refused.values())
    what = "event became a dead letter" if count == 1 else "events became dead letters"
    return f"{count:,} {what} ({each}): python -m flows.replay sends them again"
