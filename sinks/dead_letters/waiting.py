"""How much lies with the dead letters and has not been sent again: looked at when somebody asks for the metrics."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sinks.dead_letters.files import letter_files

__all__ = ["WaitingLetters", "watch_letters"]


class WaitingLetters(Collector):
    """The size of each sink's dead letters, `input` among them. `replay` takes out what it has sent, so this falls where a counter can't.

    Processes that share a folder tell the same: take the greatest, not the sum.
    """

    def __init__(self, registry: CollectorRegistry | None = REGISTRY) -> None:
        self._directory: Path | None = None
        if registry is not None:
            registry.register(self)

    def watch(self, directory: Path) -> None:
        """From now on tell of this `dead_letter_dir`."""
        self._directory = directory

    def describe(self) -> Iterable[Metric]:
        """The metric without values, by which the registry refuses others of its name."""
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        """The metric as it is now; a folder that can't be read has no series."""
        family = self._family()
        if self._directory is not None:
            try:
                for folder in sorted(self._directory.iterdir()):
                    if folder.is_dir():
                        family.add_metric([folder.name], sum(path.stat().st_size for path in letter_files(folder)))
            except OSError:
                # Not there before the first letter; or a file that `replay` took away meanwhile: the next scrape tells.
                return [family]
        return [family]

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily("okta_sink_dead_letter_bytes", "Dead letters of a sink that have not been sent again.", labels=["sink"])


_LETTERS = WaitingLetters()


def watch_letters(directory: Path) -> None:
    """Tell of a `dead_letter_dir`: see `WaitingLetters`."""
    _LETTERS.watch(directory)
