"""Both ends of the calendar by every offset, through every sink, placeholder, format and reader: what the source takes, all take."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, product
from pathlib import Path
from typing import Any

import pytest

from flows.pipeline.enrich import Enricher
from flows.pipeline.formatting import Formats
from flows.reading.holdings import read_window
from flows.reading.keys import hour_of
from flows.reading.parts import parts_of
from flows.reading.plan import ArchiveFile
from flows.reading.question import Question
from flows.reading.scan import Scanner
from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import Batch, slice_page
from okta_source.polling.state import Cursor, TenantState
from sinks.config import FileSinkConfig, SinkConfig
from sinks.dead_letters.line import decode
from sinks.dead_letters.line import encode as encode_letter
from sinks.delivery.batch import Batch as Requested
from sinks.documents import Documents, Rejected
from sinks.elasticsearch.bulk import BulkEncoder
from sinks.file.sink import FileSink
from sinks.outbox.frame import LENGTHS_BYTES, encode, read_frame, read_lengths
from sinks.webhook.encoding import HecFields
from sinks.webhook.encoding import encode as encode_request
from tests.unit.okta_source.fakes import ORG

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WALLS = ("0001-01-01T00:00:00", "0001-01-01T23:59:59.999999", "9999-12-31T00:00:00", "9999-12-31T23:59:59.999999")
OFFSETS = [f"{sign}{minutes // 60:02d}:{minutes % 60:02d}" for sign in "+-" for minutes in range(24 * 60)]
EVENT = '{"uuid":"u%d","published":"%s","eventType":"user.session.start","severity":"INFO"}'
PAGE_EVENTS = 1_000


@cache
def pages() -> Sequence[Documents]:
    """Every event that happened at a moment in UTC, tagged."""
    tenant = {"name": "acme", "org_url": ORG, "auth": {"method": "ssws", "token_env": "UNUSED"}}
    enricher = Enricher({"acme": TenantConfig.model_validate(tenant)})
    events = [EVENT % (number, wall + offset) for number, (wall, offset) in enumerate(product(WALLS, OFFSETS))]
    made = []
    for start in range(0, len(events), PAGE_EVENTS):
        sliced = slice_page(f"[{','.join(events[start : start + PAGE_EVENTS])}]".encode())
        if sliced.heads:
            made.append(enricher(Batch("acme", "poll", NOW, sliced.heads, sliced.bodies)))
    return made


def moments() -> Iterator[datetime]:
    """Their moments, by the standard library."""
    for wall, offset in product(WALLS, OFFSETS):
        try:
            yield datetime.fromisoformat(wall + offset).astimezone(UTC)
        except OverflowError:
            continue


def heads() -> Iterator[Any]:
    return chain.from_iterable(page.heads for page in pages())


def test_what_has_a_moment_in_utc_is_taken() -> None:
    assert [head.published for head in heads()] == list(moments())
    assert len(list(moments())) > len(WALLS) * len(OFFSETS) // 2


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize(
    ("template", "name"), [("{tenant}", "acme"), ("{date}", "other"), ("{hour}", "other"), ("{tenant}-{date}T{hour}", "acme-otherTother")]
)
def test_files_and_whoever_reads_them(tmp_path: Path, template: str, name: str, compression: Any) -> None:
    sink = FileSink("archive", f"{tmp_path}/{template}.ndjson", ["acme"], compression=compression, journal_dir=None)
    partition = sink.build_part("archive", "acme", None)
    partition.write_batch(list(pages()))
    partition.snapshot()
    partition.close()
    (path,) = tmp_path.iterdir()
    assert path.name.startswith(f"{name}.ndjson")
    count = len(list(moments()))

    hours = sorted({hour_of(moment) for moment in moments()})
    holdings = read_window([str(path)], range(hours[0], hours[-1] + 1))
    assert sum(holdings.count(hour).events for hour in hours) == count
    assert holdings.notes == []
    hits = [hit for part in parts_of(ArchiveFile(str(path), "archive", size_bytes=path.stat().st_size)) for hit in found(part)]
    assert sorted(hit.at for hit in hits) == sorted(moment.timestamp() for moment in moments())


def found(part: Any) -> Any:
    return Scanner(Question()).scan(part).hits


@pytest.mark.parametrize("timestamped", [False, True])
@pytest.mark.parametrize(
    ("target", "index"),
    [("okta", "okta"), ("okta-{tenant}", "okta-acme"), ("okta-{date}", "okta-other"), ("{tenant}-{date}", "acme-other")],
)
def test_search_sinks(target: str, index: str, timestamped: bool) -> None:
    encoder = BulkEncoder(target, lambda: NOW, timestamped=timestamped)
    stamps = []
    for page in pages():
        lines = encoder.encode(Requested((page,))).split(b"\n")[:-1]
        assert {json.loads(line)["create"]["_index"] for line in lines[::2]} == {index}
        assert set(encoder.indices(Requested((page,)))) == {index}
        stamps += [json.loads(line).get("@timestamp") for line in lines[1::2]]
    expected = [None if timestamped else moment for moment in moments()]
    assert [stamp and datetime.fromisoformat(stamp) for stamp in stamps] == expected


def test_webhooks() -> None:
    times = []
    for page in pages():
        batch = Requested((page,))
        assert len(json.loads(encode_request(batch, "json", HecFields()))) == len(page)
        assert encode_request(batch, "ndjson", HecFields()).count(b"\n") == len(page)
        times += [json.loads(line)["time"] for line in encode_request(batch, "hec", HecFields()).splitlines()]
    assert times == [pytest.approx(moment.timestamp(), abs=0.01) for moment in moments()]


@pytest.mark.parametrize("name", ["ecs", "ocsf"])
def test_formats(name: Any) -> None:
    config: SinkConfig = FileSinkConfig(type="file", path="x", format=name)
    formats = Formats({"archive": config}, "1.3.0")
    formatter = formats.formatter("archive")
    assert formatter
    encoder = BulkEncoder("okta-{date}", lambda: NOW, timestamped=name == "ecs")
    for page in pages():
        _, shared = formats.page_by_tenant(page)
        made = formatter(shared)
        documents = [json.loads(made.document(index)) for index in range(len(made))]
        assert not any("_okta_mapping_error" in document for document in documents)
        told = [document["@timestamp" if name == "ecs" else "time_dt"] for document in documents]
        assert [shift(datetime.fromisoformat(text)) for text in told] == [shift(head.published.astimezone(UTC)) for head in page.heads]
        assert len(encoder.encode(Requested((made,))).split(b"\n")) == 2 * len(page) + 1


def shift(moment: datetime) -> datetime:
    """In milliseconds, which is what the formats hold."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_outboxes_and_dead_letters() -> None:
    for page in pages():
        _, pieces = encode(page, 1.0)
        frame = b"".join(pieces)
        again, _ = read_frame(frame[LENGTHS_BYTES:], read_lengths(frame[:LENGTHS_BYTES]))
        assert [head.published for head in again.heads] == [head.published for head in page.heads]
        for index in (0, len(page) // 2, len(page) - 1):
            head = page.heads[index]
            letter = Rejected("acme", "x", "no", 400, 1, NOW, NOW, head.uuid, head.published, "raw", page.document(index))
            told = decode(encode_letter(letter)).published
            assert isinstance(told, str)
            assert shift(datetime.fromisoformat(told)) == shift(head.published.astimezone(UTC))


def test_states() -> None:
    for moment in {min(moments()), max(moments()), *(moment + timedelta(0) for moment in list(moments())[::97])}:
        state = TenantState(Cursor(ORG, from_link=False), moment, moment, "q")
        assert TenantState.from_plain(state.to_plain()) == state
