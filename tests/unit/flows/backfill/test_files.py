from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.backfill.files import beside_the_live_ones, files_in_the_way
from flows.backfill.plan import Plan
from sinks.config import FileSinkConfig, WebhookSinkConfig

PLAN = Plan(datetime(2026, 8, 1, 22, tzinfo=UTC), datetime(2026, 8, 3, tzinfo=UTC), ("acme",), 1, {}, "", "")


def file_sink(path: str, **more: Any) -> FileSinkConfig:
    return FileSinkConfig.model_validate({"type": "file", "path": path, **more})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/{tenant}/{date}.ndjson", "data/{tenant}/{date}.backfill.ndjson"),
        ("data/{tenant}/{date}.ndjson.gz", "data/{tenant}/{date}.backfill.ndjson.gz"),
        ("data/{tenant}/{date}", "data/{tenant}/{date}.backfill"),
        ("data/{tenant}.d/okta.{date}.{hour}.log", "data/{tenant}.d/okta.{date}.{hour}.backfill.log"),
    ],
)
def test_files_of_its_own_beside_the_live_ones(path: str, expected: str) -> None:
    hook = WebhookSinkConfig.model_validate({"type": "webhook", "url": "https://siem.example.com"})
    found = beside_the_live_ones({"archive": file_sink(path), "hook": hook})
    assert found["archive"] == file_sink(expected)
    assert found["hook"] is hook


@pytest.mark.parametrize(
    ("template", "compression", "name", "in_the_way"),
    [
        ("{tenant}/{date}.backfill.ndjson", "none", "acme/2026-08-01.backfill.ndjson", True),
        ("{tenant}/{date}.backfill.ndjson", "none", "acme/2026-08-02.backfill.ndjson", True),
        ("{tenant}/{date}.backfill.ndjson", "none", "acme/2026-08-03.backfill.ndjson", False),
        ("{tenant}/{date}.backfill.ndjson", "none", "acme/2026-07-31.backfill.ndjson", False),
        ("{tenant}/{date}.backfill.ndjson", "none", "globex/2026-08-02.backfill.ndjson", False),
        ("{tenant}/{date}.backfill.ndjson", "none", "acme/2026-08-02.ndjson", False),
        ("{tenant}/{date}.backfill.ndjson", "gzip", "acme/2026-08-02.backfill.ndjson.gz", True),
        ("{tenant}/{date}-{hour}.backfill.ndjson", "none", "acme/2026-08-02-23.backfill.ndjson", True),
        ("{tenant}/{date}-{hour}.backfill.ndjson", "none", "acme/2026-08-01-21.backfill.ndjson", False),
        ("{tenant}.backfill.ndjson", "none", "acme.backfill.ndjson", True),
    ],
)
def test_files_of_an_earlier_backfill_of_the_same_days_are_found(
    tmp_path: Path, template: str, compression: str, name: str, in_the_way: bool
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}\n")
    sink = file_sink(f"{tmp_path}/{template}", compression=compression)
    assert files_in_the_way({"archive": sink}, PLAN) == ([str(path)] if in_the_way else [])
