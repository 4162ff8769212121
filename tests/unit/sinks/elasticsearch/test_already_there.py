"""A read-only index holds what it holds: that is no dead letter."""

import pytest

from tests.unit.sinks.elasticsearch.conftest import batch
from tests.unit.sinks.search_server import ItemError

BLOCK = ItemError(403, "cluster_block_exception", "index [logs-okta] blocked by: [FORBIDDEN/8/index write (api)];")
FLOOD = ItemError(429, "cluster_block_exception", "index [logs-okta] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded];")


@pytest.mark.parametrize("block", [BLOCK, FLOOD])
def test_what_a_blocked_index_holds_is_a_duplicate_and_the_rest_waits(search, make_target, block):
    target = make_target(manage_template=False)
    target.send(batch("a", "c"), 10)
    search.blocks["logs-okta"] = block
    outcome = target.send(batch("a", "b", "c", "d"), 10)
    (again,) = outcome.again
    assert (outcome.duplicates, list(again.positions), again.scope) == ([0, 2], [1, 3], "logs-okta")
    outcome = target.send(batch("c", "a"), 10)
    assert (outcome.duplicates, outcome.again) == ([0, 1], [])
    search.blocks.clear()
    assert target.send(batch("a", "b"), 10).delivered == [1]


def test_who_may_not_read_waits_as_before_and_asks_once(search, make_target):
    target = make_target(manage_template=False)
    search.blocks["logs-okta"] = BLOCK
    search.answer(403, b'{"error":{"type":"security_exception","reason":"no read"}}', path="/logs-okta/_search", times=None)
    for _ in range(2):
        (again,) = target.send(batch("a", "b"), 10).again
        assert list(again.positions) == [0, 1]
    assert len(search.sent_to("/logs-okta/_search")) == 1


def test_an_index_that_can_t_be_searched_either_holds_nothing_that_can_be_told(search, make_target):
    target = make_target(manage_template=False)
    search.blocks["logs-okta"] = BLOCK
    (again,) = target.send(batch("a"), 10).again  # there is none of that name
    assert list(again.positions) == [0]


def test_other_troubles_are_not_looked_into(search, make_target):
    target = make_target(manage_template=False)
    search.verdict = lambda _: 429
    assert target.send(batch("a"), 10).again
    search.verdict = lambda _: 503
    assert target.send(batch("a"), 10).again
    assert not search.sent_to("/logs-okta/_search")
