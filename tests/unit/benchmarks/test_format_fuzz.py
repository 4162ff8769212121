"""A few of the fuzzed events of the benchmark; it takes a million."""

from tests.benchmarks.format_fuzz import fuzz


def test_nothing_leaves_by_an_exception_and_nothing_is_dropped() -> None:
    counts = fuzz(1500, seed=4, valid_share=0.2)
    assert counts["ecs documents"] == counts["ocsf documents"] == counts["events"] == 1500
    # Half surrogate pairs, huge numbers and deep nesting cost a member, not the event.
    assert counts["ecs unmapped"] == counts["ocsf unmapped"] == 0
    assert counts["ocsf checked"] > 200
