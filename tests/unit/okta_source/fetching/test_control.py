"""When a run that is to end stops waiting: for requests to Okta, and for outboxes to be empty."""

from okta_source.fetching.control import (
    OUTBOX_GRACE_SECONDS,
    OUTBOX_PATIENCE_SECONDS,
    OUTBOX_QUIET_SECONDS,
    STOP_GRACE_SECONDS,
    RunControl,
)


def test_the_moments_of_a_stop() -> None:
    now = 50.0
    control = RunControl(clock=lambda: now)
    assert not control.stopping
    assert not control.grace_is_over()
    control.request_stop()
    assert control.stopping
    assert not control.grace_is_over()
    now += STOP_GRACE_SECONDS
    control.request_stop()  # changes nothing
    assert control.grace_is_over()


def test_a_stop_waits_for_outboxes_while_something_gets_through_and_no_longer_than_its_grace() -> None:
    now = 50.0
    control = RunControl(clock=lambda: now)
    control.request_stop()
    now += 0.2
    assert control.outbox_deadline() == now + OUTBOX_QUIET_SECONDS
    assert control.outbox_deadline() == now + OUTBOX_QUIET_SECONDS
    now += 0.3
    assert control.outbox_deadline(progress=True) == now + OUTBOX_QUIET_SECONDS
    now += 0.3
    assert control.outbox_deadline(progress=True) == 50.0 + OUTBOX_GRACE_SECONDS


def test_a_run_that_ends_by_itself_waits_a_minute_for_all_outboxes_together() -> None:
    now = 50.0
    control = RunControl(until_drained=True, clock=lambda: now)
    assert control.outbox_deadline() == 50.0 + OUTBOX_PATIENCE_SECONDS
    now += 40.0
    assert control.outbox_deadline() == 50.0 + OUTBOX_PATIENCE_SECONDS
    assert control.outbox_deadline(progress=True) == 90.0 + OUTBOX_PATIENCE_SECONDS
    control.request_stop()
    assert control.outbox_deadline() == 90.0 + OUTBOX_QUIET_SECONDS


def test_what_is_left_is_remembered() -> None:
    control = RunControl()
    assert control.left() == []
    control.left_behind("3 MB")
    assert control.left() == ["3 MB"]
