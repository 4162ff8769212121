"""A real Prometheus for the tests: its tools, a server of a test's own, and rules whose time runs faster."""

from tests.integration.prometheus.faster import faster
from tests.integration.prometheus.server import PrometheusServer, Sample, prometheus_available
from tests.integration.prometheus.tool import RULES, promtool, promtool_available

__all__ = ["RULES", "PrometheusServer", "Sample", "faster", "prometheus_available", "promtool", "promtool_available"]
