"""A disk that is full: what is delivered makes room again, and nothing new is needed for that."""

import errno
import os
from pathlib import Path

import pytest

from sinks.delivery.batch import Batch
from sinks.errors import SinkStopped
from sinks.file.open_files import OpenFiles
from sinks.outbox import position as position_module
from sinks.outbox.backlog import Backlog
from sinks.outbox.log import Log
from sinks.outbox.owner import Owner
from tests.unit.sinks.outbox.rig import stopped


class FullDisk:
    """Refuses new files as long as `holds` is true; files that are there can be written over."""

    def __init__(self, monkeypatch, holds=lambda: True):
        self._holds = holds
        self._open = os.open
        monkeypatch.setattr(position_module.os, "open", self.open)

    def open(self, path, flags, *args, **keys):
        if flags & os.O_CREAT and self._holds() and not Path(path).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return self._open(path, flags, *args, **keys)


def test_a_place_for_what_is_done_with_is_made_while_there_is_room(rig, monkeypatch):
    rig.write("a", "b")
    rig.snapshot()
    FullDisk(monkeypatch)
    rig.settle(rig.read_all()[:1])
    rig.kill()
    assert rig.start().names() == ["b"]


@pytest.mark.usefixtures("_small_segments")
def test_without_such_a_place_what_is_deleted_makes_room_for_it(rig, monkeypatch):
    rig.write("a", "b", "c", size=900)
    rig.snapshot()
    rig.kill()
    (rig.folder / "position").unlink()  # earlier releases made it when something was delivered
    FullDisk(monkeypatch, lambda: len(rig.segments) == 3)
    rig.start()
    backlog = Backlog("search", in_order=False)
    backlog.offer = lambda _documents: True
    backlog.add(rig.log)
    pages = [rig.log.read()]
    rig.log.feed(pages[0][1])
    backlog.settle([Batch((pages[0][0],))])
    assert len(rig.segments) == 2
    rig.kill()
    assert rig.start().names() == ["b", "c"]


def test_what_has_no_room_to_be_noted_is_noted_later(rig, monkeypatch, caplog):
    rig.write("a", "b")
    rig.snapshot()
    rig.kill()
    (rig.folder / "position").unlink()
    is_full = True
    FullDisk(monkeypatch, lambda: is_full)
    log = Log(rig.folder, "acme", rig.state, "here", OpenFiles(), stopped)
    backlog = Backlog("search", in_order=False)
    backlog.offer = lambda _documents: True
    backlog.add(log)
    documents, page = log.read()
    log.feed(page)
    backlog.settle([Batch((documents,))])
    assert "can't be noted in its outbox" in caplog.text
    is_full = False
    backlog.settle([])
    backlog.abandon()
    assert rig.start().names() == ["b"]


def test_nothing_is_written_to_know_which_outbox_it_is(tmp_path, monkeypatch):
    name = Owner(tmp_path / "search", "search", stopped).name()
    assert len(name) == 16

    def refuse(path, *_args, **_keys):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    assert Owner(tmp_path / "search", "search", stopped).name() == name
    with pytest.raises(SinkStopped, match="the disk is full"):
        Owner(tmp_path / "other", "other", stopped).name()


def test_what_could_not_be_named_leaves_nothing_behind(tmp_path, monkeypatch):
    def half(path, _text):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("pathlib.Path.write_text", half)
    with pytest.raises(SinkStopped):
        Owner(tmp_path / "search", "search", stopped).name()
    assert list((tmp_path / "search").iterdir()) == []
