"""What lies in outboxes of which this run sends nothing: of a sink that has another name now, or gets nothing any more."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sinks.config import FileSinkConfig, SinkConfig
from sinks.outbox.left import left_by_others

__all__ = ["unsent"]


def unsent(outbox_dir: Path, sinks: Mapping[str, SinkConfig], *, detects: bool) -> Iterator[str]:
    """A sentence for each folder with events that no sink of the configuration sends.

    Args:
        outbox_dir: Where sinks that send keep what they have still to send.
        sinks: The sinks by their names.
        detects: Whether there are alerts: a sink of alerts alone gets nothing without.
    """
    senders = {
        name: "events" in config.kinds or detects  # see `flows.pipeline.delivery`
        for name, config in sinks.items()
        if not isinstance(config, FileSinkConfig)
    }
    for left in left_by_others(outbox_dir, [name for name, is_fed in senders.items() if is_fed]):
        if left.sink in senders:
            why, fix = f"sink {left.sink} gets alerts alone, of which there are none without a table [detections]", "add that table"
        else:
            why = f"no sink of this configuration that sends is called {left.sink}"
            fix = "give a sink that name until the folder is empty"
        yield f"{left.waiting}, and nobody sends them: {why}. What to do: {fix}; or delete the folder to forget them."
