import pytest

from sinks.delivery.batch import Batch, cut, size_bytes
from tests.unit.sinks.scripted_target import make_page, uuids

ABC = make_page("acme", "abc")
DE = make_page("globex", "de")


@pytest.mark.parametrize(
    ("positions", "expected", "parts"),
    [
        ([], "", 0),
        ([0, 1, 2, 3, 4], "abcde", 2),
        ([1, 3], "bd", 2),
        ([0, 1, 2], "abc", 1),
        ([4], "e", 1),
    ],
)
def test_take(positions, expected, parts):
    taken = Batch((ABC, DE)).take(positions)
    assert "".join(uuids(taken)) == expected
    assert len(taken.parts) == parts
    assert [part.tenant for part in taken.parts for _ in part.heads] == ["acme" if uuid in "abc" else "globex" for uuid in expected]


def test_taking_everything_copies_nothing():
    batch = Batch((ABC, DE))
    assert batch.take(range(5)) is batch
    assert batch.take([0, 1, 2]).parts[0] is ABC


def test_halves():
    first, second = Batch((ABC, DE)).halves()
    assert (uuids(first), uuids(second)) == (["a", "b"], ["c", "d", "e"])


def test_size_is_that_of_the_documents():
    assert Batch((ABC, DE)).size_bytes == len(ABC.ndjson()) + len(DE.ndjson()) - 5


def pieces(page, events, limit_bytes):
    found = list(cut(page, events, limit_bytes, size_bytes(page)))
    assert [size for _, size in found] == [size_bytes(piece) for piece, _ in found]
    return [piece for piece, _ in found]


def test_a_page_that_fits_is_not_cut():
    assert pieces(ABC, 3, size_bytes(ABC)) == [ABC]
    assert pieces(make_page("acme", ""), 3, 100) == []


def test_cut_by_count():
    assert [[head.uuid for head in part.heads] for part in pieces(make_page("acme", "abcde"), 2, 10_000)] == [["a", "b"], ["c", "d"], ["e"]]


def test_cut_by_bytes_leaves_what_is_too_long_by_itself():
    page = make_page("acme", ["a", "b"], 100)
    long = make_page("acme", ["long"], 1000)
    both = type(page)(
        "acme",
        [*page.heads, *long.heads, *page.heads],
        [*page.prefixes, *long.prefixes, *page.prefixes],
        [*page.bodies, *long.bodies, *page.bodies],
    )
    limit = size_bytes(page)
    assert [[head.uuid for head in part.heads] for part in pieces(both, 10, limit)] == [["a", "b"], ["long"], ["a", "b"]]
