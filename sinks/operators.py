"""Outputs for a dataflow of your own: files, Elasticsearch and OpenSearch, webhooks.

    import okta_source.operators as okta
    import sinks.operators as out

    polled = okta.input("okta", flow, tenants=[acme])
    documents = okta.enrich("enrich", polled.oks, [acme])
    out.file("archive", documents, out.FileSinkConfig(path="/srv/okta/{tenant}/{date}.ndjson"), tenants=polled.tenants)

Settings are built in code, with the names, defaults and checks of the configuration file (docs/configuration.md). A step's id is its sink's
name: in metrics, dead letters and the saved state, so it never changes.

All of them end the run where they can't go on, such as on a full disk, by raising `sinks.SinkStopped`: Bytewax takes no last snapshot then,
and the next run on the same recovery store sends again what is missing.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import bytewax.operators as op
from bytewax.dataflow import Stream

from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, HecConfig, WebhookSinkConfig
from sinks.config.targets import make_target, policy_of
from sinks.dead_letters.sink import DeadLetterFile
from sinks.documents import DocumentHead, Documents
from sinks.file.sink import FileSink
from sinks.metrics import tell_sink
from sinks.outbox.sink import KeyedSink

__all__ = ["ElasticsearchSinkConfig", "FileSinkConfig", "HecConfig", "Page", "WebhookSinkConfig", "elasticsearch", "file", "webhook"]


_PATIENCE_SECONDS = 60.0


class Page(Protocol):
    """What these outputs take: one page of one tenant's documents, as `okta_source.operators.enrich` makes them."""

    @property
    def tenant(self) -> str:
        """The tenant's name."""

    @property
    def heads(self) -> Sequence[DocumentHead]:
        """What is known of each event."""

    @property
    def prefixes(self) -> Sequence[bytes]:
        """Each document's first members, from the opening brace to the comma."""

    @property
    def bodies(self) -> Sequence[memoryview | bytes]:
        """The rest of each document, to the closing brace; never with a line break."""


def file(step_id: str, up: Stream[Page], config: FileSinkConfig, *, tenants: Sequence[str], state_dir: Path | None = None) -> None:
    """Write files of one JSON line per event.

    Unit of parallelism: the tenant, on the worker of the source's partition. Delivery: exactly once across crash and resume, with a
    recovery store and its `state_dir`; at least once without. A snapshot holds the size of each file in use; on resume each is cut back to
    it.

    Args:
        step_id: Unique id, and the sink's name.
        up: Pages of documents.
        config: Where to. A relative path counts from the working directory. Its filters and its format are the main flow's affair: here
            every document is written as it is.
        tenants: The names of the source's partitions: `OktaOut.tenants`.
        state_dir: The recovery directory of this run, which also gets the sink's journal of what files were before; `Run.state_dir`.
    """
    tell_sink(step_id, config.type)
    journal_dir = state_dir / "files" if state_dir else None
    path = os.path.abspath(config.path)  # noqa: PTH100  # a template is not a path yet
    # A relative path counts from the working directory here, and so does what is remembered of its files.
    base = "" if os.path.isabs(config.path) else str(Path.cwd())  # noqa: PTH117
    sink = FileSink(
        step_id,
        path,
        tenants,
        compression=config.compression,
        base=base,
        keep=config.keep,
        journal_dir=journal_dir,
        file_mode=config.mode,
    )
    op.output(step_id, op.map(f"{step_id}_by_tenant", up, _by_tenant), sink)


def elasticsearch(
    step_id: str,
    up: Stream[Page],
    config: ElasticsearchSinkConfig,
    *,
    tenants: Sequence[str],
    dead_letter_dir: Path,
    outbox_dir: Path | None = None,
    wait_until: Callable[[], float] | None = None,
) -> None:
    """Create documents in Elasticsearch or OpenSearch.

    Unit of parallelism: the tenant; all tenants of a process share a writer with up to `max_in_flight` requests. Delivery: effectively
    once, since an event's uuid is its `_id`; what the server refuses for good goes to the dead letters with its words. Nothing waits for
    the server: events lie in the outbox until they are there. A snapshot holds where the tenant's outbox ends.

    Args:
        step_id: Unique id, and the sink's name.
        up: Pages of documents.
        config: Where to, and how.
        tenants: The names of the source's partitions: `OktaOut.tenants`.
        dead_letter_dir: Where refused events go, in a folder of the sink's name.
        outbox_dir: Where a folder for the sink is made, which holds what is still to be sent; of one run at a time. By default `outbox`
            beside `dead_letter_dir`.
        wait_until: Until which moment on `time.monotonic` the end of the run waits for it to be empty; `RunControl.outbox_deadline`. By
            default a minute.
    """
    _send(step_id, up, config, tenants, dead_letter_dir, outbox_dir, wait_until)


def webhook(
    step_id: str,
    up: Stream[Page],
    config: WebhookSinkConfig,
    *,
    tenants: Sequence[str],
    dead_letter_dir: Path,
    outbox_dir: Path | None = None,
    wait_until: Callable[[], float] | None = None,
) -> None:
    """Post batches of events to a URL.

    Unit of parallelism: the tenant, whose batches go out in order. Delivery: at least once, the same batch under the same `webhook-id`. A
    snapshot holds where the tenant's outbox ends, as with `elasticsearch`.

    Args:
        step_id: Unique id, and the sink's name.
        up: Pages of documents.
        config: Where to, and how.
        tenants: The names of the source's partitions: `OktaOut.tenants`.
        dead_letter_dir: Where refused events go, in a folder of the sink's name.
        outbox_dir: Where a folder for the sink is made, which holds what is still to be sent; of one run at a time. By default `outbox`
            beside `dead_letter_dir`.
        wait_until: Until which moment on `time.monotonic` the end of the run waits for it to be empty; `RunControl.outbox_deadline`. By
            default a minute.
    """
    _send(step_id, up, config, tenants, dead_letter_dir, outbox_dir, wait_until)


def _send(
    step_id: str,
    up: Stream[Page],
    config: ElasticsearchSinkConfig | WebhookSinkConfig,
    tenants: Sequence[str],
    dead_letter_dir: Path,
    outbox_dir: Path | None,
    wait_until: Callable[[], float] | None,
) -> None:
    tell_sink(step_id, config.type)
    sink = KeyedSink(
        step_id,
        tenants,
        make_target=lambda: make_target(step_id, config),
        policy=policy_of(config),
        letters=DeadLetterFile(dead_letter_dir),
        document_format="raw",
        outbox_dir=outbox_dir or dead_letter_dir.parent / "outbox",
        wait_until=(lambda _progress: wait_until()) if wait_until else _for_a_minute(),
        on_failure=_told_by_the_writer,
    )
    op.output(step_id, op.map(f"{step_id}_by_tenant", up, _by_tenant), sink)


def _for_a_minute() -> Callable[[bool], float]:
    """A minute from the end of the run on, or from when something last got through."""
    until = 0.0

    def wait_until(progress: bool) -> float:  # noqa: FBT001 (as it is called)
        nonlocal until
        if progress or not until:
            until = time.monotonic() + _PATIENCE_SECONDS
        return until

    return wait_until


def _by_tenant(page: Page) -> tuple[str, Documents]:
    return page.tenant, Documents(page.tenant, page.heads, page.prefixes, page.bodies)


def _told_by_the_writer(_tenants: Iterable[str], _error_type: str) -> None:
    """Failures are logged and counted by sink; the tenants' own counters belong to the main flow."""
