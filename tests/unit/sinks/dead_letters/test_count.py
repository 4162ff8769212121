from datetime import UTC, datetime

import pytest

from sinks.dead_letters import count as module
from sinks.dead_letters.sink import DeadLetterFile
from sinks.documents import Rejected


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(module, "_counts", module.Counter())


def letter(sink, number):
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    return Rejected(
        tenant="acme", sink=sink, reason="no", status=400, attempts=1, first_attempt_at=moment, last_attempt_at=moment,
        uuid=str(number), published=moment, format="raw", event=b"{}",
    )  # fmt: skip


def test_letters_that_were_written_are_counted_by_sink(tmp_path):
    letters = DeadLetterFile(tmp_path)
    letters.append([letter("hook", 1), letter("hook", 2), letter("search", 3)])
    assert module.written() == {"hook": 2, "search": 1}
