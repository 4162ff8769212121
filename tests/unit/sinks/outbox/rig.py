"""A tenant's outbox, and what runs do to it; a page is known by its event's uuid."""

from pathlib import Path

from sinks.errors import SinkStopped, stopped_by
from sinks.file.open_files import OpenFiles
from sinks.outbox.log import Log
from sinks.outbox.segments import segments_in
from tests.unit.sinks.scripted_target import make_page


def stopped(error: OSError, path: str) -> SinkStopped:
    return stopped_by(error, sink="search", tenant="acme", path=path, resumes=None)


class Rig:
    """A log, and what a run does to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "acme"
        self.state = None
        self.outbox = "here"
        self.start()

    def start(self):
        self.files = OpenFiles()
        self.log = Log(self.folder, "acme", self.state, self.outbox, self.files, stopped)
        return self

    def write(self, *names, size=0):
        for name in names:
            self.log.make_room()
            self.log.written(self.log.append(make_page("acme", [name], size), 100.0))

    def snapshot(self):
        self.state = self.log.snapshot()

    def read_all(self):
        """Everything that is not on its way, now on its way."""
        found = []
        while self.log.lags:
            documents, page = self.log.read()
            self.log.feed(page)
            found += [(head.uuid, page) for head in documents.heads[:1]]
        return found

    def names(self):
        return [name for name, _ in self.read_all()]

    def settle(self, pages):
        for _, page in pages:
            self.log.settle(page, page.left)
        self.log.write_position()

    def kill(self):
        self.log.abandon()

    @property
    def segments(self):
        return [path for _, path in segments_in(self.folder)]
