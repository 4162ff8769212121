"""Building and reading PromQL. Pure.

Every selector names the job, so that several pipelines in one Prometheus never mix, and every result is aggregated `by (job, …)`: a tenant
that moved to another process of a cluster shows once, whatever its `instance`.
"""

import re

__all__ = [
    "INSTANCE",
    "JOB",
    "SINK",
    "TENANT",
    "age",
    "ahead",
    "grown",
    "lately",
    "metric_names",
    "or_zero",
    "per",
    "quantile",
    "ranges",
    "rate",
    "selector",
    "sinks_down",
    "while_known",
    "zero",
]

JOB = 'job=~"$job"'
TENANT = 'tenant=~"$tenant"'
SINK = 'sink=~"$sink"'
INSTANCE = 'instance=~"$instance"'

_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`')
_COMMENT = re.compile(r"#[^\n]*")
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", re.IGNORECASE)
_BRACES = re.compile(r"\{[^{}]*\}")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"(?<![\w:$.])[a-zA-Z_:][\w:]*")
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf", "nan"})


def selector(metric: str, *matchers: str) -> str:
    """A metric's series: `selector("up", JOB)` is `up{job=~"$job"}`."""
    return f"{metric}{{{', '.join(matchers)}}}"


def rate(metric: str, *matchers: str) -> str:
    """A counter's growth a second, over the interval that Grafana finds right for the scrape interval and the zoom."""
    return f"rate({selector(metric, *matchers)}[$__rate_interval])"


def grown(metric: str, *matchers: str, over: str = "$__rate_interval") -> str:
    """By how much a counter grew whose labels come with the first thing it counts, such as `code="429"`.

    `increase` counts from a series' first sample on, and so misses what that holds already: a burst of dead letters would never be seen.
    Hence a series that wasn't there before counts as a whole. The price: after a gap in Prometheus' own data it counts as a whole as well.
    """
    series = selector(metric, *matchers)
    return f"({series} unless {series} offset {over} or increase({series}[{over}]))"


def per(labels: str, aggregation: str, inner: str) -> str:
    """An aggregation that keeps the job and these labels: `per("tenant", "max", …)`; `per("", …)` keeps the job alone."""
    kept = f"job, {labels}" if labels else "job"
    return f"{aggregation} by ({kept}) ({inner})"


def zero(labels: str, of: str, over: str = "$__rate_interval") -> str:
    """A zero for each set of labels of `of` that was scraped twice in the range, and nothing where it was not.

    A range that holds one scrape has no rate: a plain `or 0 * …` would show that nothing happens where nobody knows.
    """
    return per(labels, "max", f"clamp_max(count_over_time({of}[{over}]) > 1, 0)")


def while_known(expression: str, of: str) -> str:
    """What a range tells, as long as something is known now: after the end of all processes it would go on to tell of the past."""
    return f"({expression}) and on (job) {of}"


def or_zero(expression: str, labels: str, of: str, over: str = "$__rate_interval") -> str:
    """`zero` where nothing was counted: a counter whose labels come with its first event isn't there before."""
    return f"({expression}) or {zero(labels, of, over)}"


def age(labels: str, metric: str, *matchers: str, aggregation: str = "min") -> str:
    """Since a timestamp that a metric tells, at the moment of the scrape: `time() - …` would add up to a scrape interval."""
    series = selector(metric, *matchers)
    return per(labels, aggregation, f"timestamp({series}) - {series}")


def ahead(labels: str, metric: str, *matchers: str) -> str:
    """Until a timestamp that a metric tells, from the moment of the scrape; negative once it has passed."""
    series = selector(metric, *matchers)
    return per(labels, "max", f"{series} - timestamp({series})")


def sinks_down(*matchers: str) -> str:
    """1 for each sink that counts as down in any process, 0 for the others: one sink is one, however many processes have lost it."""
    breakers = per("sink", "max", selector("okta_sink_breakers_open", *matchers))
    return f"({breakers} or ({per('sink', 'max', selector('okta_sink_info', *matchers))} - 1)) > bool 0"


def lately(metric: str, *matchers: str) -> str:
    """A metric's series of the last hour, those of processes that are gone included."""
    return f"last_over_time({selector(metric, *matchers)}[1h])"


def quantile(share: float, labels: str, buckets: str, *matchers: str) -> str:
    """A quantile of a histogram's observations in the interval, by job and these labels."""
    return f"histogram_quantile({share}, {per(f'{labels}, le' if labels else 'le', 'sum', rate(buckets, *matchers))})"


def metric_names(expression: str) -> set[str]:
    """The metrics that an expression reads.

    A name is a metric unless it is followed by `(` (a function), is a keyword, or stands where labels do: in braces or in a list such as
    that of `by`. `{__name__="…"}` is not looked into: no dashboard and no rule needs it.
    """
    text = _COMMENT.sub(" ", _STRING.sub('""', expression))
    text = _BRACKETS.sub(" ", _BRACES.sub(" ", text))
    # An aggregation may be followed by its labels: `sum by (tenant) (…)`.
    text = _LABEL_LIST.sub(" ", text)
    found = set()
    for match in _NAME.finditer(text):
        name = match[0]
        if name.lower() in _WORDS or text[match.end() :].lstrip().startswith("("):
            continue
        found.add(name)
    return found


def ranges(expression: str) -> list[str]:
    """What stands in the brackets of range selectors and subqueries."""
    text = _COMMENT.sub(" ", _STRING.sub('""', expression))
    return [match[1] for match in _BRACKETS.finditer(text)]
