"""What a process would tell, made of paper."""

NOW = 1_772_366_400.0

BYTEWAX = """\
# HELP bytewax_partd_write_duration_seconds x
# TYPE bytewax_partd_write_duration_seconds histogram
bytewax_partd_write_duration_seconds_bucket{part_id="0",worker_id="0",le="0.5"} 3
bytewax_partd_write_duration_seconds_bucket{part_id="0",worker_id="0",le="0.5"} 7
target_info{service_name="unknown",this is not even the format
"""
"""Series that are there twice, and worse."""


def tenant(
    name: str,
    *,
    display_name: str = "",
    up: int | None = 1,
    success: float | None = NOW - 5,
    started: float = NOW - 600,
    interval: float = 10.0,
    failing: tuple[str, str] | None = None,
    lag: float | None = 0.0,
    event: float | None = NOW - 3700,
    received: float = 100,
    duplicate: float = 0,
    malformed: float = 0,
    next_poll: float = NOW + 5,
    drain_ends: float | None = None,
) -> str:
    """The series of a tenant."""
    values: dict[str, float | None] = {
        "okta_tenant_up": up,
        "okta_last_success_timestamp_seconds": success,
        "okta_tenant_started_timestamp_seconds": started,
        "okta_poll_interval_seconds": interval,
        "okta_poll_lag_seconds": lag,
        "okta_last_event_timestamp_seconds": event,
        "okta_next_poll_timestamp_seconds": next_poll,
        "okta_drain_ends_timestamp_seconds": drain_ends,
        "okta_rate_limit_limit": 600,
        "okta_rate_limit_remaining": 540,
        "okta_rate_limit_reserve_ratio": 0.1,
        "okta_events_received_total": received,
        "okta_events_duplicate_total": duplicate,
        "okta_events_malformed_total": malformed,
    }
    lines = [f'okta_tenant_info{{display_name="{display_name or name}",org="{name}.okta.com",tenant="{name}"}} 1.0']
    lines += [f'{metric}{{tenant="{name}"}} {value}' for metric, value in values.items() if value is not None]
    if failing:
        lines.append(f'okta_tenant_failing{{error_type="{failing[0]}",stage="{failing[1]}",tenant="{name}"}} 1.0')
    return "\n".join(lines) + "\n"


def sink(
    name: str, kind: str = "file", *, delivered: float = 0, dead: float = 0, breakers: int = 0, success: float | None = NOW - 1
) -> str:
    """The series of a sink, delivering for two tenants."""
    lines = [
        f'okta_sink_info{{sink="{name}",type="{kind}"}} 1.0',
        f'okta_sink_events_total{{result="delivered",sink="{name}",tenant="acme"}} {delivered}',
        f'okta_sink_events_total{{result="delivered",sink="{name}",tenant="globex"}} {delivered}',
        f'okta_sink_events_total{{result="dead_letter",sink="{name}",tenant="acme"}} {dead}',
        f'okta_sink_events_total{{result="duplicate",sink="{name}",tenant="acme"}} 1',
        f'okta_sink_retries_total{{sink="{name}"}} 2',
        f'okta_sink_breakers_open{{sink="{name}"}} {breakers}',
    ]
    if success is not None:
        lines.append(f'okta_sink_last_success_timestamp_seconds{{sink="{name}"}} {success}')
    return "\n".join(lines) + "\n"
