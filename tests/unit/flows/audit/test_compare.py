"""A page against an archive."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from flows.audit.archive import CLOSED, DELETED, HOLE, UNREADABLE
from flows.audit.compare import Compare
from sinks.documents import DocumentHead
from tests.unit.flows.audit.pages import HOUR, FakeArchive, head, page, uuid_of


def test_a_page_that_is_all_there_is_looked_up_once() -> None:
    archive = FakeArchive([uuid_of(1), uuid_of(2)])
    verdict = Compare("archive", archive)(page(head(1), head(2, 1.5)))
    assert (verdict.sink, verdict.tenant) == ("archive", "acme")
    assert verdict.expected == {HOUR: 1, HOUR + 1: 1}
    assert verdict.missing is None
    assert not verdict.repeated
    assert len(archive.asked) == 1


def test_what_is_missing_is_looked_up_again_and_comes_with_its_documents() -> None:
    archive = FakeArchive([uuid_of(1)], later=[uuid_of(3)])
    verdict = Compare("archive", archive)(page(head(1), head(2), head(3), head(4)))
    assert archive.asked == [([uuid_of(n) for n in (1, 2, 3, 4)], False), ([uuid_of(n) for n in (2, 3, 4)], True)]
    assert verdict.missing is not None
    assert [one.uuid for one in verdict.missing.heads] == [uuid_of(2), uuid_of(4)]
    assert verdict.missing.document(1) == page(head(4)).document(0)


def test_further_copies_are_counted_by_the_hour() -> None:
    archive = FakeArchive([uuid_of(1)] * 3 + [uuid_of(2)] * 2 + [uuid_of(3)])
    verdict = Compare("search", archive)(page(head(1), head(2), head(3, 1.5)))
    assert verdict.repeated == {HOUR: 3}


def test_an_archive_that_cannot_be_asked_is_trouble_and_nothing_is_missing() -> None:
    verdict = Compare("search", FakeArchive([], unreadable="no disk"))(page(head(1)))
    assert verdict.trouble == "no disk"
    assert verdict.missing is None
    assert verdict.expected == verdict.unchecked == {HOUR: 1}


@dataclass
class Coded(FakeArchive):
    """Says of event *n* what stands at *n*."""

    codes: Sequence[int] = ()

    def copies(self, tenant: str, heads: Sequence[DocumentHead], hours: Sequence[int], *, again: bool = False) -> Sequence[int]:
        return [self.codes[int(one.uuid[-1], 16)] for one in heads]

    def trouble(self, tenant: str, head: DocumentHead) -> str:
        return f"no shard for {head.uuid[-1]}"


@pytest.mark.parametrize(("wants_deleted", "missing"), [(False, [1]), (True, [1, 3, 4])])
def test_what_is_not_held_any_more_is_missing_only_where_somebody_wants_it(wants_deleted: bool, missing: list[int]) -> None:
    archive = Coded([], codes=[1, 0, CLOSED, DELETED, HOLE, UNREADABLE, 2])
    verdict = Compare("search", archive, wants_deleted=wants_deleted)(page(*[head(number) for number in range(7)]))
    assert verdict.missing is not None
    assert [one.uuid for one in verdict.missing.heads] == [uuid_of(number) for number in missing]
    away = {(HOUR, "closed"): 1} | ({} if wants_deleted else {(HOUR, "deleted"): 1, (HOUR, "hole"): 1})
    assert (verdict.away, verdict.unchecked, verdict.repeated) == (away, {HOUR: 1}, {HOUR: 1})
    assert verdict.trouble == "no shard for 5"


def test_a_verdict_travels_between_processes() -> None:
    import pickle  # noqa: PLC0415

    verdict = Compare("archive", FakeArchive([]))(page(head(1)))
    back = pickle.loads(pickle.dumps(verdict))  # noqa: S301
    assert back.missing.ndjson() == page(head(1)).ndjson()
    assert back.expected == verdict.expected
