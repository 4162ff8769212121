"""What belongs to no partition of this process: failures told from elsewhere, the last snapshot, and who this process is."""

import threading
import time
from collections.abc import Iterable

__all__ = ["PROCESS", "ProcessMetrics", "count_error", "tell_pipeline"]


class ProcessMetrics:
    """The process's own numbers.

    Attributes:
        last_snapshot: When Bytewax last took a snapshot of a partition of the source, epoch seconds; None before the first.
        info: The labels of `okta_pipeline_info`, None where nobody has told them.
    """

    def __init__(self) -> None:
        self.last_snapshot: float | None = None
        self.info: dict[str, str] | None = None
        self._lock = threading.Lock()
        self._errors: dict[tuple[str, str, str], int] = {}

    def snapshotted(self) -> None:
        """Bytewax has taken a snapshot of a partition."""
        self.last_snapshot = time.time()

    def count_error(self, tenant: str, error_type: str, stage: str) -> None:
        """Count a failure; sinks' threads and fetch threads do so at the same time."""
        key = tenant, error_type, stage
        with self._lock:
            self._errors[key] = self._errors.get(key, 0) + 1

    def errors(self) -> Iterable[tuple[dict[str, str], int]]:
        """Labels and number of failures."""
        with self._lock:
            counted = list(self._errors.items())
        return [({"tenant": tenant, "error_type": error_type, "stage": stage}, count) for (tenant, error_type, stage), count in counted]


PROCESS = ProcessMetrics()
"""This process."""


def count_error(tenant: str, error_type: str, stage: str) -> None:
    """Count a failure without making the tenant's other series, which exist only in the process that polls it."""
    PROCESS.count_error(tenant, error_type, stage)


def tell_pipeline(version: str, process_id: str) -> None:
    """Say which release this is and which process of its cluster."""
    PROCESS.info = {"version": version, "process_id": process_id}
