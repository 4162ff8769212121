import pytest

from flows.runtime.undelivered import undelivered, undelivered_words


@pytest.mark.parametrize(
    ("letters", "count", "words"),
    [
        ({}, 0, ""),
        ({"input": 7}, 0, ""),
        ({"hook": 1}, 1, "1 event became a dead letter (1 of sink hook): python -m flows.replay sends them again"),
        (
            {"hook": 1200, "input": 2, "search": 3},
            1203,
            "1,203 events became dead letters (1,200 of sink hook, 3 of sink search): python -m flows.replay sends them again",
        ),
    ],
)
def test_what_is_said_of_events_that_did_not_reach_their_target(letters: dict[str, int], count: int, words: str) -> None:
    assert undelivered(letters) == count
    assert undelivered_words(letters) == words
