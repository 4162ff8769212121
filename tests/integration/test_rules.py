"""promtool judges our rules, our configuration, and what the rules say of made-up series; and each test of a rule can fail."""

import re
from pathlib import Path

import pytest
import yaml

from tests.integration.prometheus import RULES, faster, promtool, promtool_available
from tests.integration.prometheus.scrapes import SCRAPES_SECONDS, rendered

RULE_FILES = ("recording.rules.yml", "alerts.rules.yml")
TESTS = sorted(path.name for path in (RULES / "tests").glob("*.yml"))

# What breaks a rule, and the test that has to tell:
# (file, what stands there, what is put there instead, the file of the test, how its name begins).
MUTATIONS = [
    ("alerts", "unless tenant:okta_auth_failing", "", "tenants", "a revoked token"),
    ("alerts", "for: 5m", "for: 1m", "tenants", "failures that pass"),
    ("recording", 'error_type=~"auth|permission"', 'error_type="auth"', "tenants", "a permission"),
    ("recording", "[4m]", "[1s]", "tenants", "a permission"),
    ("alerts", 'error_type!="rate_limited"', 'error_type!=""', "rate_limit", "a limit that others"),
    ("alerts", "unless group by (job, tenant) (okta_tenant_failing)", "", "tenants", "an organisation that can't be reached"),
    ("alerts", "> 3 * max by", "> 2000 * max by", "tenants", "a tenant without"),
    ("alerts", "3 * max by (job, tenant) (okta_poll_interval_seconds)", "30", "tenants", "a tenant without"),
    ("recording", "timestamp(okta_tenant_started", "-timestamp(okta_tenant_started", "tenants", "a tenant without"),
    ("recording", "increase(okta_cursor_resets_total[15m])", "okta_cursor_resets_total", "tenants", "quiet"),
    ("alerts", "max[15m], scalar(okta:backlog_patience_seconds)) > 0", "max[15m], 0) > 0", "lag", "backlogs"),
    ("alerts", "and deriv(tenant:okta_poll_lag_seconds:max[15m]) > 0", "", "lag", "backlogs"),
    ("alerts", "unless min_over_time(tenant:okta_poll_lag_seconds:max[15m])", "unless (up > 1)", "lag", "a lag that grows"),
    ("alerts", "unless group by (job, tenant) (okta_tenant_failing)", "", "lag", "a tenant that fails"),
    ("alerts", "unless on (job, org) org:okta_catching_up", "", "lag", "backlogs"),
    ("alerts", "unless tenant:okta_rate_limited", "", "rate_limit", "a limit that others"),
    ("alerts", "ratio5m >= 0.5)\n          unless", "ratio5m >= 50)\n          unless", "rate_limit", "a limit that our own"),
    ("recording", "* (1 - max by (job, tenant) (okta_rate_limit_reserve_ratio))", "", "rate_limit", "a limit that our own"),
    ("recording", "(okta_rate_limit_limit > 0)", "(okta_rate_limit_limit)", "rate_limit", "refused"),
    ("recording", "ratio5m > 0.5", "ratio5m > 0.1", "rate_limit", "a wait"),
    ("recording", "okta_cursor_resets_total unless okta_cursor_resets_total offset 15m", "up > 1", "events", "a cursor"),
    ("recording", "offset 15m and on (job, instance) instance:okta_watched15m", "offset 15m", "events", "old counts"),
    ("recording", "up offset 15m == 1", "up offset 15m == 2", "events", "what can't be decoded"),
    ("recording", ', sink!="input"', "", "events", "what can't be decoded"),
    ("alerts", "unless tenant:okta_hook_events:increase30m > 0", "", "hooks", "hooks that were due"),
    ("recording", "okta_hook_events_total unless okta_hook_events_total offset 30m or ", "", "hooks", "hooks that were due"),
    ("recording", "okta_hook_unconfirmed_total unless okta_hook_unconfirmed_total offset 15m", "up > 1", "hooks", "what polling never"),
    ("alerts", "and tenant:okta_token_errors:increase15m > 0", "", "tokens", "a token"),
    ("alerts", "unless max by (job, sink) (max_over_time(okta_sink_breakers_open[20m]) > 0)", "", "sinks", "a sink that is down"),
    ("alerts", "okta_sink_breakers_open[20m]", "okta_sink_breakers_open[1m]", "sinks", "a sink that is down"),
    ("recording", "(okta_sink_breakers_open > 0)", "(okta_sink_breakers_open > 9)", "sinks", "a sink that fails for an hour"),
    ("recording", "<= scalar(okta:sink_success_threshold_seconds)", "> 9e9", "sinks", "retries"),
    ("recording", "vector(900)\n      # The range", "vector(90)\n      # The range", "sinks", "a sink that is behind"),
    ("alerts", "unless max by (job, sink) (max_over_time(okta_sink_breakers_open[10m]) > 0)", "", "sinks", "an outbox that is old"),
    ("alerts", "and (sum by (job, sink) (deriv(okta_sink_outbox_bytes[30m])) > 0)", "", "sinks", "an outbox that is old"),
    ("recording", " and okta_sink_retries_total)", ")", "pipeline", "a process that was killed"),
    ("alerts", "unless on (job) job:okta_standing_still", "", "pipeline", "a worker"),
    ("alerts", 'absent(up{job="bytewax-okta"})', "absent(up)", "pipeline", "no target"),
    ("alerts", "for: 2m", "for: 0s", "pipeline", "a scrape"),
    ("recording", "max by (job, instance) (timestamp", "max by (job, instance) (-timestamp", "pipeline", "a process that has never"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _needs_promtool() -> None:
    if reason := promtool_available():
        pytest.skip(reason)


def test_rules_and_configuration_are_valid() -> None:
    code, text = promtool("check", "rules", *RULE_FILES)
    assert code == 0, text
    code, text = promtool("check", "config", "prometheus.yml")
    assert code == 0, text
    assert "2 rule files found" in text


def test_commented_ways_to_find_targets_are_valid(tmp_path: Path) -> None:
    """Each block of the configuration that is there to be uncommented, in the place of the static targets."""
    text = (RULES / "prometheus.yml").read_text()
    blocks = re.findall(r"^    # (\w+_sd_configs):\n((?:^    #   .*\n|^    # relabel_configs:\n)+)", text, re.MULTILINE)
    assert [name for name, _ in blocks] == ["file_sd_configs", "dns_sd_configs", "kubernetes_sd_configs"]
    static = text[text.index("    static_configs:\n") : text.index("    # Targets in a file")]
    for name, lines in blocks:
        block = re.sub(r"^    # ", "    ", f"    # {name}:\n{lines}", flags=re.MULTILINE)
        if name == "kubernetes_sd_configs":  # Debian builds Prometheus without it
            assert yaml.safe_load(block)[name] == [{"role": "pod"}]
            block = static + block[block.index("    relabel_configs:") :]
        config = tmp_path / f"{name}.yml"
        config.write_text(re.sub(r"rule_files:\n(  - .*\n)+", "", text).replace(static, block))
        code, told = promtool("check", "config", str(config))
        assert code == 0, told


@pytest.mark.parametrize("name", TESTS)
def test_alerts_fire_and_stay_silent_as_their_tests_say(name: str) -> None:
    code, text = promtool("test", "rules", f"tests/{name}")
    assert code == 0, text


def _at_scrapes_of(scrape_seconds: int, folder: Path, recording: str) -> tuple[int, str]:
    """What promtool says of all troubles at a scrape interval, with these recording rules."""
    (folder / RULE_FILES[0]).write_text(recording)
    (folder / RULE_FILES[1]).write_text((RULES / RULE_FILES[1]).read_text())
    order = [group["name"] for name in RULE_FILES for group in yaml.safe_load((RULES / name).read_text())["groups"]]
    path = folder / "scrapes.yml"
    path.write_text(yaml.safe_dump({"rule_files": list(RULE_FILES), **rendered(scrape_seconds, order)}))
    return promtool("test", "rules", str(path))


@pytest.mark.parametrize("scrape_seconds", SCRAPES_SECONDS)
def test_every_alert_speaks_and_is_silent_at_every_scrape_interval(tmp_path: Path, scrape_seconds: int) -> None:
    code, text = _at_scrapes_of(scrape_seconds, tmp_path, (RULES / RULE_FILES[0]).read_text())
    assert code == 0, text


def test_ages_by_the_clock_would_call_a_healthy_tenant_stale(tmp_path: Path) -> None:
    """The age at the moment of the evaluation, as rules without `timestamp` have it, wakes people for tenants that are well."""
    aged = re.sub(r"timestamp\((okta_\w+)\)", "time()", (RULES / RULE_FILES[0]).read_text())
    code, text = _at_scrapes_of(60, tmp_path, re.sub(r"time\(\) - (okta_\w+)", r"(time() - \1)", aged))
    assert code == 1
    assert "a cluster that is well" in text
    assert '{alertname="TenantStale"}' in text


def test_every_broken_rule_fails_its_test(tmp_path: Path) -> None:
    """In one run of promtool: a folder for each break."""
    runs = []
    for number, (broken, old, new, where, start) in enumerate(MUTATIONS):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in RULE_FILES:
            text = (RULES / name).read_text()
            if name.startswith(broken):
                assert old in text, old
                text = text.replace(old, new)
            (folder / name).write_text(text)
        content = yaml.safe_load((RULES / "tests" / f"{where}.yml").read_text())
        tests = [test for test in content["tests"] if test["name"].startswith(start)]
        assert len(tests) == 1, start
        path = folder / "test.yml"
        path.write_text(yaml.safe_dump({**content, "rule_files": list(RULE_FILES), "tests": tests}))
        runs.append(str(path))
    _, text = promtool("test", "rules", *runs)
    results = re.findall(r"Unit Testing:  (\S+)\n((?:(?!Unit Testing:).*\n)*)", text)
    assert [path for path, _ in results] == runs
    survived = [MUTATIONS[number] for number, (_, told) in enumerate(results) if "exp:" not in told]
    assert survived == [], survived


def test_faster_rules_are_valid_and_have_no_time_of_their_own_left(tmp_path: Path) -> None:
    for name in RULE_FILES:
        content = yaml.safe_load((RULES / name).read_text())
        path = tmp_path / name
        path.write_text(yaml.safe_dump(faster(content, 30.0)))
        code, text = promtool("check", "rules", str(path))
        assert code == 0, text
        for before, after in zip(content["groups"], faster(content, 30.0)["groups"], strict=True):
            for slow, fast in zip(before["rules"], after["rules"], strict=True):
                for number in re.findall(r"(?<![\w:.$])\d+(?:\.\d+)?(?![\w:.])", slow["expr"]):
                    assert float(number) < 60 or fast["expr"] == f"vector({float(number) / 30:g})", slow["expr"]
