"""A reader meets few names at the root of each package; what lies behind a name is a room's own affair."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("package", ["okta_source", "sinks", "flows"])
def test_a_root_holds_few_files_and_few_rooms(package: str) -> None:
    entries = [path for path in (ROOT / package).iterdir() if path.name != "__pycache__"]
    files = sorted(path.name for path in entries if path.is_file())
    rooms = sorted(path.name for path in entries if path.is_dir())
    assert len(files) <= 10, files
    assert len(rooms) <= 15, rooms
