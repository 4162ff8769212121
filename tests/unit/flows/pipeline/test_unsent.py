"""What waits in an outbox that nobody sends is told, and nothing else is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from flows.pipeline.unsent import unsent
from okta_source.polling.event import Head
from sinks.config import SinkConfig
from sinks.documents import Documents
from sinks.errors import SinkStopped, stopped_by
from sinks.file.open_files import OpenFiles
from sinks.outbox.log import Log

HOOK = {"type": "webhook", "url": "http://127.0.0.1:9/"}


def stopped(error: OSError, path: str) -> SinkStopped:
    return stopped_by(error, sink="old", tenant="", path=path, resumes=None)


def write(folder: Path, at: float, pages: int = 1, done: int = 0) -> None:
    """An outbox with pages of a kilobyte, of which so many are done with."""
    log = Log(folder, folder.name, None, "here", OpenFiles(), stopped)
    for _ in range(pages):
        log.make_room()
        head = Head(uuid="1", published=datetime(2026, 5, 1, tzinfo=UTC), event_type="x")
        log.written(log.append(Documents(folder.name, [head], [b"{"], [b'"pad":"%s"}' % (b"x" * 1000)]), at))
    for _ in range(done):
        documents, page = log.read()
        log.feed(page)
        log.settle(page, len(documents))
    log.write_position()
    log.abandon()


def told(folder: Path, detects: bool = False, **tables: dict[str, object]) -> list[str]:
    sinks = {name: TypeAdapter[SinkConfig](SinkConfig).validate_python(table) for name, table in tables.items()}
    return list(unsent(folder, sinks, detects=detects))


def test_a_sink_that_has_another_name_now(tmp_path: Path) -> None:
    write(tmp_path / "old" / "acme", 1_777_627_800.0, pages=3, done=1)
    write(tmp_path / "old" / "globex", 1_777_627_900.0)
    write(tmp_path / "new" / "acme", 1_777_627_900.0)
    (line,) = told(tmp_path, new=HOOK)
    assert line == (
        f"0.00346 MB of events wait since 2026-05-01T09:30:00.000Z in {tmp_path}/old, and nobody sends them: no sink of this configuration "
        "that sends is called old. What to do: give a sink that name until the folder is empty; or delete the folder to forget them."
    )
    assert told(tmp_path, new=HOOK, old=HOOK) == []


def test_a_file_sink_sends_nothing(tmp_path: Path) -> None:
    write(tmp_path / "old" / "acme", 1.0)
    assert len(told(tmp_path, old={"type": "file", "path": "{tenant}/{date}"})) == 1


def test_a_sink_of_alerts_alone_gets_nothing_while_nothing_is_detected(tmp_path: Path) -> None:
    write(tmp_path / "pager" / "acme", 1.0)
    assert told(tmp_path, detects=True, pager={**HOOK, "kinds": ["alerts"]}) == []
    (line,) = told(tmp_path, pager={**HOOK, "kinds": ["alerts"]})
    assert "sink pager gets alerts alone, of which there are none without a table [detections]" in line
    assert told(tmp_path, pager={**HOOK, "kinds": "both"}) == []


def test_what_holds_no_events_is_not_told(tmp_path: Path) -> None:
    assert told(tmp_path / "not there") == []
    write(tmp_path / "old" / "acme", 1.0, pages=2, done=2)
    write(tmp_path / ".backfill" / "hook" / "acme", 1.0)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".lock").touch()
    assert told(tmp_path) == []


def test_what_can_not_be_looked_at_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "old" / "acme", 1.0)

    def refuse(_path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert told(tmp_path) == []
