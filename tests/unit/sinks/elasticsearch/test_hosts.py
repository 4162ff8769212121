from sinks.elasticsearch.hosts import Hosts


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_hosts_take_turns():
    hosts = Hosts(["a", "b", "c"], Clock())
    assert [hosts.candidates() for _ in range(4)] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_a_host_that_failed_rests_for_longer_each_time():
    clock = Clock()
    hosts = Hosts(["a", "b"], clock)
    rests = []
    for _ in range(8):
        hosts.failed("a", clock.now)
        began = clock.now
        while "a" not in hosts.candidates():
            clock.now += 0.5
        rests.append(clock.now - began)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_answer_ends_the_rest_and_its_doubling():
    clock = Clock()
    hosts = Hosts(["a", "b"], clock)
    for _ in range(5):
        hosts.failed("a", clock.now)
    hosts.answered("a")
    assert set(hosts.candidates()) == {"a", "b"}
    hosts.failed("a", clock.now)
    clock.now += 1
    assert set(hosts.candidates()) == {"a", "b"}


def test_requests_that_fail_together_count_once():
    clock = Clock()
    hosts = Hosts(["a", "b"], clock)
    began = clock.now
    clock.now += 5
    for _ in range(4):
        hosts.failed("a", began)
    clock.now += 1
    assert set(hosts.candidates()) == {"a", "b"}


def test_where_all_rest_the_one_that_rested_longest_is_asked():
    clock = Clock()
    hosts = Hosts(["a", "b", "c"], clock)
    for name in ("b", "c", "a"):
        hosts.failed(name, clock.now)
        clock.now += 0.1
    assert [hosts.candidates() for _ in range(3)] == [["b"]] * 3
    hosts.failed("b", clock.now)
    assert hosts.candidates() == ["c"]
