"""The steps of a flow that detect.

The ids of these steps, here those of the main flow, are part of the saved state and never change:

| id | step | state |
|---|---|---|
| `match` | single events; runs where the page is | none |
| `correlate` | groups of events, by tenant | one snapshot a tenant: groups, episodes, the newest `published` |

Matches travel, events don't: of a page, only what some rule matches goes on to `correlate`, which may be another process. Alerts belong to
the same epoch as the events that they are made of, so they are as exactly-once as the sink that they go to.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream, StatefulBatchLogic

from okta_source.detections.alerts import Alert
from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.library import LiveLists, with_lists
from okta_source.detections.matcher import Matcher
from okta_source.detections.matches import Matches
from okta_source.detections.metrics import DetectionMetrics
from okta_source.detections.rules import RuleSet
from okta_source.detections.table import DetectionsConfig, read_prime
from okta_source.polling.event import Batch

__all__ = ["detect"]

_LOGGER: Final = logging.getLogger(__name__)
_LOOK_AT_LISTS_SECONDS: Final = 5.0


def detect(
    pages: Stream[Batch], rules: RuleSet, config: DetectionsConfig, *, match_id: str = "match", correlate_id: str = "correlate"
) -> KeyedStream[list[Alert]]:
    """Match and correlate.

    Args:
        pages: New events.
        rules: The rules in force.
        config: Where they come from, for the lists that may change.
        match_id: Id of the first step.
        correlate_id: Id of the second one.

    Returns:
        Alerts, by tenant: also of a tenant whose events don't come any more, when a wait is over.
    """
    metrics = DetectionMetrics(rules)
    prime = read_prime(config.prime) if config.prime else {}
    matches = op.map(match_id, pages, MatchStep(rules, config, metrics))
    return op.stateful_batch(correlate_id, matches, partial(CorrelateLogic, rules, metrics, prime=prime))


class MatchStep:
    """A page → `(tenant, Matches)`; looks now and then whether a list has changed.

    Args:
        rules: The rules in force.
        config: Where they come from.
        metrics: Counts.
        now: The clock, monotonic, in seconds.
    """

    def __init__(
        self, rules: RuleSet, config: DetectionsConfig, metrics: DetectionMetrics, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rules = rules
        self._config = config
        self._metrics = metrics
        self._now = now
        self._matcher = Matcher(rules)
        self._lists = LiveLists(config)
        self._told = ""  # what is said of a list, once for as long as it stays so
        self._look_at = now() + _LOOK_AT_LISTS_SECONDS

    def __call__(self, batch: Batch) -> tuple[str, Matches]:
        """Match a page."""
        started = time.thread_time()
        if self._lists.are_files and self._now() >= self._look_at:
            self._look_at = self._now() + _LOOK_AT_LISTS_SECONDS
            self._look()
        found = self._matcher(batch.tenant, batch.heads, batch.bodies)
        self._metrics.seconds(time.thread_time() - started)
        return batch.tenant, found

    def _look(self) -> None:
        # The lists alone, never the rules' files: those may be half written, and matches travel by the numbers of the rules that the
        # correlator has.
        try:
            rules = self._lists.changed(partial(with_lists, self._rules))
        except (OSError, ValueError) as error:
            self._metrics.list_error()
            if str(error) != self._told:
                self._told = str(error)
                _LOGGER.warning("a list of [detections.lists] has changed and can't be used; the old one stays in force: %s", error)
            return
        if rules is not None:
            self._told = ""
            self._matcher = Matcher(rules)
            _LOGGER.info("lists of [detections.lists] were read again")


class CorrelateLogic(StatefulBatchLogic[Matches, list[Alert], bytes]):
    """One tenant's correlations as a step of Bytewax.

    The snapshot is bytes of this pipeline's own making: nothing in it depends on where a class is.

    Args:
        rules: The rules in force.
        metrics: Counts.
        saved: The snapshot to go on from.
        prime: What a backtest has learned, by tenant, for those without a snapshot.
    """

    def __init__(self, rules: RuleSet, metrics: DetectionMetrics, saved: bytes | None, prime: Mapping[str, bytes] | None = None) -> None:
        self._rules = rules
        self._metrics = metrics
        self._saved = saved
        self._prime = prime or {}
        self._correlator: Correlator | None = None
        self._groups: Mapping[int, int] = {}

    def on_batch(self, values: list[Matches]) -> tuple[Iterable[list[Alert]], bool]:
        """Take some pages' matches."""
        started = time.thread_time()
        correlator = self._correlator
        if correlator is None:  # only now is the tenant known
            tenant = values[0].tenant
            known = self._saved or self._prime.get(tenant)
            correlator = self._correlator = Correlator(self._rules, tenant, known, learned_only=not self._saved)
            self._saved = None
        alerts = [alert for page in values for alert in correlator.take(page)]
        self._metrics.alerts(alerts)
        self._metrics.tally(values[0].tenant, correlator.tally)
        groups = correlator.groups()
        self._metrics.groups(self._groups, groups)
        self._groups = groups
        self._metrics.seconds(time.thread_time() - started)
        return ([alerts] if alerts else ()), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        """Everything that is remembered."""
        if self._correlator is not None:
            return self._correlator.snapshot()
        return self._saved or b""
