"""From the text of a metrics endpoint to the samples that the table is made of. Pure."""

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["NotOurs", "Samples", "parse"]

_OURS = "okta_"
# Two thirds of a scrape, and nothing of it is shown.
_UNWANTED = ("okta_request_duration_", "okta_sink_write_duration_", "okta_delivery_latency_")


class NotOurs(ValueError):  # noqa: N818 (it names what is the case, like StopIteration)
    """The text holds no metrics of this pipeline."""


class Samples:
    """Samples by their metric's name.

    Args:
        by_name: Labels and value of each sample.
    """

    def __init__(self, by_name: Mapping[str, list[tuple[Mapping[str, str], float]]]) -> None:
        self._by_name = by_name

    def each(self, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
        """Labels and value of every sample of a metric."""
        yield from self._by_name.get(name, ())

    def by(self, label: str, name: str) -> dict[str, float]:
        """A metric's values by one label; where several samples share it, their sum."""
        values: dict[str, float] = {}
        for labels, value in self.each(name):
            key = labels.get(label, "")
            values[key] = values.get(key, 0.0) + value
        return values


def parse(text: str) -> Samples:
    """Read the text format of Prometheus.

    Only this pipeline's own lines are looked at: those of Bytewax 0.21.1 hold the same series twice.

    Args:
        text: What the endpoint answered.

    Raises:
        NotOurs: There is no sample of ours in it, or it can't be read.
    """
    lines = [line for line in text.splitlines() if line.startswith(_OURS) and not line.startswith(_UNWANTED)]
    by_name: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    try:
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for sample in family.samples:
                by_name.setdefault(sample.name, []).append((sample.labels, sample.value))
    except ValueError as error:
        msg = f"it can't be read: {error}"
        raise NotOurs(msg) from None
    if not by_name:
        msg = "it holds no metric of bytewax-okta"
        raise NotOurs(msg)
    return Samples(by_name)
