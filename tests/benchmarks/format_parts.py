"""Where the microseconds of a format go: its steps by themselves, in this process, on pages as the flow has them.

    python -m tests.benchmarks.format_parts [--events N] [--mix varied|everyday]

Each row is the CPU of one more step than the row before it. What is known once everything has been seen tells what an event costs at least;
what comes on top is what is new in it: sessions, places, targets.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import IO

from rich.console import Console
from rich.table import Table

from flows.pipeline.enrich import Enricher
from flows.pipeline.formats.ecs_format import EcsFormat
from flows.pipeline.formats.event import Event, read_event
from flows.pipeline.formats.formatter import Format, Formatter
from flows.pipeline.formats.ocsf_format import OcsfFormat
from flows.pipeline.formats.page import to_page
from flows.runtime.housekeeping import tune_process
from okta_source.polling.event import Batch, slice_page
from okta_source.simulator import Organisation
from sinks.documents import Documents
from tests.benchmarks.simulated import EVENT_BYTES
from tests.unit.flows.pipeline.formats.events import RECEIVED_AT, tenant

PAGE_EVENTS = 1000
MAKERS: Sequence[Callable[[], Format]] = (EcsFormat, lambda: OcsfFormat("1.3.0"))


def pages_of(events: int, mix: str) -> list[Documents]:
    """Pages of raw documents, as sinks get them."""
    texts = list(Organisation("acme", events=events, event_bytes=EVENT_BYTES, mix=mix).persisted())
    enrich = Enricher({"acme": tenant()})
    pages = []
    for start in range(0, events, PAGE_EVENTS):
        page = slice_page(b"[" + b",".join(texts[start : start + PAGE_EVENTS]) + b"]")
        pages.append(enrich(Batch("acme", "poll", RECEIVED_AT, page.heads, page.bodies)))
    return pages


def cpu_seconds(step: Callable[[], object]) -> float:
    """Of the best of three."""
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        step()
        best = min(best, time.process_time() - began)
    return best


def steps_of(make: Callable[[], Format], pages: Sequence[Documents]) -> Iterable[tuple[str, float]]:
    """The steps and what each costs together with those before it, in seconds."""
    read: list[list[Event]] = [[read_event(b"{" + bytes(body)) for body in page.bodies] for page in pages]
    reading = cpu_seconds(lambda: [read_event(b"".join((b"{", body))) for page in pages for body in page.bodies])
    yield "find the event's members", reading

    def bodies(document_format: Format) -> None:
        for page, events in zip(pages, read, strict=True):
            context = document_format.context(page.prefixes[0])
            for event, head in zip(events, page.heads, strict=True):
                document_format.body(event, head.published, context)

    veteran = make()
    bodies(veteran)
    yield "map what is known", reading + cpu_seconds(lambda: bodies(veteran))
    yield "map what is new", reading + cpu_seconds(lambda: bodies(make()))
    for name, with_original in (("walk the page, prefix and tail", False), ("Okta's event in it", True)):
        yield name, cpu_seconds(partial(format_pages, make, pages, with_original=with_original))
    with tempfile.TemporaryFile() as file:
        yield "write it", cpu_seconds(partial(format_pages, make, pages, with_original=True, into=file))


def format_pages(make: Callable[[], Format], pages: Sequence[Documents], *, with_original: bool, into: IO[bytes] | None = None) -> None:
    """What a sink's step does, and a file sink's after it."""
    formatter = Formatter(make(), with_original=with_original, is_shared=False, on_error=lambda _tenant, _events: None)
    for page in pages:
        made = formatter(to_page(page, several=False))
        if into is not None:
            write(made, into)


def write(page: Documents, file: IO[bytes]) -> None:
    """Append the documents, as file sinks do."""
    for piece in page.ndjson_pieces():
        file.write(piece)


def raw_seconds(pages: Sequence[Documents]) -> float:
    """What writing the same pages as they are takes."""
    with tempfile.TemporaryFile() as file:
        return cpu_seconds(lambda: [write(page, file) for page in pages])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.format_parts", description="Where a format's microseconds go.")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--mix", choices=("varied", "everyday"), default="varied")
    options = parser.parse_args(arguments)
    pages = pages_of(options.events, options.mix)
    tune_process()
    for make in MAKERS:
        shown = Table(title=f"{make().name}, {options.events:,} events, mix {options.mix}: CPU µs/event")
        for column in ("step", "more", "so far"):
            shown.add_column(column, justify="left" if column == "step" else "right")
        before = 0.0
        for name, seconds in steps_of(make, pages):
            micros = seconds / options.events * 1e6
            shown.add_row(name, f"{micros - before:.1f}", f"{micros:.1f}")
            before = micros
        Console().print(shown)
    Console().print(f"raw: {raw_seconds(pages) / options.events * 1e6:.1f} µs/event to write it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
