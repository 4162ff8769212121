"""What the source tells Prometheus. Bytewax's endpoint appends the default registry of `prometheus_client`, so no server of ours is needed.

Names, types and labels are public. Labels are bounded by the configuration; a tenant's series exist only in the process that polls it.
"""

from prometheus_client import disable_created_metrics

from okta_source.metrics.collector import TenantCollector
from okta_source.metrics.process import PROCESS, count_error, tell_pipeline
from okta_source.metrics.tenant import TENANTS, TenantMetrics

__all__ = ["PROCESS", "TENANTS", "TenantCollector", "TenantMetrics", "count_error", "tell_pipeline"]

# One more series for every counter and histogram of the sinks, which nothing here reads.
disable_created_metrics()  # type: ignore[no-untyped-call]
