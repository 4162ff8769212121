"""The names, types and labels of the source's metrics are public: dashboards and alerts are built on them."""

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from okta_source.metrics import TenantMetrics

PINNED = {
    "okta_events_received_total": ("counter", {"tenant"}),
    "okta_events_duplicate_total": ("counter", {"tenant"}),
    "okta_events_malformed_total": ("counter", {"tenant"}),
    "okta_pages_total": ("counter", {"tenant"}),
    "okta_requests_total": ("counter", {"tenant", "code"}),
    "okta_request_duration_seconds": ("histogram", {"tenant"}),
    "okta_errors_total": ("counter", {"tenant", "error_type", "stage"}),
    "okta_rate_limit_limit": ("gauge", {"tenant"}),
    "okta_rate_limit_remaining": ("gauge", {"tenant"}),
    "okta_rate_limit_reset_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_rate_limit_wait_seconds_total": ("counter", {"tenant"}),
    "okta_poll_lag_seconds": ("gauge", {"tenant"}),
    "okta_last_success_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_last_event_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_tenant_up": ("gauge", {"tenant"}),
    "okta_cursor_resets_total": ("counter", {"tenant"}),
    "okta_token_refreshes_total": ("counter", {"tenant"}),
}


def touched() -> TenantMetrics:
    """A tenant of which every series exists."""
    metrics = TenantMetrics("pinned")
    metrics.request("200", 0.2)
    metrics.error("auth", "fetch")
    metrics.rate_limit(60, 55, 1_772_366_423)
    metrics.last_event(1_772_366_400.5)
    metrics.success(1_772_366_401.0)
    return metrics


def scraped() -> dict[str, tuple[str, set[str]]]:
    """What a scrape says of the source: name → type and labels."""
    touched()
    found: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
        if family.name.startswith("okta_") and not family.name.startswith(("okta_sink_", "okta_delivery_")):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[name] = (family.type, labels)
    return found


def test_names_types_and_labels_are_pinned() -> None:
    assert scraped() == PINNED


def test_there_are_no_created_series_which_would_double_a_scrape() -> None:
    touched()
    assert b"_created" not in b"\n".join(line for line in generate_latest(REGISTRY).splitlines() if line.startswith(b"okta_"))


def test_a_tenants_histogram_has_few_buckets() -> None:
    touched()
    lines = generate_latest(REGISTRY).decode().splitlines()
    assert sum(line.startswith("okta_request_duration_seconds_bucket{") and 'tenant="pinned"' in line for line in lines) <= 10


def test_values_are_what_was_told() -> None:
    touched()
    expected = {
        ("okta_rate_limit_limit", ()): 60.0,
        ("okta_rate_limit_remaining", ()): 55.0,
        ("okta_rate_limit_reset_timestamp_seconds", ()): 1_772_366_423.0,
        ("okta_last_event_timestamp_seconds", ()): 1_772_366_400.5,
    }
    for (name, more), value in expected.items():
        assert REGISTRY.get_sample_value(name, {"tenant": "pinned", **dict(more)}) == value
    before = REGISTRY.get_sample_value("okta_requests_total", {"tenant": "pinned", "code": "error"}) or 0.0
    TenantMetrics("pinned").request("error", 1.0)
    assert REGISTRY.get_sample_value("okta_requests_total", {"tenant": "pinned", "code": "error"}) == before + 1.0


def test_a_tenant_without_events_has_no_last_event_since_1970_would_be_a_lag() -> None:
    TenantMetrics("never-polled")
    assert REGISTRY.get_sample_value("okta_last_event_timestamp_seconds", {"tenant": "never-polled"}) is None
    assert REGISTRY.get_sample_value("okta_tenant_up", {"tenant": "never-polled"}) == 0.0
    assert REGISTRY.get_sample_value("okta_pages_total", {"tenant": "never-polled"}) == 0.0
