"""How far before the first alert that is told events have to be read, so that rules know there what they know in a whole run. Pure."""

from okta_source.detections.correlation.window import LATENESS_MS
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation

__all__ = ["reach_ms"]


def reach_ms(rules: RuleSet) -> int:
    """How many milliseconds.

    A window holds what other rules were told of, each at the end of a window of its own: the timespans of a chain of correlations add up.
    Whether an alert is the first of its episode is decided by what fulfilled the rule in the timespan before it, so one more is read.

    Args:
        rules: The rules in force.
    """
    chains: list[int] = []
    farthest = 0
    for active in rules.rules:
        rule = active.rule
        if not isinstance(rule, Correlation):
            chains.append(0)
            continue
        chains.append(max(rule.timespan_ms, rule.warm_up_ms) + max(chains[child] for child in active.children))
        if active.alerts:
            # What is new is told of at once and each time: `first_seen` has no episodes, and mostly the longest timespan of all.
            episode = 0 if rule.type == "first_seen" else rule.timespan_ms
            farthest = max(farthest, chains[-1] + episode)
    return farthest + LATENESS_MS if farthest else 0
