"""How much lies with the dead letters, as a scrape sees it."""

from pathlib import Path

from sinks.dead_letters.waiting import WaitingLetters


def test_what_has_not_been_sent_again_is_told_by_sink(tmp_path: Path):
    letters = WaitingLetters(registry=None)

    def told() -> dict[str, float]:
        return {sample.labels["sink"]: sample.value for family in letters.collect() for sample in family.samples}

    assert told() == {}
    letters.watch(tmp_path / "letters")
    assert told() == {}
    folder = tmp_path / "letters" / "siem"
    folder.mkdir(parents=True)
    (folder / "2026-01-01.ndjson").write_bytes(b"x" * 70)
    (folder / "2026-01-02.ndjson").write_bytes(b"x" * 30)
    (folder / ".2026-01-02.ndjson.claim").write_bytes(b"x")
    assert told() == {"siem": 100}
    (folder / "2026-01-01.ndjson").unlink()
    assert told() == {"siem": 30}
