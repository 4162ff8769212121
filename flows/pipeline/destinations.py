"""From a sink's table to the sink itself, as the flows use it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bytewax.outputs import FixedPartitionedSink

from flows.runtime.lifecycle import stop_run
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.metrics import count_error
from sinks.config import FileSinkConfig, SinkConfig
from sinks.config.targets import make_target, policy_of
from sinks.dead_letters.sink import DeadLetterFile
from sinks.file.sink import FileSink
from sinks.metrics import tell_sink
from sinks.outbox.sink import KeyedSink

__all__ = ["BESIDE", "build_sink", "label_keys"]

BESIDE = ("backfill", "audit-*")
"""What stands in the names of files that others than the main flow put beside its own."""


def label_keys(tenants: Iterable[TenantConfig]) -> Sequence[str]:
    """The labels that tenants are given: each is a field of a search index."""
    return sorted({key for tenant in tenants for key in tenant.labels})


def build_sink(
    name: str,
    config: SinkConfig,
    partition_names: Sequence[str],
    *,
    state_dir: Path | None,
    letters: DeadLetterFile,
    outbox_dir: Path,
    control: RunControl,
    labels: Sequence[str] = (),
) -> FixedPartitionedSink[Any, Any]:
    """A sink for the main flow.

    Args:
        name: The sink's name.
        config: Its table.
        partition_names: The source's partitions, retired ones and those that the sink's filter leaves out included: partitions are assigned
            to workers by their position, and a tenant's events shall not leave theirs.
        state_dir: Bytewax's recovery directory, None when the run keeps no state.
        letters: Where events go that can't be delivered; one for all sinks of a process.
        outbox_dir: Where a sink that sends keeps what it has still to send.
        control: The run's switches.
        labels: See `label_keys`.

    Returns:
        A sink that takes keyed items `(tenant, Documents)`.
    """
    tell_sink(name, config.type)
    if isinstance(config, FileSinkConfig):
        journal_dir = state_dir / "files" if state_dir else None
        return FileSink(
            name,
            config.path,
            partition_names,
            compression=config.compression,
            base=config.base,
            file_mode=config.mode,
            keep=config.keep,
            beside=BESIDE,
            journal_dir=journal_dir,
        )
    return KeyedSink(
        name,
        partition_names,
        make_target=lambda: make_target(name, config, label_keys=labels),
        policy=policy_of(config),
        letters=letters,
        outbox_dir=outbox_dir,
        document_format=config.format,
        wait_until=lambda progress: control.outbox_deadline(progress=progress),
        on_left=lambda left: control.left_behind(str(left)),
        on_failure=_count_failures,
        on_stopped=stop_run,
    )


def _count_failures(tenants: Iterable[str], error_type: str) -> None:
    for tenant in tenants:
        count_error(tenant, error_type, "deliver")
