"""When a run that is to end stops waiting: for requests to Okta, and for targets."""

from okta_source.fetching.control import DELIVERY_GRACE_SECONDS, STOP_GRACE_SECONDS, RunControl


def test_the_moments_of_a_stop() -> None:
    now = 50.0
    control = RunControl(clock=lambda: now)
    assert not control.stopping
    assert control.delivery_deadline() is None
    assert not control.grace_is_over()
    control.request_stop()
    assert control.stopping
    assert control.delivery_deadline() == 50.0 + DELIVERY_GRACE_SECONDS
    assert not control.grace_is_over()
    now += STOP_GRACE_SECONDS
    control.request_stop()  # changes nothing
    assert control.grace_is_over()
    assert control.delivery_deadline() == 50.0 + DELIVERY_GRACE_SECONDS
