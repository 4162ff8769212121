"""An archive as years of crashes, backfills and rotations leave it, and the plain loop that judges whoever searches it."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from isal import igzip

from okta_source.simulator.organisation import Organisation

DAY = datetime(2026, 11, 20, tzinfo=UTC)
FORMS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": igzip.compress, ".zst": zstandard.ZstdCompressor().compress}


@dataclass
class MadeArchive:
    """Files below a folder, in the layout `data/{tenant}/{date}.ndjson`.

    Attributes:
        template: The path.
        tenants: Whose events they hold.
        files: Every file.
        bad_lines: How many lines hold no event.
        torn: How many files end in half a line or half a frame.
    """

    template: str
    tenants: tuple[str, ...]
    files: list[Path] = field(default_factory=list)
    bad_lines: int = 0
    torn: int = 0

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Every whole line of every file, whole frames only, as a few lines of Python read them: the tenant and the line."""
        for path in self.files:
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = _inflated(data, lambda: __import__("zlib").decompressobj(31))
            elif path.suffix == ".zst":
                data = _inflated(data, lambda: zstandard.ZstdDecompressor().decompressobj())
            for line in data.split(b"\n")[:-1]:
                yield path.parent.name, line

    def events(self) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
        """Every event, each once: tenant, line, the event."""
        seen = set()
        for tenant, line in self.lines():
            try:
                event = json.loads(line.decode("utf-8", "replace"))
            except ValueError:
                continue
            if isinstance(event, dict) and "uuid" in event and (tenant, event["uuid"]) not in seen:
                seen.add((tenant, event["uuid"]))
                yield tenant, line, event


def make_archive(folder: Path, seed: int, events: int = 150, days: int = 3, tenants: Sequence[str] = ("acme", "globex")) -> MadeArchive:
    """Make one; the same seed makes the same."""
    draw = random.Random(seed)
    archive = MadeArchive(str(folder / "data/{tenant}/{date}.ndjson"), tuple(tenants))
    for tenant in tenants:
        organisation = Organisation(tenant, events=events * days, seed=seed, span_seconds=86400.0 * days, now=DAY + timedelta(days=days))
        by_day: dict[str, list[bytes]] = {}
        for number, event in enumerate(organisation.persisted()):
            published = json.loads(event)["published"]
            by_day.setdefault(published[:10], []).append(_tagged(draw, tenant, event, published, number))
        for date, lines in by_day.items():
            _write_day(draw, archive, folder / "data" / tenant, date, lines)
    return archive


def _tagged(draw: random.Random, tenant: str, event: bytes, published: str, number: int) -> bytes:
    tags = {
        "_okta_event_type": "systemLog", "_okta_tenant": tenant, "_okta_org": f"{tenant}.okta.com", "_okta_category": "authentication",
        "_okta_source": "poll", "_okta_ingested_at": published,
    }  # fmt: skip
    body = event.replace(b"\n", b" ").lstrip()[1:]
    chance = draw.random()
    if chance < 0.02:
        body = b'"half":"\\ud83d",' + body
    elif chance < 0.04:
        body = body.replace(b'"displayMessage":"', b'"displayMessage":"\xff\xfe', 1)
    elif chance < 0.06:
        # The same text in another spelling.
        body = body.replace(b'"SUCCESS"', b'"\\u0053UCCESS"').replace(b'"user.', b'"\\u0075ser.')
    return json.dumps(tags, separators=(",", ":")).encode()[:-1] + b"," + body


def _write_day(draw: random.Random, archive: MadeArchive, folder: Path, date: str, lines: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ending = draw.choice(sorted(FORMS))
    frame = FORMS[ending]
    live, beside = lines[: len(lines) * 3 // 4], lines[len(lines) // 2 :]
    data = b""
    for start in range(0, len(live), 20):
        chunk = live[start : start + 20]
        if draw.random() < 0.2:
            chunk = [*chunk[:5], draw.choice((b"not json", b'{"uuid":"torn","published":"2026-', b"[1,2]", b'{"a":}')), *chunk[5:]]
            archive.bad_lines += 1
        data += frame(b"\n".join(chunk) + b"\n")
    if draw.random() < 0.5:
        whole = frame(lines[-1] + b"\n")
        data += whole[: len(whole) // 2]
        archive.torn += 1
    _write(archive, folder / f"{date}.ndjson{ending}", data)
    marker = draw.choice(("backfill", "audit-20261123T060000Z"))
    other = draw.choice(sorted(FORMS))
    _write(archive, folder / f"{date}.{marker}.ndjson{other}", FORMS[other](b"\n".join(reversed(beside)) + b"\n"))
    (folder / f"{date}.ndjson{ending}.unfinished").write_bytes(b'{"uuid":"aside"}\n')


def _write(archive: MadeArchive, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    archive.files.append(path)


def _inflated(data: bytes, new_decoder: Callable[[], Any]) -> bytes:
    """All of a file's frames, of the last one what there is of it."""
    found = b""
    while data:
        decoder = new_decoder()
        found += decoder.decompress(data)
        data = decoder.unused_data if decoder.eof else b""
    return found
