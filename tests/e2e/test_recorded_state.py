"""What an earlier release left behind when it was killed, this one continues: each event once, byte for byte."""

import pickle
import sqlite3
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.e2e.harness import Workplace, judge
from tests.e2e.recorded.paged_log import PagedLog

RECORDINGS = sorted((Path(__file__).parent / "recorded").glob("*.zip"))


def moved(value: Any, places: Mapping[str, str]) -> Any:
    """Saved state with other paths and URLs in it: those of the recording are gone."""
    if isinstance(value, str):
        for old, new in places.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        return {moved(key, places): moved(entry, places) for key, entry in value.items()}
    return value


def move(place: Workplace, places: Mapping[str, str]) -> None:
    """Let everything that was recorded speak of these folders and organisations."""
    for path in [place.config, *(place.state / "files").iterdir()]:
        path.write_text(moved(path.read_text(), places))
    with closing(sqlite3.connect(place.state / "part-0.sqlite3")) as store, store:
        for row, saved in store.execute("SELECT rowid, ser_change FROM snaps").fetchall():
            changed = pickle.dumps(moved(pickle.loads(saved), places))  # noqa: S301  # our own
            store.execute("UPDATE snaps SET ser_change = ? WHERE rowid = ?", (changed, row))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_a_state_directory_of_an_earlier_release_is_continued(tmp_path: Path, recording: Path) -> None:
    with zipfile.ZipFile(recording) as packed:
        packed.extractall(tmp_path)
    (tmp_path / "token").chmod(0o600)
    place = Workplace(tmp_path)
    places = orjson.loads((tmp_path / "places.json").read_bytes())
    before = {tenant: place.lines(tenant)[:12] for tenant in ("acme", "globex")}
    assert len(place.lines("acme")) > 12, "the files are ahead of the snapshot, which stands behind the twelfth event"
    with ExitStack() as stack:
        logs = {path.stem: stack.enter_context(PagedLog(path.read_bytes().splitlines())) for path in (tmp_path / "events").iterdir()}
        move(place, {places["folder"]: str(tmp_path), **{places[tenant]: log.url for tenant, log in logs.items()}})
        whole = place.config.read_text()
        # At first without the last tenant, whose state has to be kept; then with it, where its log has grown.
        place.config.write_text(whole.replace(whole[whole.index('[[tenants]]\nname = "initech"') : whole.index("[sinks.archive]")], ""))
        flow = place.drain(snapshot_seconds=1)
        assert flow.process.returncode == 0, flow.output()
        assert logs["initech"].cursors == []
        logs["initech"].events += [event.replace(b'"uuid":"', b'"uuid":"later-') for event in logs["initech"].events]
        place.config.write_text(whole)
        flow = place.drain(snapshot_seconds=1)
        assert flow.process.returncode == 0, flow.output()
    assert {tenant: log.cursors[0] for tenant, log in logs.items()} == {"acme": 12, "globex": 12, "initech": 5}
    assert "continuing there" not in place.log.read_text()
    for tenant, log in logs.items():
        judge(place.lines(tenant), log.events, tenant)
        judge(place.lines(tenant, "packed"), log.events, tenant)
    assert {tenant: place.lines(tenant)[:12] for tenant in before} == before
