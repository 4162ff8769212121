"""Bent inputs of every kind: fifty thousand pages and their share of the others; in the gate (`FUZZ_PAGES`) a million."""

import os
import random
from pathlib import Path

import pytest

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import KEPT, FoundError, fuzz, judge_alone

PAGES = int(os.environ.get("FUZZ_PAGES", "50000"))
# A shard of a million takes half a minute, so that as many processes as there are take part.
SHARDS = {kind: max(1, round(16 * each.share)) for kind, each in KINDS.items()}
# Of what a kind can come to: a generator that makes nothing but rubbish, or nothing but good pages, tries nothing.
EXPECTED = {
    "pages": {"events", "malformed", "letters", "nothing"},
    "answers": {"a page", "decode", "connection", "auth", "rate_limited", "server", "foreign_link", "bad_request"},
    "tokens": {"a token", "decode", "auth", "rate_limited", "permission"},
    "hooks": {"events", "letters", "counted"},
    "archives": {"whole", "damage", "unfinished"},
}


def each_shard() -> list[object]:
    """In groups of their own, since a file's tests run in one process else."""
    return [
        pytest.param(kind, shard, id=f"{kind}-{shard}", marks=pytest.mark.xdist_group(f"fuzz-{kind}-{shard}"))
        for kind, count in SHARDS.items()
        for shard in range(count)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "shard"), each_shard())
def test_whatever_comes_is_accounted_for(kind: str, shard: int) -> None:
    outcomes = fuzz(kind, round(PAGES * KINDS[kind].share / SHARDS[kind]), f"1.{shard}", KEPT)
    assert set(outcomes) >= EXPECTED[kind]


@pytest.mark.parametrize("path", sorted(KEPT.glob("*/*.bin")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_once_failed_holds(path: Path) -> None:
    judge_alone(path.parent.name, path.read_bytes())


def test_an_input_that_fails_is_told_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def judge(self, data: bytes) -> str:
            raise KeyError(data[:1])

        def close(self) -> None:
            pass

    monkeypatch.setattr("tests.fuzz.run.KINDS", {"pages": type(KINDS["pages"])(lambda _: b"[body", Broken, 1.0)})
    with pytest.raises(
        FoundError, match=r"seed '1', input 0: KeyError.*\n5 bytes: b'\[body'\nkept in .*; again: python -m tests\.fuzz --again"
    ):
        fuzz("pages", 3, "1", tmp_path)
    (kept,) = tmp_path.glob("pages/*.bin")
    assert kept.read_bytes() == b"[body"


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_makes_the_same_inputs(kind: str) -> None:
    made = [[KINDS[kind].make(rng) for _ in range(20)] for rng in (random.Random("a"), random.Random("a"), random.Random("b"))]
    assert made[0] == made[1] != made[2]
