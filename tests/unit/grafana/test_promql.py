"""Reading PromQL: which metrics an expression asks for, and over which ranges."""

import pytest

from grafana.generator.promql import age, ahead, grown, lately, metric_names, or_zero, per, quantile, ranges, rate, selector, while_known

NAMES = [
    ("up", {"up"}),
    ("up == 0", {"up"}),
    ('up{job=~"$job", instance!="a{b}"}', {"up"}),
    ("sum by (job, tenant) (rate(a_total[5m]))", {"a_total"}),
    ("sum(rate(a_total[5m])) by (job, tenant)", {"a_total"}),
    ("sum without (instance) (a) / on (job, tenant) group_left (org) max by (job) (b)", {"a", "b"}),
    ("a and on (tenant) b unless ignoring (le) c or d", {"a", "b", "c", "d"}),
    ("time() - max(a) > bool 3 * b + 60", {"a", "b"}),
    ("histogram_quantile(0.99, sum by (le) (rate(a_bucket[$__rate_interval])))", {"a_bucket"}),
    ('label_replace(a, "tenant", "$1", "instance", "(.*):.*")', {"a"}),
    ("a offset 5m", {"a"}),
    ("a @ 1609746000", {"a"}),
    ("a offset -1h30m > 1e3", {"a"}),
    ("max_over_time(a[1h:30s])", {"a"}),
    ("okta:tenant_state == 3", {"okta:tenant_state"}),
    ("topk(10, a) # not: b", {"a"}),
    ("a * +Inf - NaN", {"a"}),
    ("absent(a) or vector(0)", {"a"}),
    ("SUM BY (job) (a)", {"a"}),
    ("count_values('version', a)", {"a"}),
    ("by_tenant + on_call", {"by_tenant", "on_call"}),
    ("a unless b offset $__rate_interval or increase(c[$__range])", {"a", "b", "c"}),
    ("5 * 60", set()),
]


@pytest.mark.parametrize(("expression", "names"), NAMES)
def test_names(expression: str, names: set[str]):
    assert metric_names(expression) == names


def test_ranges():
    assert ranges('rate(a{b="[c]"}[5m]) + max_over_time(rate(d[$__rate_interval])[1h:30s])') == ["5m", "$__rate_interval", "1h:30s"]


def test_built():
    assert selector("up", 'job="a"', 'b="c"') == 'up{job="a", b="c"}'
    assert rate("a_total", 'b="c"') == 'rate(a_total{b="c"}[$__rate_interval])'
    assert per("tenant", "max", "a") == "max by (job, tenant) (a)"
    assert per("", "sum", "a") == "sum by (job) (a)"
    assert grown("a_total", 'b="c"', over="1h") == '(a_total{b="c"} unless a_total{b="c"} offset 1h or increase(a_total{b="c"}[1h]))'
    assert or_zero("a", "sink", 'b{c="d"}', "1h") == '(a) or max by (job, sink) (clamp_max(count_over_time(b{c="d"}[1h]) > 1, 0))'
    assert while_known("a", "b{}") == "(a) and on (job) b{}"
    assert lately("b") == "last_over_time(b{}[1h])"
    assert age("sink", "b", 'c="d"') == 'min by (job, sink) (timestamp(b{c="d"}) - b{c="d"})'
    assert ahead("", "b") == "max by (job) (b{} - timestamp(b{}))"
    assert quantile(0.5, "sink", "a_bucket") == "histogram_quantile(0.5, sum by (job, sink, le) (rate(a_bucket{}[$__rate_interval])))"
