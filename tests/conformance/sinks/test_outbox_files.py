"""What a kill, a bad disk or an earlier run has left in an outbox costs no event that can be read, and no other tenant anything."""

import logging

import pytest

from tests.conformance.sinks.kinds import SENDERS, HookKind, for_each
from tests.conformance.sinks.pages import content, page, uuids
from tests.conformance.sinks.run import TENANTS, Bench

FIRST, SECOND, THIRD = (page("acme", range(start, start + 3)) for start in range(0, 9, 3))


@for_each(*SENDERS)
def test_killed_twice_while_the_target_is_away(bench: Bench) -> None:
    run = bench.start()
    run.epoch(FIRST)
    run.close()
    run = bench.start(after=run)
    run.write(SECOND)
    run.settle()
    run.kill()  # all is delivered, and no snapshot knows of it
    bench.kind.server.down()
    run = bench.start(after=run)
    more = page("acme", range(3, 9))  # asked again, Okta gives it in one page
    run.write(more)
    run.end_epoch()
    run.kill()
    bench.kind.server.up()
    run = bench.start(after=run)
    run.settle()
    run.close()
    assert bench.kind.by_uuid() == content(FIRST, more)
    assert bench.letters() == []


@for_each(*SENDERS)
@pytest.mark.parametrize("has_state", [True, False])
def test_a_damaged_page_holds_up_nobody(bench: Bench, caplog: pytest.LogCaptureFixture, *, has_state: bool) -> None:
    others = [page(tenant, range(6)) for tenant in TENANTS if tenant != "acme"]
    bench.kind.server.down()
    run = bench.start()
    run.write(FIRST, SECOND, THIRD, *others)
    run.end_epoch()
    run.kill()
    (path,) = (path for path in bench.files_left() if path.parent.name == "acme")
    data = path.read_bytes()
    begin = data.index(b'"acme-3"')
    path.write_bytes(data[:begin] + b"\0" * 8 + data[begin + 8 :])
    bench.kind.server.up()
    run = bench.start(after=run if has_state else None)
    run.settle()
    run.epoch(page("acme", range(9, 12)))
    run.close()
    assert bench.kind.by_uuid() == content(FIRST, THIRD, page("acme", range(9, 12)), *others)
    if isinstance(bench.kind, HookKind):
        assert [uuid for uuid in bench.kind.arrived() if uuid.startswith("acme")] == uuids(FIRST, THIRD, page("acme", range(9, 12)))
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 1
    assert "of tenant acme can't be read and are not sent" in told[0].getMessage()
    (kept,) = path.parent.glob("*.damaged")
    assert str(kept) in told[0].getMessage()
    assert kept.read_bytes() in data[:begin] + b"\0" * 8 + data[begin + 8 :]
