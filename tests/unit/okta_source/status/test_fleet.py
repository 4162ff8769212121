"""The fleet from what its processes tell: without a socket and without a clock."""

import pytest

from okta_source.status.fleet import Fleet, read_fleet, with_rates
from okta_source.status.samples import NotOurs, parse
from tests.unit.okta_source.status.told import BYTEWAX, NOW, sink, tenant


def fleet(*texts: str, now: float = NOW) -> Fleet:
    return read_fleet([(f"p{number}", parse(text)) for number, text in enumerate(texts)], now)


def states(*texts: str) -> dict[str, str]:
    return {it.tenant: it.state for it in fleet(*texts).tenants}


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, "Active"),
        ({"event": NOW - 86_400 * 30}, "Active"),  # quiet is well
        ({"event": None}, "Active"),
        ({"lag": 90_000.0}, "Active"),  # a long drain is well, too
        ({"up": 0, "failing": ("auth", "fetch")}, "Failing"),
        ({"up": 0, "success": NOW - 9000}, "Failing"),  # the reason that is nearer
        ({"success": NOW - 89}, "Active"),
        ({"success": NOW - 91}, "Stale"),
        ({"success": NOW - 91, "interval": 60.0}, "Active"),
        ({"success": NOW - 241, "interval": 60.0}, "Stale"),
        ({"up": None, "success": None, "started": NOW - 3}, "Starting"),
        ({"up": None, "success": None, "started": NOW - 91}, "Stale"),
        ({"up": None, "success": None, "started": NOW - 91, "interval": 3600.0}, "Starting"),
    ],
)
def test_how_a_tenant_is(told: dict[str, object], state: str) -> None:
    assert states(tenant("acme", **told)) == {"acme": state}  # type: ignore[arg-type]


def test_what_is_told_of_a_tenant() -> None:
    (it,) = fleet(BYTEWAX + tenant("acme", display_name="Acme Inc.", up=0, failing=("dns", "fetch"), received=7, malformed=2)).tenants
    assert (it.display_name, it.org, it.endpoint) == ("Acme Inc.", "acme.okta.com", "p0")
    assert (it.error_type, it.stage, it.next_poll) == ("dns", "fetch", NOW + 5)
    assert (it.events_received, it.events_malformed, it.events_duplicate) == (7, 2, 0)
    assert (it.rate_limit, it.rate_remaining, it.rate_reserve) == (600, 540, 0.1)


def test_the_worst_come_first_then_by_name() -> None:
    text = (
        tenant("b")
        + tenant("a")
        + tenant("new", up=None, success=None, started=NOW)
        + tenant("late", success=NOW - 999)
        + tenant("z", up=0)
    )
    assert [it.tenant for it in fleet(text).tenants] == ["z", "late", "new", "a", "b"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_tenant_that_moved_the_newest_success_counts(order: int) -> None:
    old, new = tenant("acme", success=NOW - 30, up=0), tenant("acme", success=NOW - 2)
    assert states(*[old, new][::order]) == {"acme": "Active"}


def test_processes_are_joined() -> None:
    joined = fleet(
        tenant("acme") + sink("archive", delivered=10, success=NOW - 50),
        tenant("globex") + sink("archive", delivered=5, dead=3, breakers=1, success=NOW - 2) + sink("search", "elasticsearch"),
        'okta_pipeline_info{process_id="2",version="1"} 1.0\n',
    )
    assert [it.tenant for it in joined.tenants] == ["acme", "globex"]
    archive, search = joined.sinks
    assert (archive.delivered, archive.duplicate, archive.dead_letters, archive.retries) == (30, 2, 3, 4)
    assert (archive.breakers_open, archive.last_success) == (1, NOW - 2)
    assert search.type == "elasticsearch"


def _waiting(seconds: float) -> str:
    return f'okta_sink_outbox_bytes{{sink="search"}} 512.0\nokta_sink_outbox_oldest_timestamp_seconds{{sink="search"}} {NOW - seconds}\n'


@pytest.mark.parametrize(
    ("text", "is_well"),
    [
        (tenant("acme") + tenant("new", up=None, success=None, started=NOW) + sink("archive"), True),
        (tenant("acme", up=0), False),
        (tenant("acme", success=NOW - 999), False),
        (tenant("acme") + sink("search", breakers=1), False),
        (tenant("acme") + sink("search", dead=1), False),
        (tenant("acme") + sink("search") + _waiting(59), True),
        (tenant("acme") + sink("search") + _waiting(61), False),
    ],
)
def test_whether_all_is_well(text: str, is_well: bool) -> None:
    assert fleet(text).is_well is is_well


def test_events_per_second_between_two_looks() -> None:
    first = fleet(tenant("acme", received=100) + tenant("restarted", received=900) + sink("archive", delivered=50))
    text = tenant("acme", received=150) + tenant("restarted", received=3) + tenant("new") + sink("archive", delivered=60)
    second = with_rates(fleet(text, now=NOW + 10), first)
    assert {it.tenant: it.events_per_second for it in second.tenants} == {"acme": 5.0, "restarted": None, "new": None}
    assert [it.events_per_second for it in second.sinks] == [2.0]


@pytest.mark.parametrize("text", ["", "<html>no</html>", BYTEWAX, "up 1\n", "okta_tenant_info{tenant=\n", "okta_up one\n"])
def test_what_is_none_of_ours(text: str) -> None:
    with pytest.raises(NotOurs):
        parse(text)


def test_names_come_back_as_they_were_given() -> None:
    (it,) = fleet('okta_tenant_info{display_name="A \\"b\\" \\\\ Zürich",org="o",tenant="acme"} 1.0\n').tenants
    assert it.display_name == 'A "b" \\ Zürich'
    assert it.state == "Starting"
