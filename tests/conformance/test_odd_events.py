"""Odd events, from Okta's body through the poller and a file to every later reader: what one of them takes, all of them take."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import okta_source.polling.event_head
import sinks.event_head
from flows.pipeline.enrich import Enricher
from flows.pipeline.input_letters import InputLetters
from flows.pipeline.routing import Router
from flows.reading.file_archive import FileArchive
from flows.reading.keys import hour_of
from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import Batch
from okta_source.polling.limits import Backoff
from okta_source.polling.poller import Poller
from okta_source.polling.query import Query
from okta_source.polling.step import Page
from sinks.config import FileSinkConfig
from sinks.dead_letters.line import decode, encode
from sinks.dead_letters.reader import head_of, to_documents
from sinks.documents import Documents, Rejected
from sinks.event_head import read_head
from sinks.file.archive_files import ArchiveFiles
from sinks.file.archive_reader import LineReader
from sinks.file.sink import FileSink
from tests.unit.okta_source.fakes import ORG, answer, link_to

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
TYPE = b'"eventType":"user.session.start"'
HEAD = b'"uuid":"odd","published":"2024-05-01T09:30:00.000Z",' + TYPE
GOOD = b'{"uuid":"good","published":"2024-05-01T09:30:00.000Z",' + TYPE + b"}"


def at(published: str) -> bytes:
    return b'{"uuid":"odd","published":"%s",%s}' % (published.encode(), TYPE)


EVENTS = {
    "half an emoji": b"{" + HEAD + rb',"actor":{"displayName":"x \ud83d"}}',
    "the other half": b"{" + HEAD + rb',"actor":{"displayName":"\ude00 x"}}',
    "half an emoji in a name": b"{" + HEAD + rb',"\ud83d":1}',
    "halves in the wrong order": b"{" + HEAD + rb',"n":"\ude00\ud83d"}',
    "half an emoji beside 5,000 digits": b"{" + HEAD + rb',"n":"\ud83d","m":' + b"9" * 5000 + b"}",
    "half an emoji and debug": b"{" + HEAD + rb',"n":"\ud83d","severity":"DEBUG"}',
    "5,000 digits": b"{" + HEAD + b',"n":' + b"9" * 5000 + b"}",
    "beyond every float": b"{" + HEAD + b',"n":1e999}',
    "line separators": '{"n":"a\u2028b\u2029c\x85d",'.encode() + HEAD + b"}",
    "line breaks between tokens": b"{\r\n" + HEAD.replace(b",", b",\n") + b"\r\n}",
    "a line break inside a text": b"{" + HEAD + b',"n":"a\rb"}',
    "a nul": b"{" + HEAD + rb',"n":"\u0000"}',
    "a byte order mark": b"{" + HEAD + b',"n":"\xef\xbb\xbf"}',
    "a member twice": b'{"uuid":"other",' + HEAD + b"}",
    "a member of the same name inside": b'{"target":[{"uuid":"x","published":"y"}],' + HEAD + b"}",
    "escapes in its own names": rb'{"uu\u0069d":"odd","publish\u0065d":"2024-05-01T09:30:00.000\u005a",' + TYPE + b"}",
    "blanks everywhere": b"{ \t " + HEAD.replace(b":", b" : ", 1) + b" \t }",
    "no uuid of the usual form": HEAD.join([b"{", b"}"]).replace(b'"odd"', rb'"\u00e9 \u0000 /../x"'),
    "small letters in a date": at("2024-05-01t09:30:00z"),
    "a blank in a date": at("2024-05-01 09:30:00Z"),
    "another zone": at("2024-05-01T15:00:00.000+05:30"),
    "another zone without a colon": at("2024-05-01T15:00:00+0530"),
    "no zone known": at("2024-05-01T09:30:00-00:00"),
    "nanoseconds": at("2024-05-01T09:30:00.123456789Z"),
    "nanoseconds that round up": at("2024-05-01T09:59:59.999999999Z"),
    "deep": b"{" + HEAD + b',"n":' + b"[" * 300 + b"]" * 300 + b"}",
}
NO_EVENTS = {
    "half an emoji as uuid": rb'{"uuid":"\ud83d","published":"2024-05-01T09:30:00.000Z",' + TYPE + b"}",
    "half an emoji as type": rb'{"uuid":"odd","published":"2024-05-01T09:30:00.000Z","eventType":"\ud83d"}',
    "a raw control character": b"{" + HEAD + b',"n":"a\x01b"}',
    "an escape that JSON lacks": b"{" + HEAD + rb',"n":"\x41"}',
    "no number": b"{" + HEAD + b',"n":NaN}',
    "a leading zero": b"{" + HEAD + b',"n":01}',
    "the last member counts": b"{" + HEAD + b',"uuid":null}',
    "no time zone": at("2024-05-01T09:30:00"),
    "a leap second": at("2016-12-31T23:59:60Z"),
    "a comma": at("2024-05-01T09:30:00,1Z"),
    "half a character": b"{" + HEAD + b',"n":"\xed\xa0\xbd"}',
    "no object": b"[]",
}


def polled(event: bytes) -> Page:
    """The page of a body with this event, which comes again for as long as the poller asks for it."""
    poller = Poller(Query("acme", ORG), Backoff(random.Random(1)), since=NOW, now=NOW)
    body = answer(b"[" + GOOD + b"," + event + b"]", link_to("1"))
    for _ in range(3):
        page = poller.receive(body, NOW).page
        if page:
            return page
    pytest.fail("the page never came")


def enriched(page: Page) -> Documents:
    tenant = {"name": "acme", "org_url": ORG, "auth": {"method": "ssws", "token_env": "UNUSED"}}
    batch = Batch("acme", "poll", NOW, page.sliced.heads, page.sliced.bodies)
    return Enricher({"acme": TenantConfig.model_validate(tenant)})(batch)


def archived(folder: Path, documents: Documents, compression: Any) -> tuple[str, ArchiveFiles]:
    """Write with the file sink, as a flow does; the one file, and what finds it."""
    template = f"{folder}/{{tenant}}/{{date}}.ndjson"
    partition = FileSink("archive", template, ["acme"], compression=compression, journal_dir=None).build_part("archive", "acme", None)
    partition.write_batch([documents])
    partition.snapshot()
    partition.close()
    files = ArchiveFiles(template, compression, ())
    (path,) = files.existing("acme", files.window(hour_of(documents.heads[0].published)))
    return path, files


def takes(raw: bytes) -> bool:
    """Whether a later reader would take this for an event; bytes that are no text never get that far."""
    try:
        raw.decode()
        read_head(raw)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("name", EVENTS)
def test_what_the_poller_takes_every_later_reader_takes_as_the_same(tmp_path: Path, name: str, compression: str) -> None:
    page = polled(EVENTS[name])
    assert (len(page.sliced.heads), page.malformed) == (2, ())
    documents = enriched(page)
    path, files = archived(tmp_path, documents, compression)
    heads, hours = documents.heads, [hour_of(head.published) for head in documents.heads]

    lines = b"".join(LineReader(path).blocks()).splitlines()
    assert [(head.uuid, head.published, head.event_type) for head in map(read_head, lines)] == [
        (head.uuid, head.published, head.event_type) for head in heads
    ]
    archive = FileArchive(files)
    assert list(archive.copies("acme", heads, hours)) == [1, 1]
    assert list(archive.copies("acme", heads, hours, again=True)) == [1, 1]
    assert sum(count.events for count in archive.counts("acme", range(min(hours), max(hours) + 1)).values()) == 2
    assert archive.notes() == []

    letter = Rejected("acme", "search", "no", 400, 1, NOW, NOW, heads[1].uuid, heads[1].published, "raw", documents.document(1))
    again = decode(encode(letter))
    head = head_of(again)
    assert (head.uuid, head.published, head.event_type) == (heads[1].uuid, heads[1].published, heads[1].event_type)
    assert to_documents("acme", [(head, again.event)]).document(0) == lines[1] == documents.document(1)


@pytest.mark.parametrize("name", NO_EVENTS)
def test_what_the_poller_refuses_is_a_dead_letter_and_no_reader_takes_it_for_an_event(name: str) -> None:
    page = polled(NO_EVENTS[name])
    (malformed,) = page.malformed
    assert [head.uuid for head in page.sliced.heads] == ["good"]
    letter = InputLetters()(malformed)
    assert letter
    again = decode(encode(letter))
    assert not takes(malformed.raw)
    assert again.reason == letter.reason


def test_a_filter_by_severity_reads_what_the_source_reads() -> None:
    documents = enriched(polled(EVENTS["half an emoji and debug"]))
    kept = Router("archive", FileSinkConfig.model_validate({"type": "file", "path": "/x/{tenant}", "severity_at_least": "WARN"}))(documents)
    assert kept is not None
    assert [head.uuid for head in kept.heads] == ["good"]  # without a severity it passes; DEBUG does not


def test_both_packages_read_events_alike() -> None:
    ours, theirs = (Path(module.__file__ or "") for module in (okta_source.polling.event_head, sinks.event_head))
    assert ours.read_bytes() == theirs.read_bytes()
