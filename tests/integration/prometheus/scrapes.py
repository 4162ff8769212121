"""Every alert at every scrape interval, from one template: what a cluster that is well shows, and what each trouble changes of it. Pure.

A series is written as what its process would say at any moment; `rendered` takes the samples that a scrape interval leaves of it.
Each trouble is a job of its own beside the others, which the rules keep apart: so promtool runs them all at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["EVALUATION_SECONDS", "SCRAPES_SECONDS", "SCRAPE_INTERVAL", "TROUBLES", "Trouble", "rendered"]

SCRAPES_SECONDS = (15, 30, 60)
EVALUATION_SECONDS = 15
SCRAPE_INTERVAL = 'ceil(600 / max(count_over_time(up{job=~".+"}[10m])))'
_MINUTE = 60
_LONG_AGO = -86_400.0
_UNTIL_MINUTES = 65
# The only job whose absence is told; see MetricsEndpointDown.
_JOB = "bytewax-okta"

Moment = Callable[[float], float | None]
"""What a process says of a series at so many seconds; None where it doesn't have it."""


def _always(value: float) -> Moment:
    return lambda _: value


def _from(minute: float, value: Moment, before: float | None = None, until: float = 1e9) -> Moment:
    """One thing from a minute on, until another; `before` (or nothing) the rest of the time."""
    return lambda at: value(at) if minute * _MINUTE <= at < until * _MINUTE else before


def _growing(per_second: float, start: float = 0.0, since: float = 0.0) -> Moment:
    return lambda at: start + per_second * max(0.0, at - since * _MINUTE)


def _stamp(every_seconds: float, stops: float = 1e9) -> Moment:
    """A timestamp that is renewed every so often, as seen at the worst moment; from minute `stops` on no more."""
    return lambda at: min(at, stops * _MINUTE) - every_seconds


def _of(name: str, **labels: str) -> str:
    inner = ",".join(f'{key}="{value}"' for key, value in {"instance": "a:3030", **labels}.items())
    return f"{name}{{{inner}}}"


_ACME, _SIEM = {"tenant": "acme"}, {"sink": "siem"}
_SUCCESS = _of("okta_last_success_timestamp_seconds", **_ACME)
_SNAPSHOT = _of("okta_last_snapshot_timestamp_seconds")
_LAG = _of("okta_poll_lag_seconds", **_ACME)
_REQUESTS = _of("okta_requests_total", **_ACME, code="200")
_WAITS = _of("okta_rate_limit_wait_seconds_total", **_ACME)
_RETRIES = _of("okta_sink_retries_total", **_SIEM)
_SINK_SUCCESS = _of("okta_sink_last_success_timestamp_seconds", **_SIEM)
_BREAKERS = _of("okta_sink_breakers_open", **_SIEM)
_OLDEST = _of("okta_sink_outbox_oldest_timestamp_seconds", **_SIEM)
_TOKEN = _of("okta_access_token_expires_timestamp_seconds", **_ACME)
_UP = _of("up")

# Polled every second, with a token for an hour that is renewed five minutes before it ends, and a sink that never waits for long.
_WELL: Mapping[str, Moment] = {
    _UP: _always(1),
    _of("process_start_time_seconds"): _always(_LONG_AGO),
    _SNAPSHOT: _stamp(10),
    _of("okta_tenant_info", **_ACME, display_name="Acme", org="acme.okta.com"): _always(1),
    _of("okta_tenant_up", **_ACME): _always(1),
    _of("okta_poll_interval_seconds", **_ACME): _always(1),
    _of("okta_tenant_started_timestamp_seconds", **_ACME): _always(_LONG_AGO),
    _SUCCESS: _stamp(2.5),
    _LAG: _always(0),
    _REQUESTS: _growing(0.5),
    _WAITS: _always(900),
    _of("okta_rate_limit_limit", **_ACME): _always(120),
    _of("okta_rate_limit_reserve_ratio", **_ACME): _always(0.1),
    _TOKEN: lambda at: at - at % 3300 + 3600,
    _of("okta_cursor_resets_total", **_ACME): _always(7),
    _of("okta_events_malformed_total", **_ACME): _always(3),
    _of("okta_hook_missed_total", **_ACME): _growing(0.01),
    _of("okta_hook_events_total", **_ACME, result="delivered"): _growing(0.1),
    _of("okta_sink_info", **_SIEM, type="webhook"): _always(1),
    _SINK_SUCCESS: _stamp(100),
    _RETRIES: _growing(1 / 600),
    _BREAKERS: _always(0),
    _OLDEST: _stamp(840),
    _of("okta_sink_outbox_bytes", **_SIEM): _always(2e9),
    _of("okta_sink_events_total", **_SIEM, tenant="acme", result="dead_letter"): _always(50),
}


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, and who is told.

    Attributes:
        alert: The one that fires, and no other; empty where none does.
        silent_until: Up to this minute nothing may have fired.
        fires_by: In this minute it does.
        changes: The series that are other than in a cluster that is well.
        over_at: In this minute nothing fires any more.
    """

    alert: str
    silent_until: float
    fires_by: float
    changes: Mapping[str, Moment]
    over_at: float | None = None


def _failing(kind: str) -> dict[str, Moment]:
    failing = _of("okta_tenant_failing", **_ACME, error_type=kind, stage="fetch")
    return {
        failing: _from(20, _always(1), until=40),
        _SUCCESS: lambda at: at - 2.5 if at < 1200 or at >= 2400 else 1197.5,
        _LAG: lambda at: max(0.0, at - 1197.5) if 1200 <= at < 2400 else 0.0,
    }


def _happens(name: str, count: float = 2.0, **labels: str) -> dict[str, Moment]:
    """A counter whose labels come with the first thing that it counts, at 20 minutes."""
    return {_of(name, **labels): _from(20, _always(count))}


def _limited(requests_per_second: float) -> dict[str, Moment]:
    return {_WAITS: _growing(0.9, 900, 20), _REQUESTS: _growing(requests_per_second)}


TROUBLES: Mapping[str, Trouble] = {
    "a cluster that is well": Trouble("", 65, 65, {}),
    "a failure that passes": Trouble(
        "", 65, 65, {_of("okta_tenant_failing", **_ACME, error_type="server", stage="fetch"): _from(20, _always(1), until=24)}
    ),
    "a revoked token": Trouble("TenantAuthFailing", 24.9, 27, _failing("auth"), 46),
    "an organisation out of reach": Trouble("TenantDown", 24.9, 27, _failing("connection"), 46),
    "a request that hangs": Trouble("TenantStale", 24.9, 28, {_SUCCESS: _stamp(2.5, 20)}),
    "a lag that stays": Trouble("LagHigh", 34.9, 38, {_LAG: _from(20, _always(7200), 0)}),
    "a lag that grows": Trouble("LagGrowing", 39, 45, {_LAG: _from(20, _growing(0.7, 0, 20), 0, until=50)}, 53),
    "a limit that others spend": Trouble("RateLimitExhausted", 24.9, 30, _limited(0.1)),
    "a limit that we spend": Trouble("RateLimitedByUs", 34.9, 42, _limited(1.7)),
    "a cursor that was refused": Trouble("CursorReset", 19.9, 23, {_of("okta_cursor_resets_total", **_ACME): _from(20, _always(8), 7)}, 40),
    "what is no event": Trouble("MalformedEvents", 19.9, 22, {_of("okta_events_malformed_total", **_ACME): _from(20, _always(5), 3)}, 40),
    "matches too late": Trouble("DetectionsLate", 19.9, 22, _happens("okta_detection_late_total", **_ACME), 40),
    "a rule without room": Trouble("DetectionsRefused", 19.9, 22, _happens("okta_detection_refused_total", rule="spraying"), 40),
    "a forged hook": Trouble("HookUnconfirmed", 19.9, 22, _happens("okta_hook_unconfirmed_total", **_ACME), 40),
    "a hook that is silent": Trouble(
        "HookSilent", 43, 49, {_of("okta_hook_events_total", **_ACME, result="delivered"): lambda at: 0.1 * min(at, 600)}
    ),
    "a token that can't be renewed": Trouble(
        "TokenExpiring",
        25.9,
        28.5,
        {
            _TOKEN: lambda at: 1800.0 if at < 1800 else None,
            _of("okta_errors_total", **_ACME, error_type="server", stage="token"): lambda at: (
                None if at < 1500 else 1.0 + (min(at, 1800) - 1500) // 60
            ),
        },
        34,
    ),
    "a sink that is down": Trouble("BreakerOpen", 20.9, 23, {_BREAKERS: _from(20, _always(1), 0, until=40)}, 43),
    "a sink that takes nothing": Trouble("SinkFailing", 22, 27, {_SINK_SUCCESS: _stamp(0, 20), _RETRIES: _growing(1 / 60)}),
    "a sink that refuses events": Trouble(
        "DeadLettersGrowing",
        20.9,
        23,
        {_of("okta_sink_events_total", **_SIEM, tenant="acme", result="dead_letter"): _from(20, _always(51), 50)},
        40,
    ),
    "a sink that is behind": Trouble("OutboxOld", 34.9, 43, {_OLDEST: lambda at: min(at - 10, 1200)}),
    "an outbox that fills the disk": Trouble(
        "OutboxGrowing", 29.9, 34, {_of("okta_sink_outbox_bytes", **_SIEM): _from(20, _growing(1e6, 2e9, 20), 2e9)}
    ),
    "a worker that stands still": Trouble("NoSnapshots", 24.9, 28, {_SNAPSHOT: _stamp(10, 20), _SUCCESS: _stamp(2.5, 20)}),
    "a process that is gone": Trouble("MetricsEndpointDown", 21.9, 24, {}),
}
"""By what goes wrong."""


def _series(trouble: Trouble) -> Mapping[str, Moment]:
    if trouble.alert != "MetricsEndpointDown":
        return {**_WELL, **trouble.changes}
    gone = {name: _from(0, value, until=20) for name, value in _WELL.items()}
    return {**gone, _UP: _from(20, _always(0), 1)}


def _samples(value: Moment, scrape_seconds: int) -> str:
    """As promtool writes them; a series that ends is marked as stale, as a scrape without it does."""
    found: list[str] = []
    before: float | None = None
    for at in range(0, _UNTIL_MINUTES * _MINUTE + 1, scrape_seconds):
        now = value(float(at))
        if now is None:
            found.append("_" if before is None else "stale")
        else:
            found.append(repr(now))
        before = now
    return " ".join(found)


def rendered(scrape_seconds: int, order: Sequence[str]) -> dict[str, Any]:
    """A file of promtool's tests, but for `rule_files`: every trouble, at one scrape interval.

    Args:
        scrape_seconds: How far samples are apart.
        order: The groups of the rules, in which they are evaluated.
    """
    series, checks = [], []
    for number, (name, trouble) in enumerate(TROUBLES.items()):
        job = _JOB if trouble.alert == "MetricsEndpointDown" else f"{number:02} {name}"
        for entry, value in _series(trouble).items():
            series.append({"series": entry.replace("{", f'{{job="{job}",', 1), "values": _samples(value, scrape_seconds)})
        # In a cluster that is well no alert is even about to fire, at whatever moment between two scrapes it is looked at.
        state = 'alertstate="firing",' if trouble.alert or trouble.changes else ""
        firing = f'ALERTS{{{state}job="{job}"}}'
        ever = f"max_over_time({firing}[{_UNTIL_MINUTES}m])"
        only = [{"labels": f'{{alertname="{trouble.alert}"}}', "value": 1}] if trouble.alert else []
        moments = [(ever, trouble.silent_until, []), (firing, trouble.fires_by, only), (ever, _UNTIL_MINUTES, only)]
        if trouble.over_at is not None:
            moments.append((firing, trouble.over_at, []))
        checks += [
            {"expr": f"group by (alertname) ({expr})", "eval_time": f"{round(minute * _MINUTE)}s", "exp_samples": samples}
            for expr, minute, samples in moments
        ]
    # What the dashboards' hidden variable asks, at a moment between two scrapes.
    checks.append({"expr": SCRAPE_INTERVAL, "eval_time": "1807s", "exp_samples": [{"labels": "{}", "value": scrape_seconds}]})
    test = {
        "name": f"scraped every {scrape_seconds} s",
        "interval": f"{scrape_seconds}s",
        "input_series": series,
        "promql_expr_test": checks,
    }
    return {"evaluation_interval": f"{EVALUATION_SECONDS}s", "group_eval_order": list(order), "tests": [test]}
