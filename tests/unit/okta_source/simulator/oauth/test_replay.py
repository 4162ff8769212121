"""One-time ids."""

from okta_source.simulator.oauth.replay import UsedIds


def test_an_id_serves_once_until_its_time_is_over() -> None:
    used = UsedIds()
    assert used.use("a", until=10.0, now=0.0)
    assert not used.use("a", until=10.0, now=9.9)
    assert used.use("a", until=20.0, now=10.0)


def test_ids_are_forgotten_when_they_no_longer_matter() -> None:
    used = UsedIds()
    for number in range(100_000):
        assert used.use(str(number), until=number + 10.0, now=float(number))
    assert len(used._until) <= 1100
    assert not used.use("99999", until=1e6, now=99_999.0)
